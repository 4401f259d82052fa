"""The whole path of Add data in a real browser, with scripts and without."""

from __future__ import annotations

import re

import pytest

from serve.conftest import served, violations
from serve.test_add_data import REPAIRS, TENANTS, workbook

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scripts", [True, False])
def test_an_analyst_goes_from_a_workbook_to_a_product(browser, repairs, tmp_path, scripts):
    sheets = {name: [line.split(",") for line in text.splitlines()] for name, text in (("Tenants", TENANTS), ("Jobs", REPAIRS))}  # fmt: skip
    file = tmp_path / "Works orders.xlsx"
    file.write_bytes(workbook(**sheets))
    with served(repairs.root) as address:
        context = browser.new_context(bypass_csp=True)
        page = context.new_page()
        page.set_default_timeout(60_000)
        found: list[str] = []

        def looked(path: str) -> None:
            with page.expect_event("load"):  # axe would look at half a page
                page.click(path)
            for width in (1200, 360):
                page.set_viewport_size({"width": width, "height": 800})
                found.extend(f"{page.url} at {width}: {v}" for v in violations(page))
                wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
                found.extend([f"{page.url}: wider than the screen"] if wide else [])
            page.set_viewport_size({"width": 1200, "height": 800})

        if not scripts:  # axe itself is a script: ours are kept away
            page.route(re.compile(r"/static/.*\.js"), lambda route: route.abort())
        page.goto(address + "/add")
        looked("text=Upload and look at it")
        assert page.locator(".govuk-error-summary a").inner_text() == "Choose a file"
        page.set_input_files("#file", file)
        looked("text=Upload and look at it")
        page.check("text=Tenants")
        page.check("text=Jobs")
        looked("text=Save and continue")
        looked("text=Check the columns of Tenants")
        looked("a:has-text('nhs_number')")
        page.fill("#description", "Of the tenant")
        page.fill("#name", "Not a name")
        looked("text='Save'")
        page.click(".govuk-error-summary a")
        page.fill("#name", "nhs_no")
        page.click("text='Save'")
        page.click("text=Confirm 3 columns as found")
        looked("text=Name it, and say where it belongs")
        page.fill("#title", "Works orders")
        page.check("text=A new domain")
        page.fill("#new", "Property services")
        page.click("text=Save and continue")
        looked("text=Say who answers for it")
        page.fill("#owner", "Head of property")
        page.fill("#purpose", "To pay contractors.")
        page.click("text=Save and continue")
        looked("text=Say how it comes")
        for answer in ("Every month", "Everything again", "It is put into"):
            page.check(f".govuk-radios__item:has-text('{answer}') input")
        page.click("text=Save and continue")
        looked("text=Check your answers and write the draft")
        looked("text='Write the draft'")
        looked("#take")
        assert "property_services.works_orders" in page.inner_text(".govuk-notification-banner__heading")
        context.close()
    assert found == []
    repairs.good()
    assert repairs.one("SELECT count(*) FROM property_services.works_orders.jobs") == 60
    assert repairs.one("SELECT count(nhs_no) FROM property_services.works_orders.tenants") == 59
