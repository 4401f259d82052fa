"""MQTT: every event once, whatever is killed or restarted."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import threading
import time
from contextlib import suppress

import paho.mqtt.client as mqtt
import pytest

from council import Council
from ingest.stream.listening import Listening
from servers.mosquitto import Broker, prepared
from vestry.project import TableName
from vestry.run.stream import stream

pytestmark = pytest.mark.slow


def sensors(council: Council, broker: Broker, more: str = "", source: str = "") -> None:
    council.source(
        "sensors",
        f"connector: mqtt\nurl: {broker.url}\n{source}tables:\n  reading:\n    topics: sensors/#\n"
        f"    batch_seconds: 0.5s\n{more}",
    )


class Publisher:
    """A client that sends with QoS 1, and waits until the broker has each message."""

    def __init__(self, broker: Broker) -> None:
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.client.max_inflight_messages_set(500)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()

    def send(self, *payloads: object, topic: str = "sensors/a/temperature", qos: int = 1, **more) -> None:
        texts = [p if isinstance(p, str | bytes) else json.dumps(p) for p in payloads]
        for sent in [self.client.publish(topic, text, qos=qos, **more) for text in texts]:
            sent.wait_for_publish(30)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def subscribed(listening: Listening) -> bool:
    """Does the broker know of our session? What is published before then is for nobody."""
    known = listening.council.root / ".vestry/spool/sensors/reading/session.json"
    return known.exists() and "topics" in known.read_text()


@pytest.fixture
def publisher(broker: Broker):
    publisher = Publisher(broker)
    yield publisher
    publisher.close()


def test_messages_are_in_bronze_with_what_was_asked_of_their_json(council, broker, publisher):
    sensors(council, broker, '    columns: {value: "$.reading.value"}\n    id: $.id\n    time: $.at\n')
    with Listening(council) as listening:
        listening.until(subscribed)
        publisher.send({"id": "e1", "at": "2026-03-01T10:00:00Z", "reading": {"value": 21.50}})
        listening.until_loaded(1)
        listening.stop()
    rows = council.rows(
        "select payload, topic, key, event_id, event_time::varchar, value, _source, _row from bronze.sensors.reading"
    )
    text = '{"id": "e1", "at": "2026-03-01T10:00:00Z", "reading": {"value": 21.5}}'
    assert rows == [(text, "sensors/a/temperature", None, "e1", "2026-03-01 10:00:00+00", "21.5", "mqtt", 0)]
    assert council.plan() == {}


def test_killed_three_times_every_event_is_there_once(council, broker, publisher):
    sensors(council, broker)
    total, sent = 12_000, threading.Event()

    def publish() -> None:
        for at in range(0, total, 200):
            publisher.send(*({"n": n} for n in range(at, at + 200)))
            time.sleep(0.05)
        sent.set()

    with Listening(council) as first:
        first.until(subscribed)
        sender = threading.Thread(target=publish)
        sender.start()
        first.until_loaded(500)
        first.kill()
    for more in (300, 1):
        with Listening(council) as again:
            again.until_loaded(more)
            again.kill()
    with Listening(council) as last:
        last.until(lambda s: s.events("listening"))
        sender.join()
        assert sent.is_set()
        last.until(lambda _: council.one("select count(*) from bronze.sensors.reading") >= total)
        time.sleep(2)
        last.stop()
    counted = "select count(*), count(distinct payload), count(distinct _row), max(_row) from bronze.sensors.reading"
    assert council.rows(counted) == [(total, total, total, total - 1)]


class Line:
    """The line between us and the broker; while it is `deaf`, nothing of what we say arrives there."""

    def __init__(self, port: int) -> None:
        self.deaf, self._to, self._open = False, port, list[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                theirs = socket.create_connection(("127.0.0.1", self._to))
                self._open += [ours, theirs]
                threading.Thread(target=self._carry, args=(ours, theirs, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(theirs, ours, False), daemon=True).start()

    def _carry(self, here: socket.socket, there: socket.socket, up: bool) -> None:
        with suppress(OSError):
            while data := here.recv(65_536):
                if not (up and self.deaf):
                    there.sendall(data)

    def cut(self) -> None:
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("killed", [False, True])
def test_what_is_sent_again_because_its_acknowledgement_was_lost_is_there_once(
    council, broker, publisher, protocol, killed
):
    line = Line(broker.port)
    council.source(
        "sensors",
        f"connector: mqtt\nurl: mqtt://127.0.0.1:{line.port}\nprotocol: '{protocol}'\n"
        "tables:\n  reading: {topics: sensors/#, batch_seconds: 0.3s}\n",
    )
    listening = Listening(council)
    try:
        listening.until(subscribed)
        publisher.send("same", "same", "same")
        listening.until_loaded(3)
        line.deaf = True
        publisher.send("same", "same", *range(10))
        listening.until_loaded(15)
        if killed:
            listening.kill()
        line.cut()
        publisher.send("after", "same")
        line.deaf = False
        if killed:
            listening = Listening(council)
            listening.until(lambda s: s.events("listening"))
        listening.until(lambda _: council.one("select count(*) from bronze.sensors.reading") >= 17, 90)
        time.sleep(2)
        listening.stop()
    finally:
        if listening.process.poll() is None:
            listening.kill()
        line.close()
    rows = council.rows("select payload, count(*) from bronze.sensors.reading group by 1 order by 1")
    assert rows == [*((str(n), 1) for n in range(10)), ("after", 1), ("same", 6)]


def test_a_broker_that_is_restarted_loses_nothing_and_is_told_of_once(council, broker, publisher):
    sensors(council, broker)
    with Listening(council) as listening:
        listening.until(subscribed)
        publisher.send(*range(300))
        listening.until_loaded(300)
        broker.stop()
        listening.until(lambda s: s.events("trouble"))
        broker.start()
        again = Publisher(broker)
        again.send(*range(300, 600))
        again.close()
        listening.until(lambda s: s.events("well"))
        listening.until_loaded(600)
        listening.stop()
        assert len(listening.events("trouble")) == len(listening.events("well")) == 1
    counted = council.rows("select count(*), count(distinct payload) from bronze.sensors.reading")
    assert counted == [(600, 600)]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_is_published_while_nobody_listens_waits_at_the_broker(council, broker, publisher, protocol):
    sensors(council, broker, source=f"protocol: '{protocol}'\n")
    publisher.send("kept", retain=True)
    with Listening(council) as listening:
        listening.until_loaded(1)
        listening.stop()
    publisher.send(*range(100))
    with Listening(council) as listening:
        listening.until_loaded(100)
        time.sleep(1)
        listening.stop()
    # What the broker retains is not sent again to a session that had it.
    assert council.rows("select count(*), count(*) filter (payload = 'kept') from bronze.sensors.reading") == [(101, 1)]


def test_malformed_late_and_repeated_events_are_each_where_they_belong(council, broker, publisher):
    sensors(council, broker, "    columns: {n: $.n}\n    id: $.id\n    time: $.at\n")
    bad = (b"\xc3\x28", b"{", b"21,5", b"")
    sent = [
        bad[n // 100 % 4] if n % 100 == 0 else {"id": f"e{n}", "n": n, "at": "2026-03-01T10:00:00Z"}
        for n in range(1, 1_001)
    ]
    with Listening(council) as listening:
        listening.until(subscribed)
        publisher.send(*sent, {"id": "late", "n": -1, "at": "1999-12-31T23:59:59Z"}, {"id": "e5", "n": 5})
        listening.until_loaded(1_002)
        listening.kill()
    with Listening(council) as listening:
        publisher.send({"id": "e6", "n": 6, "at": "2026-03-01T11:00:00Z"}, {"n": -2})
        listening.until_loaded(2)
        listening.stop()
    table = "bronze.sensors.reading"
    assert council.rows(f"select count(*), count(distinct event_id), count(distinct n) from {table}") == [
        (992, 991, 992)
    ]
    assert council.one(f"select event_time::varchar from {table} where event_id = 'late'") == "1999-12-31 23:59:59+00"
    assert council.rows(f"select reason, count(*) from {table}__rejected group by 1 order by 1") == [
        ("not JSON", 8),
        ("not UTF-8", 2),
    ]
    records = [v.record for v in council.lake.history(TableName.parse(table)) if v.record]
    assert all(r["rows_in"] == r["loaded"] + r["rejected"] for r in records)
    assert sum(r["repeated"] for r in records) == 2


def test_a_wrong_password_is_told_and_never_shown(council, tmp_path):
    broker = prepared(tmp_path / "guarded")
    users = broker.home / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), "council", "right-password"], check=True)
    users.chmod(0o644)
    broker.more = f"allow_anonymous false\npassword_file {users}"
    broker.start()
    try:
        sensors(council, broker, source="user: council\npassword: ${MQTT_PASSWORD}\n")
        with Listening(council, env={"MQTT_PASSWORD": "wrong-password"}) as listening:
            listening.until(lambda s: s.events("trouble"))
            said = listening.stop()
        assert "the broker does not take the user or the password" in said and "wrong-password" not in said
    finally:
        broker.stop()


def test_files_of_batches_are_put_together_and_a_run_leaves_the_stream_alone(council, broker, publisher):
    sensors(council, broker)
    workspace, stop, kinds = council.open(), threading.Event(), list[str]()
    listening = threading.Thread(
        target=stream, args=(workspace, (), lambda event: kinds.append(event.kind), stop), kwargs={"compact_seconds": 4}
    )
    listening.start()
    try:
        known = council.root / ".vestry/spool/sensors/reading/session.json"
        until = time.monotonic() + 60
        while not (known.exists() and "topics" in known.read_text()):
            assert time.monotonic() < until
            time.sleep(0.05)
        for n in itertools.count():
            publisher.send(n)
            time.sleep(0.3)
            if kinds.count("compacted") > 1 or time.monotonic() > until:
                break
    finally:
        stop.set()
        listening.join()
        workspace.engine.close()
    assert kinds.count("compacted") > 1
    assert council.rows("select count(*), count(distinct payload) from bronze.sensors.reading") == [(n + 1, n + 1)]
    assert len(council.lake.existing(TableName.parse("bronze.sensors.reading")).file_uris()) < kinds.count("batch")
    assert council.plan() == {} and council.run() != {}
    assert "listened to by `vestry stream`" in council.cli("run", "--plan").stdout
