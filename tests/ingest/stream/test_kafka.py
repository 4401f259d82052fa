"""Kafka, against librdkafka's own cluster, which lives in this process."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import Producer

from council import Council
from ingest.stream.listening import Listening
from vestry.ingest.stream.kafka import offset_mark
from vestry.project import TableName

pytestmark = pytest.mark.slow
TABLE = "bronze.bus.stop"


class Cluster:
    """Two brokers and a producer; a topic has four partitions."""

    def __init__(self) -> None:
        self.producer = Producer({"test.mock.num.brokers": 2, "linger.ms": 5})
        found = self.producer.list_topics("stops", timeout=20)
        self.servers = ",".join(f"{b.host}:{b.port}" for b in found.brokers.values())

    def send(self, *payloads: object, partition: int | None = None, **more) -> None:
        where = {} if partition is None else {"partition": partition}
        for payload in payloads:
            text = payload if isinstance(payload, bytes) or payload is None else json.dumps(payload)
            self.producer.produce("stops", text, **where, **more)
        assert self.producer.flush(30) == 0


@pytest.fixture
def cluster(council: Council) -> Cluster:
    cluster = Cluster()
    servers = ", ".join(f"'{s}'" for s in cluster.servers.split(","))
    council.source(
        "bus",
        f"connector: kafka\nservers: [{servers}]\ntables:\n  stop:\n    topic: stops\n"
        "    batch_seconds: 0.5s\n    batch_rows: 700\n    columns: {n: $.n}\n",
    )
    return cluster


def test_messages_keep_topic_key_time_and_offset(council, cluster):
    cluster.send({"n": 1}, key="a", partition=2, timestamp=1_772_359_200_000)
    cluster.send(None, key="a", partition=2)
    with Listening(council) as listening:
        listening.until_loaded(2)
        listening.stop()
    rows = council.rows(f"select payload, topic, key, n, _source, _row from {TABLE} order by _row")
    assert rows == [('{"n": 1}', "stops", "a", "1", "stops/2", 0), (None, "stops", "a", None, "stops/2", 1)]
    assert council.one(f"select event_time::varchar from {TABLE} where n = '1'") == "2026-03-01 10:00:00+00"
    assert council.lake.mark(TableName.parse(TABLE), offset_mark("stops", 2)) == 2


def test_killed_three_times_every_message_is_there_once(council, cluster):
    total = 0
    for _ in range(3):
        with Listening(council) as listening:
            cluster.send(*({"n": n} for n in range(total, total + 2_000)))
            total += 2_000
            listening.until_loaded(600)
            listening.kill()
    with Listening(council) as listening:
        listening.until(lambda s: s.events("listening"))
        listening.until(lambda _: council.one(f"select count(*) from {TABLE}") >= total)
        listening.stop()
    assert council.rows(f"select count(*), count(distinct n), max(n::int) from {TABLE}") == [(total, total, total - 1)]


def test_an_offset_that_is_gone_is_said_in_the_record_and_passed_over(council, cluster):
    cluster.send({"n": 1}, partition=0)
    with Listening(council) as listening:
        listening.until_loaded(1)
        listening.stop()
    council.lake.note(TableName.parse(TABLE), {offset_mark("stops", 0): 500})
    cluster.send({"n": 2}, partition=1)
    with Listening(council) as listening:
        listening.until_loaded(2)
        listening.until(lambda s: s.events("trouble"))
        listening.stop()
    gaps = [v.record["gaps"] for v in council.lake.history(TableName.parse(TABLE)) if "gaps" in v.record]
    assert gaps == [[{"topic": "stops", "partition": 0, "from": 500, "to": 0}]]


def test_one_malformed_message_in_a_hundred_is_set_aside(council, cluster):
    bad = {n: (b"\xff\xfe", b'{"n": ', b"<html>")[n // 100 % 3] for n in range(50, 2_000, 100)}
    cluster.send(*(bad.get(n, {"n": n}) for n in range(2_000)))
    with Listening(council) as listening:
        listening.until_loaded(2_000)
        listening.stop()
    assert council.one(f"select count(distinct n) from {TABLE}") == 2_000 - len(bad)
    reasons = council.rows(f"select reason, count(*) from {TABLE}__rejected group by 1 order by 1")
    assert reasons == [("not JSON", 13), ("not UTF-8", 7)]
    for version in council.lake.history(TableName.parse(TABLE)):
        assert version.record["rows_in"] == version.record["loaded"] + version.record["rejected"]


def test_a_cluster_that_is_away_is_told_once_and_other_sources_go_on(council, cluster):
    council.source("gone", "connector: kafka\nservers: 127.0.0.1:9\ntables:\n  stop: {topic: stops}\n")
    cluster.send({"n": 1})
    with Listening(council) as listening:
        listening.until_loaded(1)
        listening.until(lambda s: s.events("trouble"))
        listening.stop()
        troubles = listening.events("trouble")
    assert len(troubles) == 1 and "gone.yaml" in troubles[0]["detail"]
    assert council.one(f"select count(*) from {TABLE}") == 1
