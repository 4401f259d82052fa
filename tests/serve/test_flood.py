"""A flood of requests: they wait or are sent away, and afterwards all is as before."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from council import Council
from governed import governed
from serve.conftest import serving
from serve.people import Person, account
from vestry.governance.identity.tokens import add_token
from vestry.project import load_project

pytestmark = pytest.mark.slow

#: How long it lasts; a minute says no more.
SECONDS = 15
#: Clients at once: four answers of REST are worked on and 64 wait, one person asks a few questions of SQL.
READERS, ASKERS, GUESSERS, STRANGERS = 100, 8, 8, 4
PEOPLE = ("ann", "bo", "cy")
ROWS = "/api/v1/tables/adults.wards.ward/rows"
SQL = {"sql": "SELECT * FROM adults.wards.ward ORDER BY ALL"}
#: Every answer that there may be.
ALLOWED = {200, 401, 403, 429, 503}
#: By how much the memory of the process may have grown.
FACTOR = 1.5


class Elsewhere(HTTPAdapter):
    """Comes from another address of this machine: an address that tried too many passwords waits."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, source_address=("127.0.0.2", 0), **more)


def test_after_a_flood_the_portal_answers_as_before(council: Council) -> None:
    governed(council.root)
    for name in PEOPLE:
        account(council, name, ("staff", "analyst"))
    project = load_project(council.root)
    tokens = [add_token(project, name, "a flood", ["read", "sql"], "30d") for name in PEOPLE]
    with serving(council.root) as (address, process):
        before = asked(address, tokens[0])
        flood(address, tokens, 2)  # what the process needs once, for whoever comes first
        small = memory(process)
        met = flood(address, tokens, SECONDS)
        assert {status for _, status in met} <= ALLOWED
        assert met["rest", 200] and met["sql", 200] and met["sql", 429] and met["forged", 401]
        assert memory(process) < FACTOR * small
        assert asked(address, tokens[0]) == before


def asked(address: str, token: str) -> tuple[Any, ...]:
    """What somebody gets who logs in from another place: a page, rows and an answer of SQL."""
    person = Person(address)
    person.session.mount("http://", Elsewhere())
    person.log_in("ann")
    page = person.get("/products/adults/wards")
    headers = {"Authorization": f"Bearer {token}"}
    rows = requests.get(address + ROWS, headers=headers, timeout=60)
    answer = requests.post(f"{address}/api/sql", json=SQL, headers=headers, timeout=60)
    assert "Log in" not in page.text
    assert (page.status_code, rows.status_code, answer.status_code) == (200, 200, 200)
    return re.sub(r'value="[^"]*"', "", page.text), rows.json(), answer.json()["rows"]


def flood(address: str, tokens: list[str], seconds: float) -> Counter[tuple[str, int]]:
    """How many answers of each status there were, by the door."""
    met: Counter[tuple[str, int]] = Counter()
    failed: list[Exception] = []
    end = time.monotonic() + seconds

    def client(door: str, number: int, ask: Callable[[requests.Session, int], requests.Response]) -> None:
        try:
            with requests.Session() as session:
                while time.monotonic() < end:
                    met[door, ask(session, number).status_code] += 1
        except Exception as error:
            failed.append(error)

    def reads(session: requests.Session, number: int) -> requests.Response:
        return session.get(address + ROWS, headers=bearer(number), timeout=120)

    def asks(session: requests.Session, number: int) -> requests.Response:
        return session.post(f"{address}/api/sql", json=SQL, headers=bearer(number), timeout=120)

    def forges(session: requests.Session, number: int) -> requests.Response:
        return session.get(address + ROWS, headers={"Authorization": f"Bearer vst_{number}"}, timeout=120)

    def guesses(session: requests.Session, number: int) -> requests.Response:
        person = Person(address)
        person.session = session
        return person.log_in(f"nobody{number}", "not this one")

    def bearer(number: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}

    doors = (
        ("rest", READERS, reads),
        ("sql", ASKERS * len(tokens), asks),
        ("log in", GUESSERS, guesses),
        ("forged", STRANGERS, forges),
    )
    threads = [threading.Thread(target=client, args=(d, n, ask)) for d, count, ask in doors for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[:3]
    return met


def memory(process: int) -> int:
    """What a process holds, in MB."""
    said = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", said)[1]) // 1024
