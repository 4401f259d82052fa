"""Incidents: each is told once when it opens, and once when it is over.

An incident is a kind (failed, late, drift, quality) and a subject, a table mostly. Opened, over and told are rows of
`vestry.runs.incident`, which only grows: what is open, and what is still to be told, follows from them. A message is
told before it is written that it was, so a process that is killed between the two tells it again: at least once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from vestry.ingest.fingerprints import number
from vestry.lake import Engine, Lake
from vestry.lake.ledger import enter, entries
from vestry.project import DataError, TableName, VestryError, literal
from vestry.run.alerts import Message, Send
from vestry.run.events import Event, Listener

INCIDENTS = TableName("vestry", "runs", "incident")
#: How many incidents are open or not told yet: where it is 0, nobody needs to read the ledger.
OPEN = "vestry.open"
#: The channel that everything is told to.
LOG = "log"
#: So long the same notice is not told again.
_AGAIN = timedelta(days=7)
_SENDING = INCIDENTS.beside("telling")
_CHANGING = INCIDENTS.beside("change")


@dataclass(frozen=True)
class Finding:
    """How something stands: well or not. A `notice` is told and has no end."""

    kind: str
    subject: str
    well: bool
    what: str = ""
    where: str = ""
    mend: str = ""
    owner: str = ""
    concerns: tuple[str, ...] = ()
    notice: bool = False


@dataclass(frozen=True)
class Standing:
    """What is open, by kind and subject; every message; and which of them a channel has still to be told."""

    open: Mapping[tuple[str, str], Message] = field(default_factory=dict)
    messages: Sequence[Message] = ()
    untold: Sequence[tuple[Message, str]] = ()


def standing(rows: Iterable[Mapping[str, Any]]) -> Standing:
    """What follows from the ledger's rows."""
    open_: dict[tuple[str, str], Message] = {}
    messages: list[Message] = []
    untold: dict[tuple[str, str, str], Message] = {}
    for row in sorted(rows, key=lambda r: (r["happened_at"], r["event"] == "told")):
        if row["event"] == "told":
            untold.pop((row["incident"], row["about"], row["channels"]), None)
            continue
        known = json.loads(row["message"])
        message = Message(**{**known, "concerns": tuple(known["concerns"])})
        messages.append(message)
        untold |= {(message.id, message.event, channel): message for channel in row["channels"].split()}
        if message.event == "opened":
            open_[message.kind, message.subject] = message
        elif message.event == "over":
            open_.pop((message.kind, message.subject), None)
    return Standing(open_, messages, [(message, channel) for (_, _, channel), message in untold.items()])


def changes(known: Standing, findings: Iterable[Finding], now: datetime) -> list[Message]:
    """What is to be told: incidents that open, that are over, and notices that are new."""
    found: dict[tuple[str, str, str], Message] = {}
    at = now.isoformat(timespec="seconds")
    for finding in findings:
        key = finding.kind, finding.subject
        if finding.well:
            if was := known.open.get(key):
                found[*key, ""] = replace(was, event="over", at=at, mend="")
            continue
        said = {k: v for k, v in asdict(finding).items() if k not in ("well", "notice")}
        if finding.notice:
            same = f"{number(*key, finding.what):x}"
            old = [m for m in known.messages if m.id.startswith(same)]
            if not any(now - datetime.fromisoformat(m.at) < _AGAIN for m in old):
                found[*key, same] = Message(f"{same}-{len(old)}", "notice", at=at, **said)
        elif key not in known.open:
            found[*key, ""] = Message(uuid.uuid4().hex, "opened", at=at, **said)
    return list(found.values())


def read(lake: Lake) -> Standing:
    """What the ledger says; no engine is started for it."""
    return standing(entries(lake, INCIDENTS))


def settle(lake: Lake, engine: Callable[[], Engine], findings: Sequence[Finding], channels: Iterable[str]) -> None:
    """Write down which incidents open and which are over, and who is to be told of it besides the log."""
    if all(f.well for f in findings) and not lake.mark(INCIDENTS, OPEN):
        return
    with lake.lock(_CHANGING):
        if new := changes(read(lake), findings, datetime.now(UTC)):
            _enter(lake, engine(), [_row(m, m.event, " ".join((LOG, *channels))) for m in new], left=1)


class Teller:
    """Tells what is not told yet; a channel that fails is tried again later, and less and less often."""

    def __init__(self, listen: Listener) -> None:
        self._listen = listen
        self._failing: dict[str, tuple[datetime, timedelta]] = {}

    def tell(self, lake: Lake, engine: Callable[[], Engine], channels: Mapping[str, Send]) -> None:
        if not lake.mark(INCIDENTS, OPEN):
            return
        try:
            with lake.lock(_SENDING, seconds=0):
                self._tell(lake, engine, {LOG: self._log, **channels})
        except DataError:
            return  # another process is telling

    def _tell(self, lake: Lake, engine: Callable[[], Engine], channels: Mapping[str, Send]) -> None:
        told = []
        for message, channel in read(lake).untold:
            waits, pause = self._failing.get(channel, (datetime.now(UTC), timedelta(0)))
            if channel not in channels or waits > datetime.now(UTC):
                continue
            try:
                channels[channel](message)
            except VestryError as error:
                pause = min(pause * 2 or timedelta(minutes=1), timedelta(minutes=30))
                self._failing[channel] = datetime.now(UTC) + pause, pause
                self._listen(Event("untold", "", message.subject, f"{channel}: {error.what}"))
            else:
                self._failing.pop(channel, None)
                told.append(_row(message, "told", channel))
        with lake.lock(_CHANGING):
            known = read(lake)
            left = len(known.open) + sum(channel in channels for _, channel in known.untold) - len(told)
            if told:
                _enter(lake, engine(), told, left)
            elif not left:
                lake.note(INCIDENTS, {OPEN: 0})

    def _log(self, message: Message) -> None:
        facts = {k: v for k, v in asdict(message).items() if k not in ("event", "subject", "what") and v}
        self._listen(Event(message.event, "", message.subject, message.what, facts))


def _row(message: Message, event: str, channels: str) -> str:
    text = "" if event == "told" else json.dumps(asdict(message), ensure_ascii=False)
    values = (message.id, event, message.event, message.kind, message.subject, channels, text)
    return f"({', '.join(map(literal, values))})"


def _enter(lake: Lake, engine: Engine, rows: Sequence[str], left: int) -> None:
    """Add rows, with a mark of how much is open or untold after them."""
    select = (
        f"SELECT now() AS happened_at, * FROM (VALUES {', '.join(rows)}) "
        "AS r(incident, event, about, kind, subject, channels, message)"
    )
    with engine.cursor() as con:
        enter(lake, con, INCIDENTS, select, ["happened_at", "event", "kind", "subject"], {OPEN: left})
