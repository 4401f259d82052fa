"""Batches of events to bronze: one Delta commit has the rows and where the feed goes on.

Events in = rows loaded + rejected; an event that was there already, by its id, counts once.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vestry.ingest.connector import LOAD_COLUMNS, LOADED_AT, Context
from vestry.ingest.load import Loaded
from vestry.ingest.stream.feed import Received
from vestry.lake import Engine, Staged
from vestry.lake.rewrite import touched
from vestry.project import literal, quote

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


@dataclass(frozen=True)
class Shape:
    """What of a message is looked at: paths into its JSON, and how a repeated one is known."""

    columns: Mapping[str, str]
    id: str | None = None
    time: str | None = None
    #: Which columns together tell one event from another; none where nothing does.
    identity: tuple[str, ...] = ()
    repeats_within: float = 0.0

    @property
    def is_json(self) -> bool:
        return bool(self.columns or self.id or self.time)


class Batches:
    """The one writer of a table of events."""

    def __init__(self, context: Context, shape: Shape, engine: Engine, run: str) -> None:
        """Takes away what a killed batch left in `__rejected`, and reads the ids that bronze has."""
        self.context, self.shape, self.engine, self.run = context, shape, engine, run
        self.lake = context.lake
        self.rejected = context.bronze.beside("rejected")
        self.con: duckdb.DuckDBPyConnection = engine.cursor()
        self.last = self.lake.mark(context.bronze, LOADED_AT) or 0
        with self.lake.lock(context.bronze), self.lake.lock(self.rejected):
            self._unfinished_go()
        if shape.identity:
            self._remember_ids()

    def write(self, batch: Received) -> Loaded:
        """Commit a batch. Raises what the lake raises; nothing is committed then, and the writer is of no more use."""
        started = time.monotonic()
        at = max(time.time_ns() // 1000, self.last + 1)
        load = f"{datetime.fromtimestamp(at / 1e6, UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        stamps = f"{literal(load)} AS _load_id, make_timestamptz({at}) AS _loaded_at, _source"
        good, bad = _as_text(batch)
        self.con.register("_good", good)
        self.con.register("_bad", bad)
        staged: list[Staged] = []
        with self.lake.lock(self.context.bronze), self.lake.lock(self.rejected):
            try:
                self.con.execute(f"CREATE OR REPLACE TEMP TABLE _events AS {self._read()}")
                repeated = self._drop_repeats()
                names = ", ".join(quote(n) for n in (*self.shape.columns,))
                columns = f"payload, topic, key, event_id, event_time{', ' + names if names else ''}"
                rows = f"SELECT {columns}, {stamps}, _row FROM _events WHERE NOT _malformed ORDER BY _at"
                staged.append(self.lake.stage(self.con, self.context.bronze, rows))
                misfits = (
                    f"SELECT _row AS line, raw, reason, {stamps} FROM (SELECT _row, _source, payload AS raw, "
                    "'not JSON' AS reason FROM _events WHERE _malformed UNION ALL BY NAME "
                    "SELECT _row, _source, raw, 'not UTF-8' AS reason FROM _bad)"
                )
                staged.append(self.lake.stage(self.con, self.rejected, misfits))
                loaded, rejected = staged[0].rows, staged[1].rows
                record: dict[str, Any] = {
                    "kind": "stream",
                    "run": self.run,
                    "load": load,
                    "rows_in": loaded + rejected,
                    "loaded": loaded,
                    "rejected": rejected,
                    "repeated": repeated,
                    **batch.record,
                    "seconds": round(time.monotonic() - started, 3),
                }
                # The rejected go first: after a crash between the two commits they are taken away again.
                if rejected:
                    self.lake.publish(staged.pop(), record=record, skip_by=LOAD_COLUMNS)
                marks = {**batch.marks, LOADED_AT: at}
                version = self.lake.publish(staged[0], marks=marks, record=record, skip_by=LOAD_COLUMNS)
                staged.clear()
            finally:
                for unpublished in staged:
                    self.lake.discard(unpublished)
                self.con.unregister("_good")
                self.con.unregister("_bad")
        self.last = at
        self._add_ids(at)
        return Loaded(self.context.bronze, version, loaded + rejected, loaded, rejected, ({"repeated": repeated},))

    def close(self) -> None:
        self.con.close()

    def _read(self) -> str:
        """The events that are text, with what was asked of their JSON; `_malformed` where there is none."""
        shape = self.shape
        if not shape.is_json:
            return "SELECT *, _id AS event_id, make_timestamptz(_time) AS event_time, false AS _malformed FROM _good"
        fields = [f"json ->> {literal(path)} AS {quote(name)}" for name, path in shape.columns.items()]
        known = "make_timestamptz(_time)"
        if shape.time:
            known = f"coalesce(TRY_CAST(json ->> {literal(shape.time)} AS TIMESTAMPTZ), {known})"
        event_id = f"json ->> {literal(shape.id)}" if shape.id else "_id"
        return (
            f"SELECT payload, topic, key, {event_id} AS event_id, {known} AS event_time, "
            f"{''.join(f + ', ' for f in fields)}_source, _row, _at, NOT _is AS _malformed FROM "
            "(SELECT *, coalesce(json_valid(payload), true) AS _is, "
            "CASE WHEN json_valid(payload) THEN payload END AS json FROM _good)"
        )

    # -- events that come again ------------------------------------------------------------------

    @property
    def _identity(self) -> str:
        """SQL of a number for what tells an event from others; NULL where it has no id."""
        parts = ", ".join(f"coalesce({name}, '')" for name in self.shape.identity)
        return f"CASE WHEN event_id IS NOT NULL THEN md5_number(concat_ws(chr(31), {parts})) END"

    def _remember_ids(self) -> None:
        since = int((time.time() - self.shape.repeats_within) * 1e6)
        have = "SELECT NULL::UHUGEINT AS id, 0::BIGINT AS loaded WHERE false"
        if "event_id" in self.lake.columns(self.context.bronze):
            relation = self.engine.relation(self.context.bronze)
            have = (
                f"SELECT {self._identity} AS id, epoch_us(_loaded_at) AS loaded FROM {relation} "
                f"WHERE _loaded_at >= make_timestamptz({since}) AND event_id IS NOT NULL"
            )
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE _seen AS {have}")

    def _drop_repeats(self) -> int:
        """Take out of `_events` those that bronze has, or that come twice in the batch; how many."""
        if not self.shape.identity:
            return 0
        self.con.execute("ALTER TABLE _events ADD COLUMN _identity UHUGEINT")
        self.con.execute(f"UPDATE _events SET _identity = {self._identity} WHERE NOT _malformed")
        gone = self.con.execute(
            "DELETE FROM _events WHERE _identity IS NOT NULL AND (_identity IN (SELECT id FROM _seen) "
            "OR _at NOT IN (SELECT min(_at) FROM _events WHERE _identity IS NOT NULL GROUP BY _identity))"
        ).fetchone()
        return int(gone[0]) if gone else 0

    def _add_ids(self, at: int) -> None:
        if self.shape.identity:
            since = at - int(self.shape.repeats_within * 1e6)
            self.con.execute(
                f"INSERT INTO _seen SELECT _identity, {at} FROM _events WHERE _identity IS NOT NULL; "
                f"DELETE FROM _seen WHERE loaded < {since}"
            )

    def _unfinished_go(self) -> None:
        condition = f"_loaded_at > make_timestamptz({self.last})"
        found = touched(self.lake, self.con, self.rejected, condition)
        if found is not None:
            kept = self.lake.stage(self.con, self.rejected, found.kept)
            self.lake.publish(kept, replace=list(found.files), record={"kind": "stream"}, skip_by=LOAD_COLUMNS)


def _as_text(batch: Received) -> tuple[pa.Table, pa.Table]:
    """The events whose payload is UTF-8, and the others with what can be read of them."""
    import pyarrow as pa

    texts: list[str | None] = []
    wrong: list[int] = []
    raw: list[str] = []
    for at, payload in enumerate(batch.payload):
        try:
            texts.append(None if payload is None else payload.decode())
        except UnicodeDecodeError:
            texts.append(None)
            wrong.append(at)
            raw.append((payload or b"").decode(errors="backslashreplace"))
    good = pa.table(
        {
            "payload": pa.array(texts, pa.string()),
            "topic": pa.array(batch.topic, pa.string()),
            "key": pa.array(batch.key, pa.string()),
            "_id": pa.array(batch.id, pa.string()),
            "_time": pa.array(batch.time, pa.int64()),
            "_source": pa.array(batch.origin, pa.string()),
            "_row": pa.array(batch.row, pa.int64()),
            "_at": pa.array(range(len(batch)), pa.int64()),
        }
    )
    bad = pa.table(
        {
            "_row": pa.array([batch.row[at] for at in wrong], pa.int64()),
            "_source": pa.array([batch.origin[at] for at in wrong], pa.string()),
            "raw": pa.array(raw, pa.string()),
        }
    )
    if not wrong:
        return good, bad
    fine = [True] * len(batch)
    for at in wrong:
        fine[at] = False
    return good.filter(pa.array(fine)), bad
