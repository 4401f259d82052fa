"""MQTT: every event once, whatever is killed or restarted."""

from __future__ import annotations

import json
import threading
import time

import paho.mqtt.client as mqtt
import pytest

from council import Council
from ingest.stream.listening import Listening
from servers.mosquitto import Broker

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


@pytest.fixture
def publisher(broker: Broker):
    publisher = Publisher(broker)
    yield publisher
    publisher.close()


def test_messages_are_in_bronze_with_what_was_asked_of_their_json(council, broker, publisher):
    sensors(council, broker, '    columns: {value: "$.reading.value"}\n    id: $.id\n    time: $.at\n')
    with Listening(council) as listening:
        listening.until(lambda s: s.events("listening"))
        time.sleep(1)
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
        first.until(lambda s: s.events("listening"))
        time.sleep(1)
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
