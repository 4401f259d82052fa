"""A vendor's API over HTTP: asked in windows, page by page, with a ledger of what was asked, got and is owed.

`connector` says what is new; `client` asks, patiently; `answers` judges what came back; `windows` says what
to ask for; `ledger` remembers it; `deletes` and `nested` make of the answers what the vendor does not say.
"""

from vestry.ingest.rest.connector import RestConnector

__all__ = ["RestConnector"]
