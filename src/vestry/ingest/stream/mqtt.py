"""MQTT: an event is acknowledged when it is on this machine's disk, and told apart when it comes again.

What is guaranteed, and why by QoS 1: docs/decisions/023-mqtt.md.
"""

from __future__ import annotations

import hashlib
import json
import select
import ssl
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vestry.ingest.connector import Context, Part
from vestry.ingest.stream.batch import Shape
from vestry.ingest.stream.feed import Feed, Received
from vestry.ingest.stream.inbox import Event, Inbox
from vestry.ingest.stream.model import MqttSource, MqttTable
from vestry.ingest.stream.spool import Full
from vestry.project import DataError, VestryError
from vestry.project.project import expand

if TYPE_CHECKING:
    import duckdb
    from paho.mqtt.client import Client, MQTTMessage

#: Messages that the broker may have sent and not seen acknowledged.
_IN_FLIGHT = 2_000
#: Messages that are put on the disk together, seconds in which they are gathered, and a silence that ends it.
_GROUP, _GATHER, _SILENCE = 500, 0.05, 0.002
_KEEPALIVE = 30
_LONGEST_PAUSE = 60.0


class MqttConnector:
    """Topics of a broker, listened to by `vestry stream`."""

    Settings = MqttSource

    def news(self, context: Context) -> str | None:
        return None

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        yield from ()

    def feeds(self, contexts: list[Context]) -> dict[str, Feed]:
        return {context.table: MqttFeed(context) for context in contexts}

    def shape(self, context: Context) -> Shape:
        spec: MqttTable = context.spec
        identity = ("event_id",) if spec.id else ()
        return Shape(spec.columns, spec.id, spec.time, identity, spec.repeats_within)


