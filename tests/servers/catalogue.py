"""A catalogue's web server: CKAN's package_search over packages that the test keeps, and files as they are."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class CatalogueServer:
    """`packages` are CKAN's; `files` are path -> (media type, content)."""

    packages: list[Any] = field(default_factory=list)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    #: The most that one page gives, whatever is asked for.
    most: int = 1000
    asked: list[str] = field(default_factory=list)
    #: What the server counts beyond what it has.
    beyond: int = 0

    def start(self) -> CatalogueServer:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                server.asked.append(f"{self.command} {self.path}")
                if url.path == "/api/3/action/package_search":
                    query = {k: v[0] for k, v in parse_qs(url.query).items()}
                    kind, content = "application/json", json.dumps(server.search(query)).encode()
                elif self.path in server.files:
                    kind, content = server.files[self.path]
                else:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("ETag", f'"{hash(content)}"')
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def search(self, query: dict[str, str]) -> dict[str, Any]:
        found = self.packages
        if "fq" in query:
            wanted = query["fq"].removeprefix("organization:")
            found = [p for p in found if p["organization"]["name"] == wanted]
        by, _, order = query.get("sort", "id asc").partition(" ")
        found = sorted(found, key=lambda p: p[by] if isinstance(p, dict) else "", reverse=order == "desc")
        start, rows = int(query.get("start", 0)), min(int(query.get("rows", 10)), self.most)
        results = found[start : start + rows]
        return {"success": True, "result": {"count": len(found) + self.beyond, "results": results}}
