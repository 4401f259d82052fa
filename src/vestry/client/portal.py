"""A portal, asked over REST: questions go as JSON, rows come as a stream of Arrow."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import requests

from vestry.client.table import Column
from vestry.project import DataError, VestryError

if TYPE_CHECKING:
    import pyarrow as pa

_ARROW = "application/vnd.apache.arrow.stream"
#: Seconds until it answers, and between two pieces of an answer.
_PATIENCE = (10, 120)


class PortalPlace:
    """`address` is the portal's own, such as `https://data.testham.gov.uk`."""

    def __init__(self, address: str, token: str | None) -> None:
        if token and urlsplit(address).scheme == "http" and not _is_here(urlsplit(address).hostname or ""):
            raise VestryError("the token would go over the network in clear", mend="the address begins with https://")
        self._address = f"{address}/api/v1"
        self._session = requests.Session()
        self._session.trust_env = False  # no .netrc instead of the token
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def tables(self) -> list[str]:
        return list(dict.fromkeys(table["name"] for table in self._asked("GET", "tables").json()))

    def columns(self, table: str, purpose: str) -> list[Column]:
        said = self._asked("GET", f"tables/{quote(table, safe='')}", params={"purpose": purpose} if purpose else None)
        return [Column(c["name"], c["type"], c["meaning"], c["treatment"]) for c in said.json()["columns"]]

    @contextmanager
    def read(self, table: str, asked: dict[str, Any]) -> Iterator[pa.RecordBatchReader]:
        """All rows: where one answer does not hold them, the next goes on at its end."""
        import pyarrow as pa

        with ExitStack() as open_:
            answer, reader = self._answer(open_, table, asked)

            def batches() -> Iterator[pa.RecordBatch]:
                now, rows, left = answer, reader, asked["limit"]
                while True:
                    yield from rows
                    cursor = now.headers.get("Vestry-Cursor")
                    left = None if left is None else left - int(now.headers["Vestry-Rows"])
                    if cursor is None or left == 0:
                        return
                    now, rows = self._answer(open_, table, {**asked, "cursor": cursor, "limit": left})

            yield pa.RecordBatchReader.from_batches(reader.schema, batches())

    def _answer(
        self, open_: ExitStack, table: str, asked: dict[str, Any]
    ) -> tuple[requests.Response, pa.RecordBatchReader]:
        import pyarrow as pa

        path, headers = f"tables/{quote(table, safe='')}/rows", {"Accept": _ARROW}
        answer = open_.enter_context(self._asked("POST", path, json=asked, headers=headers, stream=True))
        answer.raw.decode_content = True
        return answer, pa.ipc.open_stream(answer.raw)

    def _asked(self, method: str, path: str, **more: Any) -> requests.Response:
        try:
            answer = self._session.request(
                method, f"{self._address}/{path}", timeout=_PATIENCE, allow_redirects=False, **more
            )
        except requests.RequestException as error:
            raise DataError(
                f"the portal does not answer ({type(error).__name__})", mend="is its address right?"
            ) from None
        if answer.status_code == 200:
            return answer
        with answer:
            said = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
        what = said.get("detail") or f"the portal answered {answer.status_code}"
        raise VestryError(what.rstrip("."), mend=said.get("mend", ""))


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
