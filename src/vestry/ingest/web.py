"""HTTP as the connectors to partners and catalogues ask: patient where it helps, and plain about what failed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vestry.project import DataError, VestryError

if TYPE_CHECKING:
    import requests

_TIMEOUT = (10, 120)
_TRIES = 4
#: A server that asks for more patience than this is left for the next run.
_LONGEST_WAIT = 60
_LATER = (429, 500, 502, 503, 504)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Refused(DataError):
    """The server answered, and said no: `status` says how."""

    def __init__(self, what: str, where: str, mend: str, status: int) -> None:
        super().__init__(what, where, mend)
        self.status = status


def checked_url(url: str, where: str, secret: bool = False) -> str:
    """The URL, if it is one of the web; where a secret goes with it, only one that nobody can listen to.

    Raises VestryError.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise VestryError("the address is none of the web", where, "write https://…")
    if secret and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise VestryError("the token would go over the network for all to read", where, "write https:// in its place")
    return url


def ask(
    session: requests.Session,
    method: str,
    url: str,
    where: str,
    *,
    params: Mapping[str, Any] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    stream: bool = False,
) -> requests.Response:
    """One answer of status 200. Busy and broken servers are asked again, a little later each time.

    Raises Refused with the status, or DataError where there is no answer; what the server said is not repeated.
    """
    import requests

    whose = urlsplit(url).hostname
    for tried in range(1, _TRIES + 1):
        last = tried == _TRIES
        try:
            answer = session.request(
                method, url, params=params, json=json, headers=headers, timeout=_TIMEOUT, stream=stream
            )
        except requests.RequestException as error:
            if last or isinstance(error, requests.exceptions.SSLError):
                raise DataError(
                    f"{whose} cannot be reached: {_reason(error)}; nothing was loaded", where, _mend(error)
                ) from None
            time.sleep(0.25 * 2**tried)
            continue
        if answer.status_code == 200:
            return answer
        answer.close()
        wait = _wait(answer.headers.get("Retry-After"), 0.25 * 2**tried)
        if answer.status_code not in _LATER or last or wait > _LONGEST_WAIT:
            busy = answer.status_code in _LATER
            raise Refused(
                f"{whose} answered with status {answer.status_code}; nothing was loaded",
                where,
                "the next run asks again" if busy else "check the address",
                answer.status_code,
            )
        time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def _wait(said: str | None, otherwise: float) -> float:
    return float(said) if said and said.isdigit() else otherwise


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not to be trusted"
    return "no answer in time" if isinstance(error, requests.Timeout) else "no connection"


def _mend(error: Exception) -> str:
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return "has the certificate run out, or changed? ask its owner by telephone; do not go round it"
    return "the next run asks again"
