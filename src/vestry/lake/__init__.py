"""Delta tables, and the engine that queries them.

`Lake` stages and publishes (one commit a write); `Engine` is DuckDB over a lake, on
which SQL names tables `domain.product.table`.
"""

from vestry.lake.engine import Engine, failure, is_disk_full, quoted
from vestry.lake.tables import DATA, REPLACED, Lake, Staged, Version

__all__ = ["DATA", "REPLACED", "Engine", "Lake", "Staged", "Version", "failure", "is_disk_full", "quoted"]
