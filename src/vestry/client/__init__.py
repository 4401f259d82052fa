"""Tables of a council in Python, for notebooks and scripts.

    import vestry

    council = vestry.connect("https://data.testham.gov.uk", token="vst_…")   # or the folder of a project
    repairs = council.table("housing.repairs.repair")
    repairs.where("cost", ">=", 100).select("ward", "cost").to_polars()

A portal is asked over REST with an API token; a project's folder through the same gate, as whoever sits at the machine.
Either way what comes is what the reader may see, and the reading is written down in the audit.
"""

from vestry.client.connection import Connection, connect
from vestry.client.table import Column, Table

__all__ = ["Column", "Connection", "Table", "connect"]
