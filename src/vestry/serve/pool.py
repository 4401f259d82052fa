"""What is costly to make and serves one request at a time: kept for the next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from vestry.lake.engine import failure
from vestry.project import DataError
from vestry.run.workspace import Workspace

T = TypeVar("T")
#: One is made at a time: two that define the same functions in one DuckDB would meet.
_MAKING = threading.Lock()


class Pool(Generic[T]):
    """Things over a workspace; they are let go when the project has become another."""

    def __init__(self, make: Callable[[Workspace], T]) -> None:
        self._make = make
        self._workspace: Workspace | None = None
        self._idle: list[T] = []

    @contextmanager
    def taken(self, workspace: Workspace) -> Iterator[T]:
        """One for this request alone. What the engine says of a failure may hold values: it is told in our words."""
        import duckdb

        with _MAKING:
            if self._workspace is not workspace:
                self._workspace, self._idle = workspace, []
            idle = self._idle
            one = idle.pop() if idle else self._make(workspace)
        try:
            yield one
        except duckdb.Error as error:
            raise DataError(failure(error), mend="look again; if it stays so, tell whoever runs Vestry") from None
        finally:
            idle.append(one)
