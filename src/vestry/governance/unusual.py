"""Reading that is not as usual: much at once, at night, or a person looked up with no grant that covers them.

Each is a question for whoever answers for the data, not a finding: the audit's lines say what was read.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select

from vestry.governance.audit import AUDIT
from vestry.governance.state import now, reading
from vestry.project import Project
from vestry.project.cron import ZONE

#: Rows of personal data that a reader may read in a day before it is asked whether that is usual for them.
MANY = 10_000
#: So many times what they read on their usual day is unusual.
TIMES = 5
#: Days that tell what is usual, and how many of them somebody must have read on.
LOOK_BACK, ENOUGH = 28, 5
#: Hours of the night, in UK time.
_NIGHT = (22, 6)
LOOK_UP = "look up"


@dataclass(frozen=True)
class Unusual:
    """One thing that is not as usual, with the number of the audit's line that shows it."""

    kind: str
    who: str
    day: date
    line: int
    what: str


@dataclass
class _Day:
    rows: int = 0
    line: int = 0


def unusual(project: Project, since: int | None = None) -> list[Unusual]:
    """What was unusual since a moment (seconds since 1970; default: a day ago), newest first."""
    since = now(project) - 86_400 if since is None else since
    begin = since - LOOK_BACK * 86_400
    columns = (AUDIT.c.number, AUDIT.c.at, AUDIT.c.who, AUDIT.c.action, AUDIT.c.rows, AUDIT.c.grants, AUDIT.c.people)
    wanted = select(*columns).where(AUDIT.c.at >= begin, AUDIT.c.allowed).order_by(AUDIT.c.number)
    days: dict[str, dict[date, _Day]] = defaultdict(lambda: defaultdict(_Day))
    nights: dict[str, set[date]] = defaultdict(set)
    found: list[Unusual] = []
    with reading(project) as con:
        for number, at, who, action, rows, grants, people in con.execute(wanted).yield_per(1000):
            when = datetime.fromtimestamp(at, ZONE)
            is_new = at >= since
            if grants:
                of = days[who][when.date()]
                of.rows, of.line = of.rows + (rows or 0), number
            if (grants or people) and _is_night(when):
                evening = (when - timedelta(hours=_NIGHT[1])).date()
                if is_new and not nights[who] - {evening} and evening not in nights[who]:
                    found.append(
                        Unusual("hour", who, when.date(), number, f"read at {when:%H:%M}, as never in four weeks")
                    )
                nights[who].add(evening)
            if is_new and action == LOOK_UP and people and not grants:
                found.append(Unusual("person", who, when.date(), number, "looked a person up without a grant"))
    first = datetime.fromtimestamp(since, ZONE).date()
    found += [one for who, of in days.items() for one in _volumes(who, of, first)]
    return sorted(found, key=lambda one: one.line, reverse=True)


def _volumes(who: str, days: dict[date, _Day], first: date) -> Iterator[Unusual]:
    for day, of in days.items():
        before = [d.rows for other, d in days.items() if day - timedelta(days=LOOK_BACK) <= other < day]
        usual = statistics.median(before) if len(before) >= ENOUGH else 0
        if day >= first and of.rows > max(MANY, TIMES * usual):
            said = f"; {usual:,.0f} is usual" if usual else ""
            yield Unusual("volume", who, day, of.line, f"read {of.rows:,} rows of personal data in a day{said}")


def _is_night(when: datetime) -> bool:
    return when.hour >= _NIGHT[0] or when.hour < _NIGHT[1]
