"""Asks a vendor's API, patiently: dlt's REST client pages and signs in; here is how long it is tried, and what for."""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any
from urllib.parse import urlsplit

import requests
from dlt.common.jsonpath import find_values
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.rest_api.config_setup import create_auth, create_paginator, get_auth_class, get_paginator_class

from vestry.ingest.connector import Context
from vestry.ingest.rest.answers import Judge, Unanswered, judged, repeated, unsent
from vestry.project import VestryError
from vestry.project.durations import seconds
from vestry.project.errors import listed
from vestry.project.project import expand

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0
#: Seconds for a connection, and between two pieces of an answer.
_TIMEOUT = (10, 60)
#: A question that comes up so often within a window goes round in a circle.
_ROUNDS = 3


class Patience:
    """How long one load may still wait for a vendor, in seconds."""

    def __init__(self, total: float) -> None:
        self.left = total

    def wait(self, attempt: int, asked: float | None, spent: float) -> bool:
        """Wait before the next attempt: as long as was asked, else twice as long each time; False where it may not."""
        self.left -= spent
        # Half of it by chance, so that not all who were refused come back at once.
        back_off = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1)) * random.uniform(0.5, 1)  # noqa: S311
        pause = max(asked or 0, back_off if asked is None else 0)
        if pause > self.left:
            return False
        self.left -= pause
        time.sleep(pause)
        return True


class _Session(requests.Session):
    """Sends a request until its answer is good, or is not worth waiting for; raises Unanswered then."""

    def __init__(self, url: str, patience: Patience, clock: Any) -> None:
        super().__init__()
        self.url, self.patience, self.clock = url, patience, clock
        self.auth_again: OAuth2ClientCredentials | None = None
        #: Servers that a key may go to; None for all.
        self.servers: set[tuple[str | None, int | None]] | None = None
        self.attempts = 0
        self.judge: Judge = lambda _: None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        options["timeout"] = options.get("timeout") or _TIMEOUT
        if self.servers is not None and _server(str(request.url)) not in self.servers:
            followed = options.get("allow_redirects") is False
            if followed:
                raise Unanswered("vendor-login", self.url, "it sends us to another server")
            raise Unanswered("elsewhere", self.url)
        renewed = False
        attempt = 0
        while True:
            attempt += 1
            began = time.monotonic()
            self.attempts += 1
            response = None
            try:
                response = super().send(request, **options)
            except requests.RequestException as error:
                wrong: Unanswered | None = unsent(error, self.url)
            else:
                if response.is_redirect or response.history:  # goes on, or was judged where it went on to
                    return response
                wrong = judged(response, self.url, self.clock()) or self.judge(response)
            if wrong is None:
                assert response is not None
                return response
            if self.auth_again and not renewed and response is not None and response.status_code == 401:
                renewed = True
                self.auth_again.access_token = None
                self.auth_again(request)
                continue
            tried = wrong.tries and attempt >= wrong.tries
            if tried or not self.patience.wait(attempt, wrong.wait, time.monotonic() - began):
                raise wrong


def _server(url: str) -> tuple[str | None, int | None]:
    """Host and port; an address without encryption is another server than the same with it."""
    parts = urlsplit(url)
    return parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


class Api:
    """A source's API for one load."""

    def __init__(self, context: Context) -> None:
        logging.getLogger("dlt").setLevel(logging.ERROR)
        self.context = context
        source, env = context.settings, context.project.env
        self.url = source.url
        base = expand(source.url, context.where, env)
        patience = Patience(seconds(source.patience))
        self._session = _Session(self.url, patience, context.project.clock)
        auth = _auth(context)
        if isinstance(auth, OAuth2ClientCredentials):
            auth.session = _Session(self.url, patience, context.project.clock)
            self._session.auth_again = auth
        secure = _server(base.replace("http://", "https://", 1)) if urlsplit(base).port is None else _server(base)
        self._session.servers = {_server(base), secure}
        self._client = RESTClient(
            base_url=base,
            headers={k: expand(v, context.where, env) for k, v in source.headers.items()},
            auth=auth,
            session=self._session,
        )

    @property
    def attempts(self) -> int:
        """Requests sent until now."""
        return self._session.attempts

    def pages(self, endpoint: str, params: Mapping[str, Any], rows: str | None, paginator: Any) -> Iterator[list[Any]]:
        """The records, page by page: of each page all or none.

        Raises Unanswered where a page does not come; those before it came whole.
        """
        if urlsplit(endpoint).scheme and self._session.servers is not None:
            self._session.servers.add(_server(endpoint))
        seen: set[str] = set()
        asked: Counter[str] = Counter()
        selector = rows

        def judge(response: Any) -> Unanswered | None:
            nonlocal selector
            selector = selector or self._client.detect_data_selector(response)
            found = find_values(selector, response.json())
            if not found:
                return Unanswered("answer-changed", self.url, f"without `{selector}`")
            request = response.request
            question = f"{request.method} {request.url} {request.body!r}"
            content = hashlib.sha256(json.dumps(found).encode()).hexdigest() if any(found) else ""
            if content in seen and question not in asked:
                return repeated(self.url)
            if asked[question] == _ROUNDS:
                return Unanswered("cursor-back", self.url)
            asked[question] += 1
            if content:
                seen.add(content)
            return None

        self._session.judge = judge
        made = _paginator(paginator, self.context.where)
        pages = self._client.paginate(
            endpoint, params=dict(params), data_selector=rows, paginator=made, hooks={"response": []}
        )
        while True:
            try:
                page = next(pages, None)
            except Unanswered as error:
                error.where = self.context.where
                raise
            except VestryError:
                raise
            except Exception as error:  # dlt's paginators say in many ways that an answer lacks what they go by
                raise self._other_form(error) from error
            if page is None:
                return
            yield list(page)

    def _other_form(self, error: Exception) -> Unanswered:
        wrong = Unanswered("answer-changed", self.url, f"{type(error).__name__} on the way to the next page")
        wrong.where = self.context.where
        return wrong


def _auth(context: Context) -> Any:
    auth: dict[str, Any] | None = context.settings.auth
    if auth is None:
        return None
    filled = _filled(auth, context)
    try:
        return create_auth(filled)
    except Exception as error:
        kind = auth.get("type", "bearer")
        takes = [n for n in get_auth_class(kind).__dataclass_fields__ if not n.startswith("__") and n != "session"]
        what = f"`auth` of type {kind} is not as it must be"
        raise VestryError(what, context.source.file.path, f"it takes {listed(takes)}") from error


def _filled(value: Any, context: Context) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, context) for key, inner in value.items()}
    return expand(value, context.where, context.project.env) if isinstance(value, str) else value


def _paginator(paginator: Any, where: str) -> Any:
    if not paginator:
        return None
    try:
        return create_paginator(paginator)
    except (TypeError, ValueError) as error:
        kind = paginator.get("type", "auto") if isinstance(paginator, dict) else paginator
        takes = [n for n in signature(get_paginator_class(kind)).parameters if n != "self"]
        what = f"the paginator {kind} is not as it must be"
        raise VestryError(what, where, f"it takes {listed(takes)}") from error
