"""Identity providers: a real one, npm's `oidc-provider`; and a forger, which signs whatever a test wants."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

HERE = Path(__file__).parent
SECRET = "tawny-owl"


@contextmanager
def provider(people: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A running oidc-provider with these people and their claims, by what they type as log-in; gives its issuer."""
    if not shutil.which("node") or not (HERE / "node_modules").is_dir():
        pytest.skip("oidc-provider is not installed: tests/servers/install does it")
    process = subprocess.Popen(
        ["node", str(HERE / "provider.mjs"), json.dumps(people)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://127.0.0.1:")
        yield issuer
    finally:
        process.terminate()
        process.wait(30)


@dataclass
class Forger:
    """Answers as a provider does, with an id token of the claims and the header that the test sets."""

    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "k"})
    #: Signs with a key that it does not publish.
    is_wrong_key: bool = False
    #: What it says of itself, where that is not the truth.
    says: dict[str, Any] = field(default_factory=dict)
    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048))
    asked: list[bytes] = field(default_factory=list)

    def token(self) -> str:
        now = int(time.time())
        said = {"iss": self.issuer, "aud": "vestry", "sub": "jo", "iat": now, "exp": now + 300, "name": "Jo"}
        said = {k: v for k, v in {**said, **self.claims}.items() if v is not None}
        if self.header["alg"] == "none":
            return jwt.encode(self.header, said, self.key, algorithms=["none"])
        if self.header["alg"] == "HS256":  # signed with what everybody can read: the public key
            from joserfc.jwk import OctKey

            public = OctKey.import_key(self.key.as_pem(private=False))
            return jwt.encode(self.header, said, public, algorithms=["HS256"])
        return jwt.encode(self.header, said, RSAKey.generate_key(2048) if self.is_wrong_key else self.key)

    def answer(self, path: str) -> dict[str, Any]:
        if path.endswith("openid-configuration"):
            places = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "keys"}
            return {"issuer": self.issuer, **{k: f"{self.issuer}/{v}" for k, v in places.items()}, **self.says}
        if path == "/keys":
            return {"keys": [{**self.key.as_dict(private=False), "kid": "k", "use": "sig"}]}
        return {"access_token": "a", "token_type": "Bearer", "id_token": self.token()}


@contextmanager
def forger() -> Iterator[Forger]:
    made = Forger()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            body = json.dumps(made.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.issuer = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
