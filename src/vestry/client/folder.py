"""The folder of a project, read through the gate as whoever sits at the machine."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from vestry.catalogue.live import Live
from vestry.client.table import Column
from vestry.governance.access.gate import Gate, Where
from vestry.governance.identity.user import LOCAL
from vestry.project import VestryError
from vestry.serve.api.asked import Asked
from vestry.serve.reader import table_of
from vestry.serve.rows.answer import answer, leave
from vestry.serve.rows.shapes import ARROW

if TYPE_CHECKING:
    import pyarrow as pa

_WHERE = Where("python", "127.0.0.1")


class FolderPlace:
    def __init__(self, folder: Path) -> None:
        self._gate = Gate(Live(folder))

    def tables(self) -> list[str]:
        self._gate.live.refresh()
        return list(dict.fromkeys(str(view.table) for view in self._gate.seen(LOCAL, _WHERE)))

    def columns(self, table: str, purpose: str) -> list[Column]:
        self._gate.live.refresh()
        entry = self._gate.live.catalogue().tables.get(table_of(table))
        view = self._gate.view(LOCAL, table_of(table), _WHERE, purpose)
        meanings = {column.name: column.description for column in entry.columns} if entry else {}
        return [Column(c.name, c.shown_kind, meanings.get(c.name), str(c.treatment)) for c in view.columns]

    @contextmanager
    def read(self, table: str, asked: dict[str, Any]) -> Iterator[pa.RecordBatchReader]:
        import pyarrow as pa

        self._gate.live.refresh()
        try:
            said = Asked.model_validate(asked)
        except ValidationError as error:
            raise VestryError(f"the question is not one: {error.errors()[0]['msg']}") from None
        may = leave(self._gate, LOCAL, table_of(table), _WHERE, said.purpose)
        query = said.query()
        found = answer(may, query, ARROW)

        def batches() -> Generator[pa.RecordBatch, None, None]:
            now, left = found, query.limit
            while True:
                yield from now.batches
                left = None if left is None else left - now.count
                if now.cursor is None or left == 0:
                    return
                now = answer(may, replace(query, cursor=now.cursor, limit=left, skip=0), ARROW)

        rows = batches()
        try:
            yield pa.RecordBatchReader.from_batches(found.schema, rows)
        finally:
            rows.close()
            found.close()
