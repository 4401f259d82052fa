"""What a connector is: the one small interface between systems of record and the load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from vestry.ingest.fingerprints import Fingerprints
from vestry.lake import Engine, Lake
from vestry.project import Project, Source, TableName, VestryError
from vestry.project.errors import did_you_mean

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

#: Microseconds since 1970 of the last load: what was loaded after it is new to whoever reads the table.
LOADED_AT = "vestry.loaded_at"
#: Columns of bronze that say nothing of a person, so that their statistics let readers skip files.
LOAD_COLUMNS = ("_load_id", "_loaded_at", "_source")


@dataclass(frozen=True)
class Part:
    """A piece of a load that comes or does not come as a whole: a file, a table, an API's pages.

    `select` is SQL for the context's connection: the columns as received and `_row`.
    `rows` is how many rows it must give, counted independently (None: not known before).
    `rejected` has the columns line BIGINT, raw VARCHAR, reason VARCHAR.
    """

    origin: str
    select: str
    rows: int | None = None
    rejected: pa.Table | None = None
    #: Which earlier rows go: those of this origin, of the whole table, or none (the part adds to them).
    replaces: Literal["origin", "table", "nothing"] = "origin"
    #: The file that the part is a piece of, `of/piece`: all that came of it before goes, whichever piece it was.
    of: str | None = None
    marks: Mapping[str, int] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    #: Whether records say only what they know, so that a column that none of them has is not gone.
    sparse: bool = False
    #: Read the part once more, patiently, where the quick way lost a row or failed.
    again: Callable[[], Part] | None = None
    #: What did not come, though this did: the part is committed, and the load then counts as failed.
    owed: VestryError | None = None
    #: Called after the commit, to write down elsewhere what is true only then.
    done: Callable[[], object] | None = None


@dataclass(frozen=True)
class Context:
    """What a connector works with: one source table, and the bronze table as it stands."""

    project: Project
    source: Source
    table: str
    bronze: TableName
    lake: Lake
    fingerprints: Fingerprints
    #: Reads a mark of the bronze table's last commits; None where there is none.
    mark: Callable[[str], int | None]
    #: Only there while a load runs.
    running: Engine | None = None

    @property
    def engine(self) -> Engine:
        if self.running is None:
            raise RuntimeError("no load is running")
        return self.running

    @property
    def settings(self) -> Any:
        """The source's YAML, as its connector's typed model."""
        return self.source.spec

    @property
    def spec(self) -> Any:
        """The source's YAML for this table, as its typed model."""
        return self.source.spec.tables[self.table]

    @property
    def where(self) -> str:
        """File and line of the table in the source's YAML, for messages."""
        return f"{self.source.file.path}:{self.source.file.line(('tables', self.table))}"


class Connector(Protocol):
    """A way to reach systems of record."""

    def news(self, context: Context) -> str | None:
        """Why there is something to load, in a few words, or None. Cheap: it reads no rows."""
        ...

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        """What is new, piece by piece; temporary files go to `workdir`."""
        ...


@cache
def connector(name: str) -> Connector:
    """The connector of that name, ours or another package's.

    Raises VestryError with the names there are.
    """
    found = {e.name: e for e in entry_points(group="vestry.connectors")}
    if name not in found:
        raise VestryError(f"there is no connector `{name}`", mend=did_you_mean(name, found))
    made: Connector = found[name].load()()
    return made
