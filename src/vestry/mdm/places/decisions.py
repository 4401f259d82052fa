"""What people decide of addresses where the model is not certain: a queue to review, and a ledger of what was said.

A decision is never changed, only followed by another. The last one of an address wins over the model, whatever the
gazetteer or the thresholds become; `open` gives the address back to the model. These functions are what a page stands
on too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import duckdb
import pyarrow as pa

from vestry.lake import Lake
from vestry.lake.ledger import enter
from vestry.mdm.places.builder import LATEST
from vestry.mdm.places.matching import load_macros
from vestry.mdm.places.model import UprnFile, entries_select, read_uprn
from vestry.project import Project, TableName, VestryError, literal
from vestry.project.inputs import recipe_shown
from vestry.project.names import DECISION

#: This home; no home of the gazetteer; as the model says.
Verdict = Literal["uprn", "none", "open"]
KIND = "uprn.yaml"


@dataclass(frozen=True)
class Addresses:
    """A table of matched addresses, and the gazetteer that it rests on."""

    name: TableName
    spec: UprnFile
    lake: Lake
    con: duckdb.DuckDBPyConnection

    def relation(self, name: TableName) -> str:
        return f"delta_scan({literal(self.lake.uri(name))})"

    @property
    def decisions(self) -> TableName:
        return self.name.beside(DECISION)


@dataclass(frozen=True)
class Question:
    """An address that waits for a person: what it may be, why the model is not certain, and how much rests on it."""

    line: str
    candidate_uprn: str | None
    candidate: str | None
    score: float | None
    because: str
    records: int
    sources: str


@dataclass(frozen=True)
class Decision:
    """What somebody said of an address."""

    line: str
    verdict: Verdict
    uprn: str | None
    who: str
    why: str
    at: datetime


def recipes(project: Project) -> dict[TableName, Path]:
    """The tables of matched addresses that a project promises, with their recipes."""
    return {name: table.recipe for name, table in sorted(project.tables.items()) if table.kind == KIND}


def addresses_of(
    project: Project, lake: Lake, con: duckdb.DuckDBPyConnection, name: TableName | None = None
) -> Addresses:
    """The project's table of matched addresses; `name` where it has several.

    Raises VestryError where it has none, or it is not made yet.
    """
    found = recipes(project)
    if not found:
        raise VestryError(
            "the project matches no addresses", mend="a recipe <table>.uprn.yaml beside a contract names the gazetteer"
        )
    if name is None:
        name = next(iter(found))
    if name not in found:
        raise VestryError(f"{name} is no table of matched addresses", mend=f"name one of {', '.join(map(str, found))}")
    lake.existing(name)
    _, spec = read_uprn(found[name], recipe_shown(project.tables[name]))
    load_macros(con)
    return Addresses(name, spec, lake, con)


def review_queue(addresses: Addresses, limit: int = 20) -> list[Question]:
    """Addresses to review, those that most records hold first; those decided since the last run are left out."""
    decided = ""
    if addresses.lake.open(addresses.decisions) is not None:
        latest = LATEST.format(decisions=addresses.relation(addresses.decisions))
        decided = f"AND line NOT IN (SELECT line FROM ({latest}))"
    rows = addresses.con.execute(
        f"""SELECT line, candidate_uprn, gazetteer_address, score, matched_by, records, sources
            FROM {addresses.relation(addresses.name)} WHERE status = 'review' {decided}
            ORDER BY records DESC, score DESC NULLS LAST, line LIMIT ?""",
        [limit],
    ).fetchall()
    return [Question(*row) for row in rows]


def decide(addresses: Addresses, line: str, verdict: Verdict, who: str, why: str, uprn: str | None = None) -> Decision:
    """Write down what somebody says of an address, as `line` has it. It holds from the next run on.

    Raises VestryError where the address or the UPRN is not known, or there is no name or reason.
    """
    if verdict not in get_args(Verdict):
        raise VestryError(f"`{verdict}` is no decision", mend=f"say one of {', '.join(get_args(Verdict))}")
    if not who.strip() or not why.strip():
        raise VestryError("a decision needs who made it and why", mend="give both: --by NAME --why TEXT")
    con, table = addresses.con, addresses.relation(addresses.name)
    if not con.execute(f"SELECT 1 FROM {table} WHERE line = ?", [line]).fetchone():
        # The line itself may be of a person: it is not repeated.
        raise VestryError(
            f"no table holds that address in {addresses.name}", mend="copy it from `vestry address --review`"
        )
    if verdict == "uprn":
        uprn = _known(addresses, uprn)
    elif uprn is not None:
        raise VestryError(f"`{verdict}` names no home", mend="leave the UPRN out")
    made = Decision(line, verdict, uprn, who.strip(), why.strip(), datetime.now(UTC))
    row = {
        "line": [made.line],
        "verdict": [made.verdict],
        "uprn": pa.array([made.uprn], pa.string()),
        "who": [made.who],
        "why": [made.why],
        "decided_at": [made.at],
    }
    con.register("places_decision", pa.table(row))
    enter(addresses.lake, con, addresses.decisions, "SELECT * FROM places_decision", skip_by=["decided_at"])
    con.unregister("places_decision")
    return made


def decisions_of(addresses: Addresses, line: str) -> list[Decision]:
    """All that was decided of an address, the newest first."""
    if addresses.lake.open(addresses.decisions) is None:
        return []
    rows = addresses.con.execute(
        f"SELECT line, verdict, uprn, who, why, decided_at FROM {addresses.relation(addresses.decisions)} "
        "WHERE line = ? ORDER BY decided_at DESC",
        [line],
    ).fetchall()
    return [Decision(*row) for row in rows]


def standing(addresses: Addresses, limit: int = 20) -> list[Decision]:
    """The last decision on each address, but for those that were given back to the model; the newest first."""
    if addresses.lake.open(addresses.decisions) is None:
        return []
    rows = addresses.con.execute(
        f"""SELECT line, verdict, uprn, who, why, decided_at FROM {addresses.relation(addresses.decisions)}
            WHERE line IN (SELECT line FROM {addresses.relation(addresses.name)})
            QUALIFY row_number() OVER (PARTITION BY line ORDER BY decided_at DESC) = 1 AND verdict <> 'open'
            ORDER BY decided_at DESC LIMIT ?""",
        [limit],
    ).fetchall()
    return [Decision(*row) for row in rows]


def _known(addresses: Addresses, uprn: str | None) -> str:
    """A UPRN of the gazetteer, without leading zeros. Raises VestryError where it is none."""
    gazetteer = addresses.spec.gazetteer
    known = addresses.lake.columns(gazetteer.name)
    select = entries_select(gazetteer, addresses.relation(gazetteer.name), known)
    found = addresses.con.execute(f"SELECT uprn FROM ({select}) WHERE uprn = uprn(?) LIMIT 1", [uprn or ""]).fetchone()
    if found is None:
        raise VestryError(
            f"{gazetteer.table} has no UPRN {uprn or '(none given)'}", mend="find it with `vestry address TEXT`"
        )
    return str(found[0])
