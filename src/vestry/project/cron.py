"""Cron lines, in UK time: minute, hour, day of the month, month, day of the week.

Clocks go forward and back. A time in the hour that is skipped runs an hour later by the clock on the wall; one in
the hour that comes twice runs the first time only, unless the line names no hour: then both hours have their runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/London")
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)


def is_cron(line: str) -> bool:
    """Whether a line has the five fields of cron, and names a time that comes."""
    from croniter import CroniterError, croniter

    if len(line.split()) != 5:
        return False
    try:
        croniter(line, datetime(2026, 1, 1)).get_next(datetime)  # noqa: DTZ001  # on the wall
    except (CroniterError, ValueError, KeyError, TypeError):
        return False
    return True


def latest(line: str, now: datetime) -> datetime:
    """The last time at or before `now` that the line names, in UTC."""
    best: datetime | None = None
    # Where clocks go back, the wall of an hour ago is ahead of the wall of now. UK time is UTC, or an hour ahead of it.
    for wall in _walls(line, _wall(now) + _HOUR + _MINUTE, "get_prev"):
        if best and wall.replace(tzinfo=UTC) <= best:
            break
        best = max((at for at in [*_instants(line, wall), best] if at and at <= now), default=None)
    assert best is not None
    return best


def following(line: str, now: datetime) -> datetime:
    """The next time after `now` that the line names, in UTC."""
    best: datetime | None = None
    for wall in _walls(line, _wall(now) - _HOUR - _MINUTE, "get_next"):
        if best and wall.replace(tzinfo=UTC) - _HOUR >= best:
            break
        best = min((at for at in [*_instants(line, wall), best] if at and at > now), default=None)
    assert best is not None
    return best


def _walls(line: str, start: datetime, step: str) -> Iterator[datetime]:
    """The times that the line names, as a clock on the wall shows them."""
    from croniter import croniter

    times: Any = croniter(line, start)
    return iter(lambda: getattr(times, step)(datetime), None)


def _wall(instant: datetime) -> datetime:
    return instant.astimezone(ZONE).replace(tzinfo=None)


def _instants(line: str, wall: datetime) -> list[datetime]:
    """When a clock on the wall shows a time: once, or twice where it goes back and the line names no hour."""
    folds = (0, 1) if line.split()[1].startswith("*") else (0,)
    return sorted({wall.replace(tzinfo=ZONE, fold=fold).astimezone(UTC) for fold in folds})
