"""The YAML of sources that are listened to."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from vestry.project.models import Names, Strict
from vestry.project.source_models import SourceSettings

#: The columns of bronze that every stream has.
COLUMNS = ("payload", "topic", "key", "event_id", "event_time")
_LOAD = ("_load_id", "_loaded_at", "_source", "_row")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def _seconds(value: object) -> object:
    """`10s`, `15m`, `24h` or `7d` as seconds."""
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", value.strip())):
        return float(found[1]) * _UNITS[found[2]]
    return value


def _is_path(value: str) -> str:
    if not re.fullmatch(r"\$(\.[^.\s]+|\[\d+\])+", value):
        raise ValueError(f"a path into the JSON, such as $.reading.value; `{value}` is none")
    return value


Seconds = Annotated[float, BeforeValidator(_seconds)]
Path = Annotated[str, AfterValidator(_is_path)]


class EventTable(Strict):
    """A table of events, in the order in which they came."""

    description: str | None = None
    columns: dict[str, Path] = Field(
        default_factory=dict, description="More columns, as text: name: $.path into the JSON of the event."
    )
    batch_seconds: Seconds = Field(default=10.0, gt=0, le=3600, description="An event is in bronze after this: 10s.")
    batch_rows: int = Field(default=10_000, ge=1, le=1_000_000, description="Or when so many have come.")

    @model_validator(mode="after")
    def _new_names(self) -> EventTable:
        taken = [name for name in self.columns if name.casefold() in (*COLUMNS, *_LOAD)]
        if taken:
            raise ValueError(f"a column of events has the name `{taken[0]}` already")
        return self


class MessageTable(EventTable):
    """Events that are messages: what tells one from another stands in them, if anywhere."""

    id: Path | None = Field(
        default=None, description="Where the event's own id stands, as $.id: a repeated one is not loaded twice."
    )
    time: Path | None = Field(
        default=None, description="Where the event's time stands, as $.at. Default: the message's time."
    )
    repeats_within: Seconds = Field(
        default=86_400.0, gt=0, description="With `id`: how far back a repeated event is looked for."
    )


class MqttTable(MessageTable):
    """What comes on some topics of an MQTT broker."""

    topics: Names = Field(min_length=1, description="Topic filters, such as sensors/+/temperature or bins/#.")
    qos: Literal[0, 1] = Field(
        default=1, description="1: nothing is lost. 0: what comes while nobody listens is lost. There is no need of 2."
    )


class MqttSource(SourceSettings):
    """An MQTT broker."""

    connector: Literal["mqtt"]
    url: str = Field(description="mqtt://host:1883, or mqtts://host:8883.")
    user: str | None = Field(default=None, description="As ${NAME} where it is a secret.")
    password: str | None = Field(default=None, description="As ${NAME}.")
    ca: str | None = Field(default=None, description="File of the certificate that the broker's is signed by.")
    protocol: Literal["5", "3.1.1"] = Field(
        default="5", description="3.1.1 takes half the processor; how long messages are kept is then the broker's rule."
    )
    client_id: str | None = Field(
        default=None, description="The broker keeps messages under this name while nobody listens. Default: made once."
    )
    keep: Seconds = Field(default=7 * 86_400.0, gt=0, description="How long the broker is asked to keep them: 7d.")
    spool_mb: int = Field(default=1024, ge=1, description="Disk for events that are not in bronze yet, for each table.")
    tables: dict[str, MqttTable] = Field(min_length=1)


class KafkaTable(MessageTable):
    """A topic of Kafka."""

    topic: str
    start: Literal["earliest", "latest"] = Field(default="earliest", description="Where the first load begins.")


class KafkaSource(SourceSettings):
    """A Kafka cluster."""

    connector: Literal["kafka"]
    servers: Names = Field(min_length=1, description="host:9092, one or several.")
    options: dict[str, str] = Field(
        default_factory=dict, description="librdkafka's settings, such as sasl.password. Secrets as ${NAME}."
    )
    tables: dict[str, KafkaTable] = Field(min_length=1)


class WebhookTable(EventTable):
    """Events that are sent to `/<table>` of this source: CloudEvents 1.0 in JSON."""

    repeats_within: Seconds = Field(
        default=86_400.0, ge=600, description="How far back an event of the same source and id is looked for."
    )


class WebhookSource(SourceSettings):
    """An address to which others send CloudEvents, signed."""

    connector: Literal["webhook"]
    listen: str = Field(
        default="127.0.0.1:8390", pattern=r"^[^\s:]+:\d+$", description="Address and port. TLS is a reverse proxy's."
    )
    secret: Names = Field(min_length=1, description="What senders sign with, as ${NAME}; while it is changed, both.")
    max_bytes: int = Field(default=1_048_576, ge=1, description="A longer request is refused.")
    spool_mb: int = Field(default=1024, ge=1, description="Disk for events that are not in bronze yet, for each table.")
    tables: dict[str, WebhookTable] = Field(min_length=1)
