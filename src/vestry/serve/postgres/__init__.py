"""The door PostgreSQL: what readers may see, published to a real server, for whatever speaks ODBC, JDBC or libpq.

`wanted` asks the gate what should be there, `books` knows what is, `changes` is what differs. `publish` loads what is
new into tables of its own and swaps everything in one transaction; `shut` takes a right away at once.
"""
