"""Every page of a council with data, in a real browser: accessible, whole without scripts, at any width."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from starlette.routing import Mount, Route

from demo.conftest import Demo, demo
from serve.conftest import served, violations
from vestry.serve import app

pytestmark = pytest.mark.slow
__all__ = ["demo"]

NARROW = 360
#: Pages for machines, and parts of pages.
NOT_PAGES = {"/health", "/metrics", "/runs/now", "/search/suggest", "/register/{sheet}.csv"}
#: Of accounts, which the demo has not: `test_login_browser.py` looks at them.
NOT_PAGES |= {"/login", "/login/callback", "/account"}
#: Of who has accounts and grants to answer for: `test_access_pages.py` looks at them.
NOT_PAGES |= {
    "/access/answer",
    "/access/audit",
    "/access/grants",
    "/access/grants/{grant}",
    "/access/requests/{request}",
}
#: Of what waits for a person, and in the demo nothing does: `test_address_pages.py` looks at it.
NOTHING_WAITS = {"/addresses/review/{key}"}
#: Pages that no other page leads to, or that are worth looking at with what they were asked.
ASKED = ["/nowhere", "/search?q=repiars"]


@pytest.fixture(scope="module")
def portal(demo: Demo) -> Iterator[str]:
    with served(demo.root) as address:
        while "The map is being made" in requests.get(f"{address}/map", timeout=60).text:
            time.sleep(0.5)
        yield address


def patterns() -> dict[str, re.Pattern[str]]:
    """Each page's route, as a pattern of its paths."""
    routes = [r for r in app.routes() if isinstance(r, Route) and not isinstance(r, Mount)]
    # The pages of an upload follow from a file: `test_add_data_browser.py` looks at them.
    shown = [r for r in routes if r.path not in NOT_PAGES and not r.path.startswith("/add/")]
    return {r.path: r.path_regex for r in shown if "GET" in (r.methods or ())}


def pages(portal: str) -> dict[str, list[str]]:
    """The paths that are reached from the first page by links, by route; up to three of each are followed.

    By what the server says: no link waits for a script.
    """
    known, found = patterns(), {}
    waiting, seen = ["/", *ASKED], set()
    while waiting:
        path = waiting.pop(0)
        route = next((r for r, pattern in known.items() if pattern.match(urlsplit(path).path)), "")
        if path in seen or len(found.get(route, [])) >= 3:
            continue
        seen.add(path)
        answer = requests.get(portal + path, timeout=60)
        if "html" not in (answer.headers.get("content-type") or ""):
            continue
        found.setdefault(route, []).append(path)
        assert answer.status_code == (404 if path == "/nowhere" else 200), path
        hrefs = [html.unescape(href) for href in re.findall(r'<a\s[^>]*?href="([^"]*)"', answer.text)]
        inside = [h.partition("#")[0] for h in hrefs if h.startswith("/") and not h.startswith("//")]
        waiting += [path for path in inside if not path.endswith(".csv")]
    return found


@pytest.fixture(scope="module")
def reached(portal: str) -> dict[str, list[str]]:
    return pages(portal)


def test_every_page_is_reached_by_links(reached):
    assert set(patterns()) - set(reached) - NOTHING_WAITS == set()


def test_every_page_meets_wcag_with_and_without_scripts_wide_and_narrow(browser, portal, reached):
    found = []
    seen: set[tuple[int, str, str]] = set()
    for scripts, width in ((True, 1200), (False, 1200), (True, NARROW)):
        context = browser.new_context(
            java_script_enabled=True, bypass_csp=True, viewport={"width": width, "height": 800}
        )
        page = context.new_page()
        if not scripts:  # axe itself is a script: ours are kept away
            page.route(re.compile(r"/static/.*\.js"), lambda route: route.abort())
        for paths in reached.values():
            page.goto(portal + paths[0])
            shown = width, paths[0], page.content()
            if shown in seen:
                continue  # scripts change nothing of it
            seen.add(shown)
            found += [f"{paths[0]} ({width}, scripts {scripts}): {v}" for v in violations(page)]
            page.set_viewport_size({"width": NARROW, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
            found += [f"{paths[0]} (scripts {scripts}): wider than the screen"] if wide else []
            page.set_viewport_size({"width": width, "height": 800})
        context.close()
    assert found == []


def test_with_scripts_off_every_page_says_all_that_it_has_to_say(browser, portal, reached):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for paths in reached.values():
        page.goto(portal + paths[0])
        assert page.locator("h1").count() == 1, paths[0]
        assert page.locator("main").inner_text().strip(), paths[0]
        assert page.locator("text=/loading/i").count() == 0, paths[0]
    context.close()


def test_no_page_breaks_its_own_policy_or_fails_in_the_browser(browser, portal, reached):
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    for paths in reached.values():
        if paths[0] != "/nowhere":
            page.goto(portal + paths[0])
    context.close()
    assert said == []
