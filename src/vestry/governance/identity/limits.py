"""How often somebody may try to log in: counted for each account and each address, by all processes together."""

from __future__ import annotations

import hashlib
import ipaddress

from sqlalchemy import Column, Integer, String, Table, delete, select, update

from vestry.governance.state import METADATA, connect, now
from vestry.project import Project

#: Tries that failed within the window (seconds), after which one must wait. A whole office may have one address.
OF_ACCOUNT, OF_ADDRESS, WINDOW = 5, 50, 15 * 60

# Keys are hashes: what somebody types as a name may be a password, and an address is a person's.
attempt = Table(
    "login_attempt",
    METADATA,
    Column("key", String, primary_key=True),
    Column("failed", Integer, nullable=False),
    Column("since", Integer, nullable=False),
)


def wait_of(project: Project, name: str, address: str) -> int:
    """Seconds until another try may be made; 0: now, and then this try is counted as failed until `succeeded`."""
    at = now(project)
    limits = {_of_account(name): OF_ACCOUNT, _of_address(address): OF_ADDRESS}
    with connect(project) as con:
        con.execute(delete(attempt).where(attempt.c.since <= at - WINDOW))
        found = {row.key: row for row in con.execute(select(attempt).where(attempt.c.key.in_(limits)))}
        waits = [found[k].since + WINDOW - at for k, most in limits.items() if k in found and found[k].failed >= most]
        if waits:
            return int(max(waits))
        for key in limits:
            if key in found:
                con.execute(update(attempt).where(attempt.c.key == key).values(failed=attempt.c.failed + 1))
            else:
                con.execute(attempt.insert().values(key=key, failed=1, since=at))
    return 0


def succeeded(project: Project, name: str, address: str) -> None:
    """Forget the account's tries, and the one of the address."""
    with connect(project) as con:
        con.execute(delete(attempt).where(attempt.c.key == _of_account(name)))
        con.execute(update(attempt).where(attempt.c.key == _of_address(address)).values(failed=attempt.c.failed - 1))


def _of_account(name: str) -> str:
    return hashlib.sha256(f"account {name}".encode()).hexdigest()


def _of_address(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        found = None
    # Whoever has one address of version 6 mostly has all of its /64.
    if isinstance(found, ipaddress.IPv6Address):
        address = str(ipaddress.ip_network((found, 64), strict=False))
    return hashlib.sha256(f"address {address}".encode()).hexdigest()
