"""What the pages of access share: which of them somebody has to do with, and the names of people."""

from __future__ import annotations

from vestry.governance.identity.accounts import accounts
from vestry.governance.identity.user import LOCAL, User
from vestry.governance.recipients import recipients
from vestry.project import Project


def tabs_of(user: User) -> list[tuple[str, str]]:
    """The pages of access that somebody has to do with."""
    tabs = [("Yours", "/access")]
    tabs += [("To answer", "/access/answer"), ("Open grants", "/access/grants")] if user.has("owner", "dpo") else []
    return [*tabs, ("Audit", "/access/audit")] if user.has("dpo") else tabs


def names_of(project: Project) -> dict[str, str]:
    """The names of people, and of recipients of shares, by their ids."""
    readers = [*(account.user for account in accounts(project)), *(one.user for one in recipients(project)), LOCAL]
    return {reader.id: reader.name for reader in readers}
