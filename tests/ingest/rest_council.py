"""A council that reads a vendor's API, on the vendor's clock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from council import Council
from servers.vendor import Vendor
from vestry.ingest.rest.owed import Owed, owed
from vestry.project import load_project
from vestry.run.execute import Outcome
from vestry.run.workspace import Workspace

CHANGE = "bronze.planning.change"
CASE = "planning.cases.case"

CURSOR = "{field: changed_at, param: since, start: '2026-02-20T00:00:00Z', until: until, window: 1d, overlap: 1h}"
SINCE = "{field: changed_at, param: since, start: '2026-02-20T00:00:00Z'}"


class RestCouncil(Council):
    """Its clock is the vendor's."""

    def __init__(self, root: Path, vendor: Vendor) -> None:
        super().__init__(root)
        self.vendor = vendor

    def open(self) -> Workspace:
        return Workspace(replace(load_project(self.root), clock=lambda: self.vendor.now.timestamp()))

    def reads(self, cursor: str = CURSOR, *, table: str = "", more: str = "", source: str = "") -> None:
        """The source: `table` is further lines of the table, `more` further tables, `source` further lines above."""
        self.source(
            "planning",
            f"connector: rest\nurl: {self.vendor.url}\nevery: 0s\npatience: 1s\n{source}tables:\n"
            "  change:\n    endpoint: changes\n    rows: items\n    key: reference\n"
            f"    paginator: {{type: json_link, next_url_path: next}}\n    cursor: {cursor}\n{table}{more}",
        )

    def load(self) -> Outcome:
        return self.run(CHANGE)[CHANGE]

    def told(self) -> list[tuple[Any, ...]]:
        """What bronze has of what the vendor told, in order."""
        return self.rows(f"SELECT reference, changed_at, status FROM {CHANGE} WHERE reference IS NOT NULL ORDER BY ALL")

    def owed(self) -> list[Owed]:
        workspace = self.open()
        try:
            with workspace.engine.cursor() as con:
                return list(owed(workspace.engine, con, workspace.project.sources.values()))
        finally:
            workspace.engine.close()


def tells(vendor: Vendor) -> list[tuple[Any, ...]]:
    """What the vendor has told, each once, in order."""
    return sorted((c["reference"], c["changed_at"], c.get("status")) for c in vendor.log)
