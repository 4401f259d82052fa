"""Is this what was asked for? Each way in which a vendor's API lets us down, with words for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from vestry.project import DataError

#: Each `incident` is one thing for a person to know, however often it happens.
_WORDS = {
    "vendor-down": ("the API at {url} does not answer", "it is asked again from the same place by the next run"),
    "vendor-busy": ("the API at {url} asks us to wait longer than we may", "see `patience`, or ask it less often"),
    "vendor-login": (
        "the API at {url} wants us to log in",
        "check that the password or key is still good; if the vendor is at work on it, the next run asks again",
    ),
    "vendor-refuses": ("the API at {url} refuses what it is asked", "check `endpoint`, `params` and `cursor`"),
    "answer-cut": ("the API at {url} gives an answer that is not whole", "the next run asks for it again"),
    "answer-changed": (
        "the API at {url} gives an answer of another form",
        "check `rows` and `paginator`: has the vendor a new version?",
    ),
    "page-repeated": (
        "the API at {url} gives the same page again in place of the next",
        "the next run asks for it again; if it stays so, tell the vendor",
    ),
    "cursor-back": (
        "the API at {url} leads from its last page back to one before",
        "the next run asks again; if it stays so, tell the vendor",
    ),
    "elsewhere": (
        "the API at {url} names a next page on another server, and a key goes nowhere else",
        "if that is right, write that server as `url`",
    ),
    "keys-short": (
        "the API at {url} gives a list of keys that is far too short; no delete was taken from it",
        "if so much was deleted, make the table anew; else the next run compares again",
    ),
}
#: What ends the load, for the next window would fare no better.
_ENDING = ("vendor-down", "vendor-busy", "vendor-login", "elsewhere")
#: Tries of what may pass by itself, but seldom does.
_FEW = 3


class Unanswered(DataError):
    """What was asked for did not come. `incident` is which of the ways it was."""

    def __init__(self, incident: str, url: str, detail: str = "", *, tries: int = 1, wait: float | None = None) -> None:
        what, mend = _WORDS[incident]
        super().__init__(what.format(url=url) + (f" ({detail})" if detail else ""), mend=mend)
        self.incident = incident
        #: How often it is worth to be asked, patience permitting; 0 for as often as that.
        self.tries = tries
        #: Seconds that the vendor asked us to wait.
        self.wait = wait

    @property
    def ends(self) -> bool:
        return self.incident in _ENDING


def judged(response: Any, url: str, now: float) -> Unanswered | None:
    """What is wrong with an answer as such: its status, and whether it is whole JSON.

    The answer then gives its JSON without reading it again.
    """
    status = response.status_code
    if status in (401, 403):
        return Unanswered("vendor-login", url, f"status {status}")
    if status == 429 or (status == 503 and "Retry-After" in response.headers):
        wait = retry_after(response.headers.get("Retry-After", ""), now)
        return Unanswered("vendor-busy", url, f"status {status}", tries=0, wait=wait)
    if status >= 500 or status == 408:
        return Unanswered("vendor-down", url, f"status {status}", tries=0)
    if status >= 400:
        return Unanswered("vendor-refuses", url, f"status {status}")
    try:
        data = json.loads(response.content)
    except ValueError:
        if response.content.lstrip()[:1] == b"<":
            return Unanswered("vendor-login", url, "a web page instead of data")
        return Unanswered("answer-cut", url, "not JSON, or cut off", tries=_FEW)
    response.json = lambda **_: data
    return None


def unsent(error: Exception, url: str) -> Unanswered:
    """What is wrong where no whole answer came at all. What the error says may hold a secret, and is not shown."""
    said = {
        "ReadTimeout": "no answer in time",
        "ConnectTimeout": "no connection in time",
        "SSLError": "its certificate is not trusted",
    }
    name = type(error).__name__
    if name in ("ChunkedEncodingError", "ContentDecodingError"):
        return Unanswered("answer-cut", url, "cut off", tries=_FEW)
    if name in ("MissingSchema", "InvalidSchema", "InvalidURL"):
        return Unanswered("vendor-refuses", url, "not an address that can be asked")
    return Unanswered("vendor-down", url, said.get(name, "no connection"), tries=1 if name == "SSLError" else 0)


def repeated(url: str) -> Unanswered:
    return Unanswered("page-repeated", url, tries=_FEW)


def retry_after(text: str, now: float) -> float | None:
    """Seconds to wait by the header Retry-After, which gives them or a date; None where it gives neither."""
    if text.strip().isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.fromtimestamp(now, UTC)).total_seconds())


#: Judges an answer by what is known of those before it.
Judge = Callable[[Any], Unanswered | None]
