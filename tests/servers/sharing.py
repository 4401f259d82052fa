"""A Delta Sharing server over real Delta tables: the protocol's Parquet form, with addresses that run out."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from deltalake import DeltaTable


@dataclass
class SharingServer:
    """`tables` are folders by `share.schema.table`; `spoil` may answer in the server's place."""

    tables: dict[str, Path] = field(default_factory=dict)
    token: str = "Quillfeather-token"
    lifetime: float = 60
    #: Whether the client asks for an end to each list of files.
    with_end: bool = False
    #: What was asked for: method and path.
    asked: list[str] = field(default_factory=list)
    #: Given a path of the protocol or of a file, may answer (status, headers, body) in place of the server.
    spoil: Callable[[str], tuple[int, dict[str, str], bytes] | None] = lambda _: None

    def start(self) -> SharingServer:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer("")

            def do_HEAD(self) -> None:
                self._answer("")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

            def _answer(self, body: str) -> None:
                url = urlsplit(self.path)
                server.asked.append(f"{self.command} {url.path}")
                query = {k: v[0] for k, v in parse_qs(url.query).items()}
                spoiled = server.spoil(url.path)
                if spoiled:
                    status, headers, content = spoiled
                elif url.path.startswith("/files/"):
                    status, headers, content = server.file(url.path, query, self.headers.get("Range"))
                    assert "Authorization" not in self.headers, "the token is not for the store"
                elif self.headers.get("Authorization") != f"Bearer {server.token}":
                    status, headers, content = 401, {}, b'{"errorCode": "UNAUTHENTICATED"}'
                else:
                    server.with_end = "includeEndStreamAction=true" in self.headers.get(
                        "delta-sharing-capabilities", ""
                    )
                    status, headers, content = server.answer(url.path, query, json.loads(body or "{}"))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def profile(self, file: Path, **more: str) -> Path:
        """Write the profile file that a partner would send."""
        known = {"shareCredentialsVersion": 1, "endpoint": f"{self.url}/delta", "bearerToken": self.token}
        file.write_text(json.dumps(known | more))
        return file

    def answer(self, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        parts = [unquote(p) for p in path.removeprefix("/delta/").split("/")]
        names = [name.split(".") for name in self.tables]
        match parts:
            case ["shares"]:
                return self._items([{"name": n} for n in sorted({s for s, _, _ in names})])
            case ["shares", share, "schemas"]:
                found = sorted({c for s, c, _ in names if s == share})
                return self._items([{"name": n, "share": share} for n in found])
            case ["shares", share, "all-tables"]:
                return self._items([{"share": s, "schema": c, "name": t} for s, c, t in names if s == share])
            case ["shares", share, "schemas", schema, "tables"]:
                found = [t for s, c, t in names if (s, c) == (share, schema)]
                return self._items([{"share": share, "schema": schema, "name": t} for t in found])
            case ["shares", share, "schemas", schema, "tables", table, what]:
                folder = self.tables.get(f"{share}.{schema}.{table}")
                if folder is None:
                    return 404, {}, b'{"errorCode": "RESOURCE_DOES_NOT_EXIST"}'
                return self._table(folder, f"{share}.{schema}.{table}", what, query, body)
        return 404, {}, b""

    def _items(self, items: list[dict[str, str]]) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, json.dumps({"items": items}).encode()

    def _table(
        self, folder: Path, name: str, what: str, query: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        table = DeltaTable(folder, version=body.get("version"))
        version = int(query["endingVersion"]) if "endingVersion" in query else table.version()
        headers = {
            "delta-table-version": str(version),
            "delta-sharing-capabilities": "responseformat=parquet"
            + (";includeEndStreamAction=true" if self.with_end else ""),
            "Content-Type": "application/x-ndjson",
        }
        metadata = table.metadata()
        schema = json.loads(table.schema().to_json())
        lines: list[dict[str, Any]] = [
            {"protocol": {"minReaderVersion": 1}},
            {
                "metaData": {
                    "id": str(metadata.id),
                    "format": {"provider": "parquet"},
                    "schemaString": json.dumps(schema),
                    "partitionColumns": metadata.partition_columns,
                    "configuration": metadata.configuration,
                }
            },
        ]
        if what == "version":
            return 200, headers, b""
        if what == "query":
            actions = table.get_add_actions(flatten=False)
            lines += [
                {"file": self._action(folder, name, a["path"], a.get("partition") or {}, a["size_bytes"])}
                for a in _rows(actions)
            ]
        elif what == "changes":
            if metadata.configuration.get("delta.enableChangeDataFeed") != "true":
                return 400, headers, b'{"errorCode": "INVALID_PARAMETER_VALUE"}'
            for one in range(int(query["startingVersion"]), version + 1):
                lines += self._changes(folder, name, one)
        if self.with_end:
            lines.append({"endStreamAction": {}})
        return 200, headers, "\n".join(json.dumps(line) for line in lines).encode()

    def _changes(self, folder: Path, name: str, version: int) -> list[dict[str, Any]]:
        log = folder / "_delta_log" / f"{version:020}.json"
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        moment = next(a["commitInfo"]["timestamp"] for a in actions if "commitInfo" in a)
        about = {"version": version, "timestamp": moment}
        cdc = [a["cdc"] for a in actions if "cdc" in a]
        if cdc:
            return [
                {"cdf": self._action(folder, name, a["path"], a["partitionValues"], a["size"]) | about} for a in cdc
            ]
        return [
            {kind: self._action(folder, name, a[kind]["path"], a[kind]["partitionValues"], a[kind]["size"]) | about}
            for a in actions
            for kind in ("add", "remove")
            if kind in a and a[kind]["dataChange"]
        ]

    def _action(self, folder: Path, name: str, path: str, partition: dict[str, Any], size: int) -> dict[str, Any]:
        until = time.time() + self.lifetime
        return {
            "url": f"{self.url}/files/{name}/{path}?X-Amz-Signature=x&until={until}",
            "id": path,
            "partitionValues": {k: None if v is None else str(v) for k, v in partition.items()},
            "size": size,
            "stats": "{}",
        }

    def file(self, path: str, query: dict[str, str], part: str | None) -> tuple[int, dict[str, str], bytes]:
        if float(query["until"]) < time.time():
            return 403, {}, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        name, _, file = unquote(path).removeprefix("/files/").partition("/")
        content = (self.tables[name] / file).read_bytes()
        if part:
            start, _, end = part.removeprefix("bytes=").partition("-")
            begin = int(start) if start else len(content) - int(end)
            stop = int(end) + 1 if start and end else len(content)
            said = f"bytes {begin}-{stop - 1}/{len(content)}"
            return 206, {"Content-Range": said, "Content-Length": str(stop - begin)}, content[begin:stop]
        return 200, {}, content


def _rows(actions: Any) -> list[dict[str, Any]]:
    import pyarrow as pa

    return pa.table(actions).to_pylist()
