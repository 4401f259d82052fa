"""CloudEvents 1.0 over HTTP: structured, in a batch, or in binary mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
An event is kept as its JSON form, whatever the mode, so that paths such as $.data.id always hold.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from vestry.ingest.stream.inbox import Event

_ONE, _MANY = "application/cloudevents+json", "application/cloudevents-batch+json"
_SPACE = re.compile(r"[ \t\r\n]*")
_LONGEST = 4096


class NoEvent(ValueError):
    """What was sent is no CloudEvent; the text says why, and nothing of what was sent."""


def events(headers: Mapping[str, str], body: bytes, now: int) -> list[Event]:
    """The events of a request, `now` (microseconds) standing in where one has no time. Raises NoEvent.

    The names of the headers are in lower case.
    """
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == _ONE:
        text = _text(body).strip()
        return [_event(_loads(text), text, now)]
    if kind == _MANY:
        return [_event(one, text, now) for one, text in _items(_text(body))]
    if "ce-id" in headers:
        attributes: dict[str, Any] = {n[3:]: unquote(v) for n, v in headers.items() if n.startswith("ce-")}
        if "content-type" in headers:
            attributes["datacontenttype"] = headers["content-type"]
        return [_event(attributes, _structured(attributes, kind, body), now)]
    raise NoEvent(f"neither the header ce-id nor a content type {_ONE} or {_MANY}")


def _event(event: Any, text: str, now: int) -> Event:
    if not isinstance(event, dict):
        raise NoEvent("an event is an object")
    if event.get("specversion") != "1.0":
        raise NoEvent("specversion is not 1.0")
    for name in ("id", "source", "type"):
        value = event.get(name)
        if not isinstance(value, str) or not value or len(value) > _LONGEST:
            raise NoEvent(f"{name} is missing, not a text, or longer than {_LONGEST} characters")
    when = now
    if (said := event.get("time")) is not None:
        try:
            moment = datetime.fromisoformat(str(said).upper().replace("Z", "+00:00"))
            when = round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)
        except (ValueError, OverflowError):
            raise NoEvent("time is not as RFC 3339 has it") from None
    return Event(when, event["type"], event["source"], event["id"], text.encode())


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise NoEvent("the body is not UTF-8") from None


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise NoEvent("the body is not JSON") from None


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _items(text: str) -> list[tuple[Any, str]]:
    """The items of a JSON list, each with its own text as it was sent."""
    if not isinstance(_loads(text), list):
        raise NoEvent("a batch is a list of events")
    decoder, found = json.JSONDecoder(), list[tuple[Any, str]]()
    at = _after_space(text, text.index("[") + 1)
    while text[at] != "]":
        item, end = decoder.raw_decode(text, at)
        found.append((item, text[at:end]))
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)
    return found


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _structured(attributes: Mapping[str, Any], kind: str, body: bytes) -> str:
    """A binary mode event in its JSON form; JSON data stand in it as they were sent."""
    head = json.dumps(attributes, ensure_ascii=False)[:-1]
    if not body:
        return head + "}"
    if kind == "application/json" or kind.endswith("+json") or not kind:
        text = _text(body)
        _loads(text)
        return f'{head}, "data": {text}}}'
    try:
        return f'{head}, "data": {json.dumps(body.decode(), ensure_ascii=False)}}}'
    except UnicodeDecodeError:
        return f'{head}, "data_base64": "{base64.b64encode(body).decode()}"}}'
