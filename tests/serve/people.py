"""Somebody with a browser: fetches pages, keeps cookies, and sends forms as they stand on the page."""

from __future__ import annotations

import html
import re
from typing import Any

import requests

from council import Council
from vestry.governance.identity.accounts import add_account
from vestry.governance.identity.passwords import hashed
from vestry.project import load_project

PASSWORD = "tawny owl over Testham"
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class Person:
    """One browser; `address` is the portal's."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.session = requests.Session()

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.session.get(self.address + path, timeout=60, **more)

    def send(self, page: requests.Response, action: str, follow: bool = True, **fields: Any) -> requests.Response:
        """Fill in the form of a page that goes to `action`, and send it."""
        for attributes, inside in _FORM.findall(page.text):
            if f'action="{action}"' in attributes:
                hidden = {name: html.unescape(value) for name, value in _HIDDEN.findall(inside)}
                return self.post(action, {**hidden, **fields}, allow_redirects=follow)
        raise AssertionError(f"no form to {action} on {page.url}")

    def post(self, path: str, data: Any = None, **more: Any) -> requests.Response:
        return self.session.post(self.address + path, data, timeout=60, **more)

    def log_in(
        self, name: str = "jo", password: str = PASSWORD, to: str = "", follow: bool = True
    ) -> requests.Response:
        page = self.get(f"/login?next={to}" if to else "/login")
        return self.send(page, "/login", follow, name=name, password=password)

    @property
    def cookie(self) -> str | None:
        return self.session.cookies.get("vestry-session")


def account(council: Council, name: str = "jo", roles: tuple[str, ...] = ("staff",), **more: Any) -> None:
    """A local account with `PASSWORD`."""
    said = {"name": name.title(), "email": f"{name}@example.org", "domains": (), **more}
    add_account(load_project(council.root), name, hashed(PASSWORD), roles=roles, **said)
