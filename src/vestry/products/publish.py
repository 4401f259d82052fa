"""Write, audit, publish: a table is seen only when it keeps its contract.

Rows that break a `quarantine` rule go to `<table>__quarantine` with the reason. A broken
`error` rule keeps the last version in service and says so.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import duckdb

from vestry.lake import Lake, Staged, failure, is_disk_full
from vestry.lake.ledger import enter
from vestry.lake.rewrite import touched
from vestry.products.builder import Context, Making, builder
from vestry.products.quality import PERCENT, RESULTS, Check, Result, audit, checks_of, rows_where, score
from vestry.products.sql import explained
from vestry.products.types import promised_select
from vestry.project import DataError, TableName, literal, quote
from vestry.project.contract import Table

_NEW = "publish_new"
#: A file of a table with keys is small, so that a change writes little again.
_KEYED_FILE = 2**19


@dataclass(frozen=True)
class Built:
    """What a build did; `version` is None where nothing had changed."""

    table: TableName
    version: int | None
    rows: int = 0
    quarantined: int = 0
    results: Sequence[Result] = ()

    @property
    def score(self) -> float | None:
        return score(self.results)

    @property
    def warnings(self) -> list[Result]:
        return [r for r in self.results if not r.passed]


class ContractBrokenError(DataError):
    """A rule of severity `error` does not hold; the last version stays in service."""

    kind = "quality"

    def __init__(self, table: TableName, broken: Sequence[Result], stays: bool) -> None:
        self.results = broken
        rules = "; ".join(f"{r.check.name}: {_said(r)}" for r in broken)
        kept = "the last version stays in service" if stays else "it was not published"
        super().__init__(f"{table} breaks its contract, so {kept}", mend=rules)


def _said(result: Result) -> str:
    value = f"{result.value:g}{PERCENT if result.check.limit.endswith(PERCENT) else ''}"
    return f"{value} ({result.check.limit}) of {result.rows} rows"


def build(context: Context, marks: Mapping[str, int], run: str = "") -> Built:
    """Make one table, check its contract, and let it be seen.

    `marks` are kept with the commit: what the build rests on. The caller holds the table's lock. Raises
    ContractBrokenError, or DataError where the recipe fails; the table stays as it was then.
    """
    lake, name = context.engine.lake, context.table.name
    started = time.monotonic()
    work: _Publish | None = None
    try:
        if not holds_by_key(checks_of(context.table.contract), context.table.contract):
            context = replace(context, anew=True)
        making = builder(context.table.kind).make(context)
        if making is None:
            lake.note(name, marks)
            return Built(name, None)
        making = replace(making, select=promised_select(context, making.select))
        work = _Publish(context, lake, making, run)
        built = work.by_key() if making.keys else work.whole()
    except (duckdb.Error, DataError) as error:
        if work is not None:
            work.discard()
        raise _failed(error, context) if isinstance(error, duckdb.Error) else error from error.__cause__ or error
    record = {
        "kind": "build",
        "run": run,
        "rows": built.rows,
        "quarantined": built.quarantined,
        "quality": built.score,
        "seconds": round(time.monotonic() - started, 3),
    }
    return replace(built, version=work.publish({**marks, **making.marks}, record))


class _Publish:
    """One build between writing and publishing."""

    def __init__(self, context: Context, lake: Lake, making: Making, run: str) -> None:
        self.context, self.lake, self.making, self.run = context, lake, making, run
        self.con = context.con
        self.name = context.table.name
        self.contract: Table = context.table.contract
        self.checks = checks_of(self.contract)
        self.staged: Staged | None = None
        self.gone: bool | tuple[str, ...] = True
        self.quarantine: Staged | None = None

    def whole(self) -> Built:
        """Write all rows aside, audit them as written, and write them again only where some go to quarantine."""
        order = ", ".join(quote(c) for c in self.making.order)
        select = f"SELECT * FROM ({self.making.select}) ORDER BY {order}" if order else self.making.select
        size = {"file_size": _KEYED_FILE} if order else {}
        self.staged = staged = self.lake.stage(self.con, self.name, select, **size)
        results = self._audit(staged.relation(), self.checks)
        bad = self._set_aside(staged.relation(), results)
        if bad:
            good = rows_where(staged.relation(), self._broken(results), False) + (f" ORDER BY {order}" if order else "")
            self.staged = self.lake.stage(self.con, self.name, good, **size)
            self.lake.discard(staged)
        return Built(self.name, None, self.staged.rows, bad, results)

    def by_key(self) -> Built:
        """Audit the rows of the keys that changed, and write again only the files that held those keys."""
        making = self.making
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {_NEW} AS {making.select}")
        # As structs, which are equal also where a part of them is NULL.
        keys = "{" + ", ".join(f"{quote(k)}: {quote(k)}" for k in making.keys) + "}"
        gone = f"{keys} IN (SELECT {keys} FROM {making.affected})"
        results = self._audit(_NEW, [c for c in self.checks if c.is_by_row])
        found = touched(self.lake, self.con, self.name, gone, self._range(making.keys[0]))
        after = (
            f"(SELECT * FROM {self.context.engine.relation(self.name)} WHERE NOT coalesce({gone}, false) "
            f"UNION ALL BY NAME SELECT * FROM {_NEW})"
        )
        by_table = [c for c in self.checks if not c.is_by_row and not c.is_of_key(making.keys)]
        if by_table:
            results += self._audit(after, by_table)
        bad = self._set_aside(_NEW, results, earlier=gone)
        good = rows_where(_NEW, self._broken(results), False) if bad else f"SELECT * FROM {_NEW}"
        kept = f"{found.kept} UNION ALL BY NAME " if found else ""
        select = f"SELECT * FROM ({kept}{good}) ORDER BY {', '.join(quote(c) for c in making.order)}"
        self.staged = self.lake.stage(self.con, self.name, select, file_size=_KEYED_FILE)
        self.gone = found.files if found else ()
        count = self.con.execute(f"SELECT count(*) FROM {_NEW}").fetchone()
        return Built(self.name, None, int(count[0]) if count else 0, bad, results)

    def publish(self, marks: Mapping[str, int], record: Mapping[str, Any]) -> int:
        assert self.staged is not None
        skip_by = [c.name for c in self.contract.columns if not c.is_personal]
        if self.quarantine is not None:
            aside = self.name.beside("quarantine")
            with self.lake.lock(aside):
                self.lake.publish(self.quarantine, replace=True, record={"kind": "quarantine", "run": self.run})
        return self.lake.publish(self.staged, replace=self.gone, marks=marks, record=record, skip_by=skip_by)

    def discard(self) -> None:
        """Remove what was written aside and will not be published."""
        for staged in (self.staged, self.quarantine):
            if staged is not None:
                self.lake.discard(staged)

    def _audit(self, relation: str, checks: Sequence[Check]) -> list[Result]:
        """Check, keep what was found, and stop where an `error` rule is broken."""
        results = audit(self.con, relation, checks)
        keep(self.lake, self.con, self.name, results, self.run)
        broken = [r for r in results if not r.passed and r.check.severity == "error"]
        if broken:
            raise ContractBrokenError(self.name, broken, stays=self.lake.open(self.name) is not None)
        return results

    def _broken(self, results: Sequence[Result]) -> str:
        return " OR ".join(f"coalesce({r.check.broken}, false)" for r in self._quarantining(results)) or "false"

    @staticmethod
    def _quarantining(results: Sequence[Result]) -> list[Result]:
        return [r for r in results if r.check.severity == "quarantine" and r.check.broken and r.value]

    def _set_aside(self, relation: str, results: Sequence[Result], earlier: str = "") -> int:
        """Stage the rows that go to quarantine, with the reason; how many they are."""
        aside = self.name.beside("quarantine")
        table = self.lake.open(aside)
        found = self._quarantining(results)
        if not found and table is None:
            return 0
        reasons = (
            ", ".join(f"CASE WHEN {r.check.broken} THEN {literal(r.check.name)} END" for r in found) or "NULL::VARCHAR"
        )
        with_reason = f"(SELECT *, concat_ws('; ', {reasons}) AS _reason, {literal(self.run)} AS _run FROM {relation})"
        select = rows_where(with_reason, self._broken(found), True)
        before = ""
        if earlier and table is not None:
            stays = f"SELECT * FROM {self.context.engine.relation(aside)} WHERE NOT coalesce({earlier}, false)"
            before = f"{stays} UNION ALL BY NAME "
        self.quarantine = self.lake.stage(self.con, aside, f"{before}{select}")
        return self.quarantine.rows

    def _range(self, key: str) -> str:
        """The least and greatest of the affected keys: what the table's statistics can tell files by."""
        q = quote(key)
        least, greatest, nulls = f"CAST(min({q}) AS VARCHAR)", f"CAST(max({q}) AS VARCHAR)", f"count(*) - count({q})"
        row = self.con.execute(f"SELECT {least}, {greatest}, {nulls} FROM {self.making.affected}").fetchone()
        if row is None or row[0] is None or row[2]:
            return ""
        return f"{q} BETWEEN {literal(row[0])} AND {literal(row[1])}"


