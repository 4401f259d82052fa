"""Databases, read through DuckDB's scanners, and gently where their owners ask for it.

`url` says where one is, `server` attaches it and asks it. `sqlite` reads files; `tables` reads servers: whole, by a
cursor, by what differs from bronze (`changes`), or in pieces that the server can bear (`gently`). `backup` restores a
dump into a server of our own.
"""

from vestry.ingest.database.connector import DatabaseConnector

__all__ = ["DatabaseConnector"]