class MqttFeed:
    """One session with the broker, kept by it while nobody listens."""

    def __init__(self, context: Context) -> None:
        settings: MqttSource = context.settings
        self.problem: VestryError | None = None
        self._settings, self._context = settings, context
        self._spec: MqttTable = context.spec
        self._where = context.where
        self._folder = context.project.state / "spool" / context.source.name / context.table
        self._url = urlsplit(expand(settings.url, self._where, context.project.env))
        if self._url.scheme not in ("mqtt", "mqtts") or not self._url.hostname:
            raise VestryError("`url` is no address of an MQTT broker", self._where, "such as mqtt://host:1883")
        self._login = tuple(
            expand(text, self._where, context.project.env) if text else None
            for text in (settings.user, settings.password)
        )
        self._stop = Flag()
        self._inbox: Inbox | None = None
        self._thread: threading.Thread | None = None
        self._got: list[MQTTMessage] = []
        #: Packet number -> digest of the newest message that had it: of those perhaps not acknowledged.
        self._recent: OrderedDict[int, bytes] = OrderedDict()

    def open(self, mark: Callable[[str], int | None]) -> None:
        limit = self._settings.spool_mb * 2**20
        self._inbox = Inbox("mqtt", self._folder, limit, mark, remember=_IN_FLIGHT)
        self._recent.clear()
        for event in self._inbox.last(_IN_FLIGHT):
            if event.packet:
                self._note(event.packet, _digest(event.topic, event.payload))
        self._stop.clear()
        self._thread = threading.Thread(target=self._listen, name=f"mqtt {self._context.bronze}", daemon=True)
        self._thread.start()

    def take(self, most: int, seconds: float, stop: Flag) -> Received:
        return self._open_inbox.take(most, seconds, stop)

    def kept(self, marks: Mapping[str, int]) -> None:
        self._open_inbox.kept(marks)

    def close(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(30)
        if self._inbox:
            self._inbox.close()

    @property
    def _open_inbox(self) -> Inbox:
        assert self._inbox is not None
        return self._inbox

    # -- the session, in a thread of its own ------------------------------------------------------

    def _listen(self) -> None:
        """Connect and listen until told to stop; where the broker is away, try again, ever less often."""
        pause = 0.5
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._session()
            except VestryError as error:
                self.problem = error
            except Exception as error:  # whatever it is, the events that are here go on to bronze
                what = f"the broker cannot be listened to: {type(error).__name__}"
                self.problem = DataError(what, self._where, "it is tried again")
            pause = 0.5 if time.monotonic() - began > 60 else min(pause * 2, _LONGEST_PAUSE)
            self._stop.wait(pause)

    def _session(self) -> None:
        """One connection, until it ends. Raises DataError that says why it ended."""
        client = self._client()
        port = self._url.port or (8883 if self._url.scheme == "mqtts" else 1883)
        try:
            self._connect(client, str(self._url.hostname), port)
        except ssl.SSLCertVerificationError:
            what = "the broker's certificate is not one to trust"
            raise DataError(
                what, self._where, "check the host in `url`, and `ca` with whoever runs the broker"
            ) from None
        except OSError:
            raise self._away() from None
        said: dict[str, Any] = {}
        client.on_connect = lambda _c, _u, flags, code, _p: said.update(code=code, present=flags.session_present)
        client.on_subscribe = lambda _c, _u, _mid, codes, _p: said.update(granted=codes)
        client.on_message = lambda _c, _u, message: self._got.append(message)
        self._got.clear()
        subscribed = False
        try:
            while not self._stop.is_set():
                alive = self._read(client)
                if "code" in said and said["code"].is_failure:
                    raise self._refused(str(said["code"]))
                if not alive:
                    raise self._away()
                self._store(client)
                if "code" in said and not subscribed:
                    subscribed = True
                    if not self._subscribe(client, said["present"]):
                        said["granted"] = []
                if "granted" in said:
                    if any(code.is_failure for code in said.pop("granted")):
                        what = "the broker does not let this user read all of the topics"
                        raise DataError(what, self._where, "ask whoever runs the broker")
                    self.problem = None
                    self._remember()
        finally:
            if client.socket() is not None:
                client.disconnect()

    def _client(self) -> Client:
        from paho.mqtt.client import Client, MQTTv5, MQTTv311
        from paho.mqtt.enums import CallbackAPIVersion

        new = self._settings.protocol == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id(),
            clean_session=None if new else False,
            protocol=MQTTv5 if new else MQTTv311,
            manual_ack=True,
        )
        user, password = self._login
        if user:
            client.username_pw_set(user, password)
        if self._url.scheme == "mqtts":
            ca = self._settings.ca
            client.tls_set(ca_certs=str(self._context.project.root / ca) if ca else None)
        return client

    def _connect(self, client: Client, host: str, port: int) -> None:
        if self._settings.protocol == "3.1.1":
            client.connect(host, port, _KEEPALIVE)
            return
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        wished = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wished.SessionExpiryInterval = int(self._settings.keep)
        wished.ReceiveMaximum = _IN_FLIGHT
        client.connect(host, port, _KEEPALIVE, clean_start=False, properties=wished)

    def _read(self, client: Client) -> bool:
        """Take in what has come, up to a group; False where the connection has ended."""
        until = 0.0
        while len(self._got) < _GROUP:
            before = len(self._got)
            client.loop_read()
            if (sock := client.socket()) is None:
                return False
            if len(self._got) > before:
                until = until or time.monotonic() + _GATHER
                if time.monotonic() > until:
                    break
            elif not select.select([sock], [], [], _SILENCE if self._got else 0.25)[0]:
                break
        if client.want_write():
            client.loop_write()
        client.loop_misc()
        return client.socket() is not None

    def _store(self, client: Client) -> None:
        """Put what has come on the disk, then acknowledge it: never the other way round."""
        if not self._got:
            return
        new, noted = [], []
        seen = dict[int, bytes]()
        for message in self._got:
            payload = bytes(message.payload)
            digest = _digest(message.topic, payload) if message.qos else b""
            if message.qos and message.dup and seen.get(message.mid, self._recent.get(message.mid)) == digest:
                continue  # it is on the disk; only its acknowledgement did not arrive
            when = time.time_ns() // 1000
            new.append(Event(when, message.topic, None, None, payload, message.mid if message.qos else 0))
            if message.qos:
                seen[message.mid] = digest
                noted.append((message.mid, digest))
        while new:
            try:
                self._open_inbox.store(new)
                break
            except Full as error:  # nothing more is read meanwhile: the broker keeps it
                self.problem = error
                client.loop_misc()
                if self._stop.wait(1.0):
                    return
                continue
        if isinstance(self.problem, Full):
            self.problem = None
        for packet, digest in noted:
            self._note(packet, digest)
        for message in self._got:
            if message.qos:
                client.ack(message.mid, message.qos)
        self._got.clear()

    def _note(self, packet: int, digest: bytes) -> None:
        self._recent[packet] = digest
        self._recent.move_to_end(packet)
        while len(self._recent) > _IN_FLIGHT:
            self._recent.popitem(last=False)

    def _subscribe(self, client: Client, present: bool) -> bool:
        """Ask for the topics; False where the session has them all, so that no answer will come."""
        from paho.mqtt.subscribeoptions import SubscribeOptions

        had: dict[str, int] = self._known().get("topics", {}) if present else {}
        wanted = {topic: int(self._spec.qos) for topic in self._spec.topics}
        if gone := sorted(set(had) - set(wanted)):
            client.unsubscribe(gone)
        # What a broker retains is sent once, not again each time that we come back.
        if self._settings.protocol == "5":
            options = SubscribeOptions(qos=self._spec.qos, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            client.subscribe([(topic, options) for topic in wanted])
            return True
        if new := [(topic, qos) for topic, qos in wanted.items() if had.get(topic) != qos]:
            client.subscribe(new)
        return bool(new)

    def _away(self) -> DataError:
        """The connection ended, or none could be made: one trouble, told once however it shows itself."""
        mend = "it is tried again; check `url`, that the broker runs, and that nobody else uses this `client_id`"
        return DataError("the broker does not answer", self._where, mend)

    def _refused(self, said: str) -> DataError:
        if "auth" in said.lower() or "user name" in said.lower():
            return DataError("the broker does not take the user or the password", self._where, "check both with it")
        return DataError(f"the broker does not let us in: {said.lower()}", self._where, "it is tried again")

    # -- what is remembered beside the spool ------------------------------------------------------

    def _known(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self._folder / "session.json").read_text()))
        except (OSError, ValueError):
            return {}

    def _client_id(self) -> str:
        """The name of our session at the broker: as it was before, for the broker keeps messages for it."""
        wanted = self._settings.client_id
        if wanted:
            return f"{wanted}-{self._context.table}"
        known = self._known().get("client")
        if known is None:
            known = f"vestry-{uuid.uuid4().hex[:12]}"
            self._write({"client": known})
        return str(known)

    def _remember(self) -> None:
        self._write({**self._known(), "topics": dict.fromkeys(self._spec.topics, self._spec.qos)})

    def _write(self, known: Mapping[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        new = self._folder / "session.json.new"
        new.write_text(json.dumps(known))
        new.replace(self._folder / "session.json")


def _digest(topic: str, payload: bytes) -> bytes:
    return hashlib.blake2b(topic.encode() + b"\0" + payload, digest_size=16).digest()