def holds_by_key(checks: Sequence[Check], table: Table) -> bool:
    """Can the rows of a few keys be checked by themselves? Not where other rows may have to go to quarantine."""
    return all(c.is_by_row or c.is_of_key(table.primary_key) for c in checks if c.severity == "quarantine")


def keep(lake: Lake, con: duckdb.DuckDBPyConnection, name: TableName, results: Sequence[Result], run: str) -> None:
    """Add an audit's results to `vestry.quality.result`."""
    if not results:
        return
    at = datetime.now(UTC).isoformat()
    rows = ", ".join(
        "("
        + ", ".join(
            [
                literal(str(name)),
                literal(r.check.name),
                literal(r.check.column or ""),
                literal(r.check.dimension),
                literal(r.check.severity),
                literal(r.check.limit),
                str(float(r.value)),
                str(r.failing),
                str(r.rows),
                "true" if r.passed else "false",
                literal(run),
                f"TIMESTAMPTZ {literal(at)}",
            ]
        )
        + ")"
        for r in results
    )
    select = (
        "SELECT table_name, rule, nullif(column_name, '') AS column_name, dimension, severity, expected, "
        "value::DOUBLE AS value, failing::BIGINT AS failing, row_count::BIGINT AS row_count, passed, run, checked_at "
        f"FROM (VALUES {rows}) AS r(table_name, rule, column_name, dimension, severity, expected, value, failing, "
        "row_count, passed, run, checked_at)"
    )
    enter(lake, con, RESULTS, select, skip_by=["table_name", "run", "checked_at"])


def _failed(error: duckdb.Error, context: Context) -> DataError:
    """What went wrong in the engine, without the values that its message may carry."""
    if is_disk_full(error):
        return DataError("the disk is full; nothing was published", context.where, "free some space, then run again")
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return DataError(*explained(error, context.where))
    return DataError(failure(error), context.where, "try_cast gives NULL instead, which a quality rule can count")
