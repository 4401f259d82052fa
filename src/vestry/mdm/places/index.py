"""The index that addresses are found by: a cache in the project's state folder, which follows the gazetteer.

A change of few properties is written into the index that is there; more than that, or another way of reading, makes a
new one aside, which takes the old one's place when it is whole. One process writes at a time; readers never wait.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import duckdb
import tantivy
from filelock import FileLock, Timeout

from vestry.lake import DATA, Engine, Lake
from vestry.mdm.places.model import Gazetteer, entries_select
from vestry.project import literal

_DOCUMENTS = Path(__file__).with_name("entries.sql")
#: More changed properties than this share are a new index.
_MANY = 0.1
_HEAP = 256 * 2**20
_SMALL_HEAP = 32 * 2**20
_BATCH = 20_000


@dataclass(frozen=True)
class State:
    """What an index holds: the gazetteer's data at a version (`data` counts its changes), read in a way (`key`)."""

    folder: str
    key: str
    data: int
    version: int


def schema() -> tantivy.Schema:
    """The fields of a document: see `entries.sql`."""
    made = tantivy.SchemaBuilder()
    for name in ("words", "words_begin", "area", "area_begin", "outward_begin", "unit", "building", "base"):
        made.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    for name in ("uprn", "kind", "outward", "code"):
        made.add_text_field(name, tokenizer_name="raw", index_option="basic")
    made.add_text_field("hit", stored=True, tokenizer_name="raw", index_option="basic")
    made.add_float_field("weight", fast=True)
    return made.build()


class AddressIndex:
    """The index of one gazetteer, in `state` (the project's folder of caches)."""

    def __init__(self, lake: Lake, gazetteer: Gazetteer, state: Path) -> None:
        self.lake, self.gazetteer = lake, gazetteer
        self.folder = state / "search" / str(gazetteer.name)

    def follow(self, engine: Callable[[], Engine], tell: Callable[[str], None] = lambda _: None) -> Path:
        """Bring the index up to date with the gazetteer, and say where it is.

        The engine is started only where something is to be written. `tell` hears what takes time. Raises VestryError
        where the gazetteer is not there.
        """
        table = self.lake.existing(self.gazetteer.name)
        data = table.transaction_version(DATA) or 0
        state = self._state()
        if not self._is_current(state, data):
            with self._lock(tell):
                state = self._state()
                if not self._is_current(state, data):
                    state = self._write(engine(), state, data, table.version(), tell)
        assert state is not None
        return self.folder / state.folder

    def _write(
        self, engine: Engine, state: State | None, data: int, version: int, tell: Callable[[str], None]
    ) -> State:
        con = engine.cursor()
        con.execute(_DOCUMENTS.read_text(encoding="utf-8"))
        known = self.lake.columns(self.gazetteer.name)
        now = entries_select(self.gazetteer, engine.relation(self.gazetteer.name, version), known)
        con.execute(f"CREATE OR REPLACE TEMP VIEW places_gazetteer AS {now}")
        if state is not None and state.key == self._key() and self._changes(con, engine, state, known):
            folder = state.folder
            self._change(con, self.folder / folder)
        else:
            tell(f"Making the address index of {self.gazetteer.name}: it takes a while the first time.")
            folder = f"index-{data}-{os.getpid()}"
            self._make(con, folder)
        con.execute("DROP VIEW places_gazetteer")
        made = State(folder, self._key(), data, version)
        aside = self.folder / f"state-{os.getpid()}.tmp"
        aside.write_text(json.dumps(asdict(made)), encoding="utf-8")
        aside.replace(self.folder / "state.json")
        # The one before stays for those who have it open; what is older goes.
        keep = {made.folder, state.folder if state else ""}
        for old in self.folder.glob("index-*"):
            if old.name not in keep:
                shutil.rmtree(old, ignore_errors=True)
        return made

    def _make(self, con: duckdb.DuckDBPyConnection, name: str) -> None:
        """Write a whole index under a name of its own."""
        target = self.folder / name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        # One thread: equals are then found in the order in which they are written.
        writer = tantivy.Index(schema(), str(target)).writer(_HEAP, num_threads=1)
        for document in _documents(con, "places_gazetteer"):
            writer.add_json(document)
        writer.commit()
        writer.wait_merging_threads()

    def _changes(self, con: duckdb.DuckDBPyConnection, engine: Engine, state: State, known: dict[str, str]) -> bool:
        """Make `places_changed`: the UPRNs of which something differs; False where that cannot be told, or is much."""
        relation = engine.relation(self.gazetteer.name, state.version)
        try:
            before = entries_select(self.gazetteer, relation, known)
            con.execute(
                "CREATE OR REPLACE TEMP TABLE places_changed AS SELECT DISTINCT uprn FROM "
                f"((FROM places_gazetteer EXCEPT ALL FROM ({before})) UNION ALL "
                f"(FROM ({before}) EXCEPT ALL FROM places_gazetteer))"
            )
        except duckdb.Error:  # that version's files, or columns, are no more
            return False
        row = con.execute(
            "SELECT (SELECT count(*) FROM places_changed), (SELECT count(DISTINCT uprn) FROM places_gazetteer)"
        ).fetchone()
        return row is not None and row[0] <= _MANY * row[1]

    def _change(self, con: duckdb.DuckDBPyConnection, target: Path) -> None:
        """Write the changed properties anew, in one commit of the index. Done twice it ends the same."""
        writer = tantivy.Index.open(str(target)).writer(_SMALL_HEAP, num_threads=1)
        for (uprn,) in con.execute("SELECT uprn FROM places_changed").fetchall():
            writer.delete_documents_by_term("uprn", uprn)
        con.execute(
            "CREATE OR REPLACE TEMP VIEW places_changed_entry AS SELECT g.* FROM places_gazetteer AS g "
            "SEMI JOIN places_changed USING (uprn)"
        )
        for document in _documents(con, "places_changed_entry"):
            writer.add_json(document)
        con.execute("DROP VIEW places_changed_entry")
        writer.commit()
        writer.wait_merging_threads()

    def _state(self) -> State | None:
        try:
            found = State(**json.loads((self.folder / "state.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return found if tantivy.Index.exists(str(self.folder / found.folder)) else None

    def _is_current(self, state: State | None, data: int) -> bool:
        return state is not None and state.key == self._key() and state.data == data

    def _key(self) -> str:
        """What the index rests on besides the rows: how they are read, and by what."""
        parts = [self.gazetteer.model_dump(mode="json"), version("tantivy"), _DOCUMENTS.read_text(encoding="utf-8")]
        return hashlib.sha256(json.dumps([*parts, self.lake.location], sort_keys=True).encode()).hexdigest()[:16]

    @contextmanager
    def _lock(self, tell: Callable[[str], None]) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            tell("Another process is making the address index: waiting for it.")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def _documents(con: duckdb.DuckDBPyConnection, entries: str) -> Iterator[str]:
    """The documents of a relation of entries."""
    con.execute(f"SELECT json FROM find_documents({literal(entries)})")
    while rows := con.fetchmany(_BATCH):
        yield from (row[0] for row in rows)
