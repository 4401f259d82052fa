"""Logging in with a real browser: by password and at a real provider, with scripts and without."""

from __future__ import annotations

import re

import pytest

from serve.conftest import running, violations
from serve.people import PASSWORD, account
from serve.test_provider import PEOPLE, council_of
from servers.oidc import SECRET, provider

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scripts", [True, False])
def test_somebody_logs_in_makes_a_token_and_logs_out(browser, council, monkeypatch, scripts):
    monkeypatch.setenv("OIDC_SECRET", SECRET)
    found: list[str] = []
    with provider(PEOPLE) as issuer:
        council_of(council, issuer)
        account(council, "sam", ("staff", "analyst"))
        with running(council) as address:
            context = browser.new_context()  # with its policy, which says where forms may go
            page = context.new_page()
            page.set_default_timeout(30_000)
            if not scripts:
                page.route(re.compile(r"/static/.*\.js"), lambda route: route.abort())

            def looked() -> None:
                # axe is a script of its own, which the policy keeps out: it looks at a copy without one.
                copy = browser.new_context(bypass_csp=True, storage_state=context.storage_state())
                other = copy.new_page()
                if not scripts:
                    other.route(re.compile(r"/static/.*\.js"), lambda route: route.abort())
                for width in (1200, 360):
                    other.set_viewport_size({"width": width, "height": 800})
                    other.goto(page.url)
                    found.extend(f"{page.url} at {width}: {v}" for v in violations(other))
                    wide = other.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
                    found.extend([f"{page.url}: wider than the screen"] if wide else [])
                copy.close()

            page.goto(f"{address}/products")
            assert "Log in" in page.inner_text("h1") and page.locator("nav[aria-label=Menu]").count() == 0
            looked()
            page.fill("#name", "sam")
            page.fill("#password", "not this one")
            page.click("button:text-is('Log in')")
            assert page.inner_text(".govuk-error-summary a") == "The name or the password is not right"
            assert page.input_value("#name") == "sam" and page.input_value("#password") == ""
            page.fill("#password", PASSWORD)
            page.click("button:text-is('Log in')")
            assert page.url == f"{address}/products" and "Sam" in page.inner_text(".app-banner")
            page.click("text=Sam")
            looked()
            page.fill("#name", "nightly export")
            page.check("text=Ask questions in SQL")
            page.click("text=Make the token")
            assert re.fullmatch(r"vst_[0-9a-f]{12}_[\w-]{43}", page.inner_text(".app-secret"))
            page.goto(f"{address}/account")
            assert page.locator(".app-secret").count() == 0
            looked()
            if scripts:  # what htmx posts from within a form carries the form's word
                with page.expect_response("**/account/sessions/end") as answered:
                    page.evaluate(
                        """() => {
                            const box = document.querySelector('form[action="/account/tokens"] #name')
                            box.setAttribute('hx-post', '/account/sessions/end')
                            box.setAttribute('hx-trigger', 'now')
                            htmx.process(box)
                            box.dispatchEvent(new Event('now'))
                        }"""
                    )
                assert answered.value.status == 303
                page.goto(f"{address}/account")
            page.click("text=Revoke")
            assert "opens nothing any more" in page.inner_text(".govuk-notification-banner")
            page.click("text=Log out")
            assert "You are logged out" in page.inner_text("main")
            page.goto(f"{address}/products")
            assert "Log in" in page.inner_text("h1")
            page.click("text=Log in with your council account")
            page.fill("[name=login]", "jo")
            page.fill("[name=password]", "any")
            page.click("button[type=submit]")
            page.click("button[type=submit]")  # the provider asks whether it may tell
            assert page.url == f"{address}/products" and "Jo Bloggs" in page.inner_text(".app-banner")
            context.close()
    assert found == []
