"""Webhooks: signed CloudEvents are in bronze once; what is not signed leaves nothing."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from council import Council
from ingest.stream.listening import Listening
from vestry.ingest.stream.signature import sign

pytestmark = pytest.mark.slow
SECRET = "a secret of the tests, 32 bytes."
ENV = {"HOOK_SECRET": SECRET}


class Sender:
    """Whoever sends events, with the standard library's client."""

    def __init__(self, port: int) -> None:
        self.port = port

    def post(self, body: bytes, kind: str = "application/cloudevents+json", *, message: str = "m1", at: int | None = None,
             secret: str = SECRET, path: str = "/payment", **headers: str) -> tuple[int, str]:  # fmt: skip
        at = int(time.time()) if at is None else at
        signed = {
            "Content-Type": kind,
            "webhook-id": message,
            "webhook-timestamp": str(at),
            "webhook-signature": sign(secret.encode(), message, at, body),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", path, body, signed)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def send(self, id: str, **more) -> int:
        return self.post(event(id), **more)[0]


def event(id: str, **more: object) -> bytes:
    made = {
        "specversion": "1.0",
        "id": id,
        "source": "/pay",
        "type": "org.example.paid",
        "data": {"pence": 1050},
        **more,
    }
    return json.dumps(made).encode()


@pytest.fixture
def sender(council: Council) -> Sender:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    council.source(
        "pay",
        f"connector: webhook\nlisten: 127.0.0.1:{port}\nsecret: ${{HOOK_SECRET}}\nmax_bytes: 20000\n"
        'tables:\n  payment: {batch_seconds: 0.5s, columns: {pence: "$.data.pence"}}\n',
    )
    return Sender(port)


@pytest.fixture
def listening(council: Council, sender: Sender) -> Iterator[Listening]:
    with Listening(council, env=ENV) as listening:
        listening.until(lambda s: s.events("listening"))
        yield listening


def test_events_of_every_mode_are_loaded_once(council, sender, listening):
    assert sender.send("e1", message="m1") == 202
    assert (
        sender.post(
            b"[" + event("e2") + b" ,\n" + event("e3", data={"pence": 7.10}) + b"]",
            "application/cloudevents-batch+json",
        )[0]
        == 202
    )
    head = {
        "ce_id": "e4",
        "ce_source": "/pay",
        "ce_type": "org.example.paid",
        "ce_specversion": "1.0",
        "ce_time": "2026-03-01T10:00:00Z",
    }
    assert sender.post(b'{"pence":  12}', "application/json", message="e4", **head)[0] == 202
    listening.until_loaded(4)
    assert sender.send("e1", message="m1") == 202
    assert sender.send("e1", message="m2") == 202
    listening.until_loaded(6)
    listening.stop()
    rows = council.rows("select event_id, key, topic, pence, payload from bronze.pay.payment order by event_id")
    assert [row[:4] for row in rows] == [
        (f"e{n}", "/pay", "org.example.paid", p) for n, p in ((1, "1050"), (2, "1050"), (3, "7.1"), (4, "12"))
    ]
    assert rows[0][4] == event("e1").decode()
    assert '"data": {"pence":  12}' in rows[3][4]
    assert (
        council.one("select event_time::varchar from bronze.pay.payment where event_id = 'e4'")
        == "2026-03-01 10:00:00+00"
    )
    record = council.record("bronze.pay.payment")
    assert record["rows_in"] == record["loaded"] + record["rejected"]


def test_what_is_not_signed_as_agreed_gets_401_and_no_detail(council, sender, listening):
    now = int(time.time())
    assert sender.post(event("a"), secret="another secret, of 32 bytes also") == (401, "")
    assert sender.post(event("b"), at=now - 301) == (401, "")
    assert sender.post(event("c"), at=now + 400) == (401, "")
    assert sender.post(event("d"), webhook_signature="v1,") == (401, "")
    assert sender.post(event("d"), webhook_signature="v1,ü") == (401, "")
    right = sign(SECRET.encode(), "m1", now, event("e"))
    assert sender.post(event("changed"), at=now, webhook_signature=right) == (401, "")
    assert sender.post(event("e"), at=now, message="m9", webhook_signature=right) == (401, "")
    assert sender.post(event("e"), at=now + 1, webhook_signature=right) == (401, "")
    # Whether a path is there is nobody's business who cannot sign.
    assert sender.post(event("f"), secret="another secret, of 32 bytes also", path="/nowhere")[0] == 401
    # Two signatures are given while the secret is changed; one of them must be right.
    assert (
        sender.post(event("g"), at=now, webhook_signature=f"v1,AAAA {sign(SECRET.encode(), 'm1', now, event('g'))}")[0]
        == 202
    )
    listening.until_loaded(1)
    said = listening.stop()
    assert council.rows("select event_id from bronze.pay.payment") == [("g",)]
    assert SECRET not in said


def test_a_replayed_request_is_answered_and_not_loaded_again_even_after_a_kill(council, sender):
    now = int(time.time())
    with Listening(council, env=ENV) as listening:
        listening.until(lambda s: s.events("listening"))
        assert sender.send("e1", at=now) == 202
        listening.until_loaded(1)
        listening.kill()
    with Listening(council, env=ENV) as listening:
        listening.until(lambda s: s.events("listening"))
        assert sender.send("e1", at=now) == 202
        listening.until_loaded(1)
        assert sender.send("e2") == 202
        listening.until_loaded(2)
        listening.stop()
    assert council.rows("select event_id from bronze.pay.payment order by 1") == [("e1",), ("e2",)]


def test_what_is_no_event_is_refused_with_a_reason(council, sender, listening):
    assert sender.post(b"x" * 20_001)[0] == 413
    assert sender.post(event("e", specversion="0.3")) == (400, "specversion is not 1.0")
    assert sender.post(event("")) == (400, "id is missing, not a text, or longer than 4096 characters")
    assert sender.post(event("e", time="yesterday")) == (400, "time is not as RFC 3339 has it")
    assert sender.post(b"{") == (400, "the body is not JSON")
    assert sender.post(b'{"specversion": NaN}') == (400, "the body is not JSON")
    assert sender.post(b"\xff") == (400, "the body is not UTF-8")
    assert sender.post(b"[" * 15_000) == (400, "the body is not JSON")
    assert sender.post(b"[1]", "application/cloudevents-batch+json") == (400, "an event is an object")
    assert sender.post(b"{}", "text/html")[0] == 400
    head = {"ce_id": "e4", "ce_source": "/pay", "ce_type": "t", "ce_specversion": "1.0"}
    assert sender.post(b"{}", "application/json", message="other", **head) == (400, "webhook-id is not the event's id")
    assert sender.post(event("e"), path="/nowhere")[0] == 404
    # A body that is promised and does not come; a length that is none.
    with socket.create_connection(("127.0.0.1", sender.port), timeout=30) as slow:
        slow.sendall(b"POST /payment HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        assert slow.recv(100).startswith(b"HTTP/1.1 408")
    with socket.create_connection(("127.0.0.1", sender.port), timeout=30) as odd:
        odd.sendall(b"POST /payment HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n")
        assert odd.recv(100).startswith(b"HTTP/1.1 411")
    listening.stop()
    assert not council.folder("bronze.pay.payment").exists()


def test_killed_three_times_every_event_that_was_answered_is_there_once(council, sender):
    answered, enough, done = set[str](), threading.Event(), threading.Event()

    def send_all() -> None:
        for n in itertools.count():  # until all the kills are over, so that each comes while events do
            if enough.is_set() and n >= 400:
                break
            while True:  # as a good sender does: until it is answered
                try:
                    if sender.send(f"e{n}", message=f"m{n}") == 202:
                        break
                except OSError:
                    pass
                time.sleep(0.1)
            answered.add(f"e{n}")
        done.set()

    thread = threading.Thread(target=send_all, daemon=True)
    for kill in range(3):
        with Listening(council, env=ENV) as listening:
            listening.until(lambda s: s.events("listening"))
            if not kill:
                thread.start()
            listening.until_loaded(1)
            listening.kill()
    with Listening(council, env=ENV) as listening:
        listening.until(lambda s: s.events("listening"))
        enough.set()
        assert done.wait(120)
        listening.until(lambda _: council.one("select count(*) from bronze.pay.payment") >= len(answered))
        listening.stop()
    rows = council.rows("select event_id from bronze.pay.payment")
    assert len(rows) == len(answered) >= 400 and {row[0] for row in rows} == answered


def test_a_secret_that_is_missing_or_too_short_stops_at_once(council, sender):
    done = council.cli("stream", "--for", "5s", env={"HOOK_SECRET": "short"})
    assert done.returncode == 2 and "too short" in done.stderr and "short\n" not in done.stderr
    done = council.cli("stream", "--for", "5s")
    assert done.returncode == 2 and "HOOK_SECRET is not set" in done.stderr


def test_a_second_process_is_refused_and_told_who_listens(council, sender, listening):
    done = council.cli("stream", "--for", "5s", env=ENV)
    assert done.returncode == 1
    assert f"bronze.pay.payment is listened to already by process {listening.process.pid}, since" in done.stderr
