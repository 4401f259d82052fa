"""A question in SQL, from who asks it to the rows: the gate decides, a process answers, the audit is told first."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestry.governance import audit
from vestry.governance.access.gate import Gate, Reading, Where
from vestry.governance.access.keys import own_key
from vestry.governance.access.view import Refused
from vestry.governance.identity.user import User
from vestry.governance.people import NAMED
from vestry.governance.sql.workers import NotAnswered, Workers
from vestry.project import DataError, TableName

if TYPE_CHECKING:
    import pyarrow as pa

_KEY = "questions in SQL"


@dataclass(frozen=True)
class Answer:
    """The rows, each column under a name of its own; `is_cut` where there were more than a question may bring."""

    rows: pa.Table
    is_cut: bool
    tables: tuple[TableName, ...]
    seconds: float


class Questions:
    """Answers questions for one project.

    Where it is `warm`, processes wait for the next question from the first on, until `close`.
    """

    def __init__(self, gate: Gate, warm: bool = True) -> None:
        self._gate = gate
        self._workers = Workers(gate.live.workspace.project.state / "sql", warm)

    def ask(self, user: User, sql: str, where: Where, purpose: str = "") -> Answer:
        """The answer, after the audit has its line: which tables and how many rows, and never the text.

        Raises Refused (NotAnswered of what is wrong with the question), which is written down too; and DataError.
        """
        began = time.monotonic()
        workspace = self._gate.live.workspace
        if not workspace.lake.is_local:
            mend = "read its tables by another door, such as Delta Sharing"
            raise DataError("questions in SQL need a lake in a folder, and this one is in an object store", mend=mend)
        if any("\ud800" <= letter <= "\udfff" for letter in sql):
            raise NotAnswered("syntax", "the question holds half a character", mend="send it as UTF-8")
        note = f"query {self._digest(sql)}"
        worker = self._workers.take(workspace.project.settings.sql)
        tables: list[TableName] = []
        try:
            tables = worker.tables(sql)
            reading = self._gate.read(user, tables, where, purpose)
            answered = worker.answer(sql, list(reading.releases.values()), NAMED)
            self._look_again(reading, user, where, purpose)
        except NotAnswered as error:
            entry = audit.Entry(
                user.id, where.door, "read", False, purpose=purpose, note=f"{note}: not answered ({error.kind})"
            )
            audit.write(workspace.project, [entry], [audit.Read(table, None, {}) for table in tables])
            raise
        finally:
            self._workers.done(worker)
        reading.give(answered.rows.num_rows, answered.people, note)
        return Answer(answered.rows, answered.is_cut, tuple(reading.releases), time.monotonic() - began)

    def close(self) -> None:
        """End the processes that wait."""
        self._workers.close()

    def _look_again(self, reading: Reading, user: User, where: Where, purpose: str) -> None:
        """What was taken away while the answer was made is not given. Raises NotAnswered."""
        for table, release in reading.releases.items():
            try:
                is_same = self._gate.view(user, table, where, purpose) == release.view
            except Refused:
                is_same = False
            if not is_same:
                what = f"what you may read of {table} has changed meanwhile"
                raise NotAnswered("changed", what, mend="ask again")

    def _digest(self, sql: str) -> str:
        """What tells one question from another, without a way back to what it says, such as somebody's name."""
        key = own_key(self._gate.live.workspace.project, _KEY)
        return hmac.new(key, sql.encode(), hashlib.sha256).hexdigest()[:16]
