"""Who asks, and for which table: the same for every door that programs use."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from vestry.governance.access.view import Refused
from vestry.governance.identity.user import User
from vestry.project import TableName
from vestry.project.names import is_name


def reader_of(request: HTTPConnection) -> User:
    """Who asks, as the door found. Raises Refused where nobody did."""
    user: User | None = request.state.user
    if user is None:
        raise Refused("nobody is logged in", mend="send a token: Authorization: Bearer …")
    return user


def table_of(text: str) -> TableName:
    """The table that an address names. Raises Refused: what is no name is not repeated, it may be anything."""
    parts = text.split(".")
    if len(parts) != 3 or not all(is_name(part) and len(part) <= 200 for part in parts):
        raise Refused("there is no such table that you may read", mend="a table is named domain.product.table")
    return TableName(*parts)
