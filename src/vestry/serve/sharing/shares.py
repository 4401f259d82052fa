"""What somebody finds: a share for each agreement, or for a product that needs none; in it a schema for each product.

Names of the protocol hold no dots, so a product is `adults-care` there.
"""

from __future__ import annotations

from dataclasses import dataclass

from vestry.governance.access.gate import Gate, Reading, Where
from vestry.governance.access.grants import grants_of
from vestry.governance.access.release import release_of
from vestry.governance.access.view import Refused, View
from vestry.governance.audit import Entry, Read, write
from vestry.governance.identity.user import User
from vestry.project import TableName


@dataclass(frozen=True, order=True)
class SharedTable:
    """A table as the protocol names it."""

    share: str
    schema: str
    name: str

    @classmethod
    def of(cls, view: View) -> SharedTable:
        product = f"{view.table.domain}-{view.table.product}"
        agreement = view.grant.agreement if view.grant else None
        return cls(agreement or product, product, view.table.table)

    @property
    def table(self) -> TableName:
        """The table that it would be, if there is one."""
        domain, _, product = self.schema.partition("-")
        return TableName(domain, product, self.name)


def shared(gate: Gate, user: User, where: Where) -> list[SharedTable]:
    """The tables that somebody finds, in order. A recipient finds what its agreement gives, and nothing besides."""
    views = gate.seen(user, where)
    return sorted({SharedTable.of(view) for view in views if view.grant or user.kind != "recipient"})


def view_of(gate: Gate, user: User, asked: SharedTable, where: Where) -> View:
    """What somebody sees of a table of a share.

    Raises Refused where it is none of theirs: to a recipient in the same words as where there is no such table.
    """
    unknown = f"there is no table {asked.share}.{asked.schema}.{asked.name} that you may read"
    try:
        view = gate.view(user, asked.table, where, _purpose(gate, user, asked))
    except Refused as refused:
        raise refused if user.has("staff") else Refused(unknown) from None
    if SharedTable.of(view) != asked or (view.grant is None and user.kind == "recipient"):
        raise Refused(unknown)
    return view


def allowed(gate: Gate, user: User, asked: SharedTable, where: Where) -> View:
    """As `view_of`; what is refused is written down."""
    try:
        return view_of(gate, user, asked, where)
    except Refused:
        is_known = asked.table in gate.live.catalogue().tables
        note = "a share that is not theirs" if is_known else "a share that there is not"
        entry = Entry(user.id, where.door, "read", False, note=note)
        write(gate.live.workspace.project, [entry], [Read(asked.table, None, {})] if is_known else [])
        raise


def read(gate: Gate, user: User, asked: SharedTable, where: Where) -> Reading:
    """Leave to read a table of a share. Raises Refused as `allowed` does."""
    view = allowed(gate, user, asked, where)
    return Reading(gate, user, where, [release_of(gate.live.workspace, view, gate.today)])


def _purpose(gate: Gate, user: User, asked: SharedTable) -> str:
    """The purpose of the newest grant that a share stands for; empty where none, or where several are meant alike."""
    agreement = None if asked.share == asked.schema else asked.share
    mine = grants_of(gate.live.workspace.project, user.id, asked.table)
    purposes = [g.purpose for g in mine if g.agreement == agreement and g.is_open(gate.today)]
    return purposes[0] if agreement and purposes else ""
