"""A portal that runs, and a browser that looks at it."""

from __future__ import annotations

import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
import requests

from council import Council, begin
from forked import Process
from vestry.serve.server import NONE, Encryption, options_of

CHROMIUM = Path("/usr/bin/chromium")


@contextmanager
def served(root: Path) -> Iterator[str]:
    """`vestry serve` as a process; gives its address."""
    with serving(root) as (address, _):
        yield address


@contextmanager
def serving(root: Path) -> Iterator[tuple[str, int]]:
    """As `served`; gives the number of the process too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as said:
        process = begin("serve", "-C", str(root), "--port", str(port), stdout=said, stderr=said)
        try:
            _until_it_answers(address, process, said)
            yield address, process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def _until_it_answers(address: str, process: Process, said: IO[bytes]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if process.poll() is not None:
            said.seek(0)
            pytest.fail(said.read().decode())
        try:
            requests.get(f"{address}/health", timeout=5)
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    pytest.fail("the portal does not answer")


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a window."""
    if not CHROMIUM.is_file():
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def violations(page: object) -> list[str]:
    """What axe finds against WCAG 2.2 AA, each in a line."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{v['id']}: {v['help']} ({v['nodes'][0]['html'][:200]})" for v in found]


@contextmanager
def reviewing(browser, scripts: bool) -> Iterator[tuple[object, Callable[[str], None]]]:
    """A page of the browser, and `sees(text)`: the page that says so is there, and is accessible."""
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    if not scripts:  # axe itself is a script: ours are kept away
        page.route(re.compile(r"/static/.*\.js"), lambda route: route.abort())

    def sees(text: str) -> None:
        page.locator("main").get_by_text(text).first.wait_for()
        assert violations(page) == []

    yield page, sees
    context.close()


def wider_than(page, width: int, *addresses: str) -> list[str]:
    """Those pages that do not fit a screen of this width."""
    page.set_viewport_size({"width": width, "height": 800})
    found = []
    for address in addresses:
        page.goto(address)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"):
            found.append(address)
    return found


@contextmanager
def running(council: Council, host: str | None = None, encryption: Encryption = NONE) -> Iterator[str]:
    """The portal of a council in this process, for what needs no process of its own; gives its address.

    `host` is the name by which others reach it, and `encryption` how.
    """
    import uvicorn

    from vestry.catalogue.live import Live
    from vestry.serve.app import application

    live = Live(council.root)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application(live, host), log_level="warning", **options_of(encryption)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
            live.workspace.close()


@contextmanager
def in_process(council: Council) -> Iterator[Callable[[str], requests.Response]]:
    """As `running`, for whoever needs no account; gives `get(path)`."""
    with running(council) as address, requests.Session() as session:
        yield lambda path, **more: session.request(
            more.pop("method", "GET"), address + path, timeout=more.pop("timeout", 60), **more
        )
