"""Kafka: where to go on stands in bronze, and nowhere else: docs/decisions/024-confluent-kafka.md."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

from vestry.ingest.connector import Context, Part
from vestry.ingest.stream.batch import Shape
from vestry.ingest.stream.feed import Feed, Received
from vestry.ingest.stream.model import KafkaSource, KafkaTable
from vestry.project import DataError, VestryError
from vestry.project.project import expand

if TYPE_CHECKING:
    import duckdb
    from confluent_kafka import Consumer, Message

#: Seconds after which partitions are looked for that were added.
_LOOK_AGAIN = 60.0
_ASK = 10.0
_AT_ONCE = 1_000


def offset_mark(topic: str, partition: int) -> str:
    """The mark that has the next offset of a partition."""
    return f"vestry.offset:{topic}:{partition}"


class KafkaConnector:
    """Topics of a Kafka cluster, listened to by `vestry stream`."""

    Settings = KafkaSource

    def news(self, context: Context) -> str | None:
        return None

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        yield from ()

    def feeds(self, contexts: list[Context]) -> dict[str, Feed]:
        return {context.table: KafkaFeed(context) for context in contexts}

    def shape(self, context: Context) -> Shape:
        spec: KafkaTable = context.spec
        identity = ("event_id",) if spec.id else ()
        return Shape(spec.columns, spec.id, spec.time, identity, spec.repeats_within)


class KafkaFeed:
    """All partitions of a topic, read from the offsets in bronze; the group's own are never used."""

    def __init__(self, context: Context) -> None:
        settings: KafkaSource = context.settings
        self.problem: VestryError | None = None
        self._where, self._spec = context.where, context.spec
        self._topic: str = self._spec.topic
        env = context.project.env
        options = {key: expand(value, self._where, env) for key, value in settings.options.items()}
        self._config: dict[str, Any] = {
            "client.id": "vestry",
            **options,
            "bootstrap.servers": ",".join(expand(server, self._where, env) for server in settings.servers),
            "group.id": f"vestry-{context.source.name}-{context.table}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # An offset that is gone is said in the commit, not silently passed over.
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            # What waits in memory, for all partitions together.
            "queued.max.messages.kbytes": 65_536,
            "error_cb": self._on_error,
            "logger": _silent(),
        }
        self._consumer: Consumer | None = None
        self._next: dict[int, int] = {}
        self._gaps: list[dict[str, Any]] = []
        self._looked = 0.0

    def open(self, mark: Callable[[str], int | None]) -> None:
        from confluent_kafka import Consumer, KafkaException

        try:
            self._consumer = Consumer(self._config)
        except (KafkaException, ValueError, TypeError):
            what = "librdkafka does not take one of the `options`"
            raise VestryError(what, self._where, "its CONFIGURATION.md lists them") from None
        self._next, self._gaps, self._mark = {}, [], mark
        self._assign()

    def take(self, most: int, seconds: float, stop: Flag) -> Received:
        if time.monotonic() - self._looked > _LOOK_AGAIN:
            # The cluster may be away: what it has sent is read all the same.
            with contextlib.suppress(DataError):
                self._assign()
        got = Received()
        until = None
        while len(got) < most:
            left = 1.0 if until is None else until - time.monotonic()
            if left <= 0 or (stop.is_set() and until is not None):
                break
            found = self._reader.consume(min(most - len(got), _AT_ONCE), min(left, 0.0 if stop.is_set() else 0.5))
            for message in found:
                self._add(got, message)
            if len(got) and until is None:
                until = time.monotonic() + seconds
            if stop.is_set() or (until is None and not found):
                break
        if len(got):
            if not self._gaps:
                self.problem = None
            got.marks = {offset_mark(self._topic, p): offset for p, offset in self._next.items()}
            if self._gaps:
                got.record["gaps"], self._gaps = self._gaps, []
        return got

    def kept(self, marks: Mapping[str, int]) -> None:
        """Nothing: the marks in bronze are all that is remembered."""

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    @property
    def _reader(self) -> Consumer:
        assert self._consumer is not None
        return self._consumer

    def _assign(self) -> None:
        """Read every partition from where bronze is; one that is new, from where the YAML says."""
        from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

        self._looked = time.monotonic()
        try:
            topic = self._reader.list_topics(self._topic, timeout=_ASK).topics[self._topic]
            if topic.error is not None:
                what = f"the cluster does not show us a topic {self._topic}"
                raise DataError(what, self._where, "check its name, and what this user may read")
            new = sorted(set(topic.partitions) - set(self._next))
            if not new:
                return
            first = not self._next
            for number in new:
                known = self._mark(offset_mark(self._topic, number))
                if known is None:
                    known = OFFSET_BEGINNING
                    if self._spec.start == "latest" and first and not self._has_begun(topic.partitions):
                        at = TopicPartition(self._topic, number)
                        known = self._reader.get_watermark_offsets(at, timeout=_ASK)[1]
                self._next[number] = known
        except KafkaException:
            what = "the cluster does not answer"
            raise DataError(what, self._where, "check `servers` and `options`; it is tried again") from None
        self._reader.assign([TopicPartition(self._topic, number, at) for number, at in self._next.items()])

    def _has_begun(self, partitions: Mapping[int, Any]) -> bool:
        return any(self._mark(offset_mark(self._topic, number)) is not None for number in partitions)

    def _add(self, got: Received, message: Message) -> None:
        from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaError

        error = message.error()
        number = message.partition()
        if error is not None:
            if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE) and number is not None:
                self._pass_over(number)
            elif error.code() != KafkaError._PARTITION_EOF:
                self._on_error(error)
            return
        offset = message.offset()
        assert number is not None and offset is not None
        kind, moment = message.timestamp()
        got.origin.append(f"{self._topic}/{number}")
        got.row.append(offset)
        got.topic.append(self._topic)
        key = message.key()
        got.key.append(key.decode(errors="backslashreplace") if isinstance(key, bytes) else key)
        got.id.append(None)
        got.time.append(None if kind == TIMESTAMP_NOT_AVAILABLE else moment * 1000)
        value = message.value()
        got.payload.append(value.encode() if isinstance(value, str) else value)
        self._next[number] = offset + 1

    def _pass_over(self, number: int) -> None:
        """What bronze would go on with is no longer there: go on with what is, and have the record say so."""
        from confluent_kafka import TopicPartition

        low, high = self._reader.get_watermark_offsets(TopicPartition(self._topic, number), timeout=_ASK)
        wanted = self._next[number]
        self._gaps.append({"topic": self._topic, "partition": number, "from": wanted, "to": low})
        self._next[number] = low
        what = f"{self._topic}/{number}: offset {wanted} is gone; the cluster has {low} to {high}, and it goes on there"
        self.problem = DataError(what, self._where, "see `gaps` in the history of the table")
        self._reader.assign([TopicPartition(self._topic, n, at) for n, at in self._next.items()])

    def _on_error(self, error: Any) -> None:
        from confluent_kafka import KafkaError

        if error.code() in (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED):
            self.problem = DataError("the cluster does not take the user or the password", self._where)
        elif error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._SSL) or error.fatal():
            what = f"the cluster cannot be reached ({error.name()})"
            self.problem = DataError(what, self._where, "check `servers` and `options`; it is tried again")


def _silent() -> Any:
    """librdkafka's own lines hold addresses and names; what matters of them comes as an error."""
    import logging

    logger = logging.getLogger("vestry.kafka")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
