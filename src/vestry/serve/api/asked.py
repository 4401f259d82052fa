"""Questions as they are sent: in an address, or as JSON where they hold what an address must not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import QueryParams

from vestry.serve.problems import NotAcceptable
from vestry.serve.rows.conditions import known
from vestry.serve.rows.encode import FORMS, Form
from vestry.serve.rows.query import All, AnyOf, Compared, Condition, Missing, Not, Order, Query, Wrong, columns_of

#: How conditions are written.
Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "is", "contains", "startswith", "endswith"]
OPERATORS: tuple[str, ...] = Operator.__args__  # type: ignore[attr-defined]
#: What an address says besides conditions.
OWN = ("columns", "order", "limit", "offset", "cursor", "format", "since", "purpose")
#: Rows of a page of JSON, where nothing is said and at most.
PAGE, LARGEST = 1_000, 10_000
FURTHEST = 2**62

Text = Annotated[str, Field(max_length=10_000)]
Value = Text | bool | int | float | None | list[Text | bool | int | float]


class Filter(BaseModel):
    """Rows of which a column compares so with a value; `in` takes a list, `is` takes `null` or `notnull`."""

    model_config = ConfigDict(extra="forbid")
    column: Text
    op: Operator = "eq"
    value: Value = None


class Asked(BaseModel):
    """A question to one table."""

    model_config = ConfigDict(extra="forbid")
    columns: list[Text] | None = Field(None, description="Which columns, in this order; all where nothing is said.")
    where: list[Filter] = Field(default_factory=list, max_length=100, description="All of them hold.")
    order: list[Text] = Field(
        default_factory=list, max_length=20, description="Columns; `.desc` behind one turns it round."
    )
    limit: int | None = Field(None, ge=1, le=FURTHEST, description="Rows at most; JSON has 1,000, and 10,000 at most.")
    offset: int = Field(0, ge=0, le=FURTHEST, description="Rows to leave out at the beginning.")
    cursor: Text | None = Field(None, description="Go on where the page before ended, by what it said.")
    since: Text | None = Field(None, description="What changed since this version of the table.")
    purpose: Text = Field("", description="What it is for, where you may read the table for several purposes.")

    def query(self) -> Query:
        """As a value. Raises Wrong."""
        where = All(tuple(_condition(f.column, f.op, f.value) for f in self.where))
        columns = tuple(self.columns) if self.columns is not None else None
        return Query(columns, where, tuple(map(order_of, self.order)), self.limit, self.offset, self.cursor)


def in_address(params: QueryParams) -> Asked:
    """The question of an address. Raises Wrong."""
    for name in OWN:
        if len(params.getlist(name)) > 1:
            raise Wrong(f"`{name}` is said twice", mend="say it once")
    where = []
    for key, value in params.multi_items():
        if key in OWN:
            continue
        column, dot, operator = key.rpartition(".")
        if not dot or operator not in OPERATORS:
            column, operator = key, "eq"
        said: Any = value.split(",") if operator == "in" else value
        where.append(Filter.model_construct(column=column, op=operator, value=said))
    return Asked.model_construct(
        columns=_listed(params.get("columns")), where=where, order=_listed(params.get("order")) or [],
        limit=_number(params, "limit", 1), offset=_number(params, "offset", 0) or 0, cursor=params.get("cursor"),
        since=params.get("since"), purpose=params.get("purpose", "")[:10_000],
    )  # fmt: skip


def may_stand_in_address(query: Query, columns: dict[str, str], personal: Iterable[str]) -> None:
    """Raises Wrong where an address chooses rows by personal data: addresses are kept in histories and logs."""
    held = set(personal)
    for column in columns_of(query.where):
        known(columns, column)
        if column in held:
            raise Wrong(
                f"`{column}` is personal, and what people are found by does not belong into an address",
                mend="send the question as JSON: POST to the same address, with `where` in the body",
            )


def form_of(params: QueryParams, accept: str) -> Form:
    """The form that is asked for: by `format`, else by `Accept`. Raises NotAcceptable, and Wrong for no form."""
    if (said := params.get("format")) is not None:
        if said not in FORMS:
            raise Wrong("there is no such `format`", mend=f"one of {', '.join(FORMS)}")
        return FORMS[said]
    wanted = sorted(_accepted(accept), key=lambda kind: -kind[1])
    for kind, quality in wanted:
        for form in FORMS.values():
            own = form.media_type.partition(";")[0]
            if quality > 0 and kind in (own, f"{own.partition('/')[0]}/*", "*/*"):
                return form
    if wanted:
        raise NotAcceptable("there is no form that is accepted", mend=f"?format= takes {', '.join(FORMS)}")
    return FORMS["json"]


def order_of(said: str) -> Order:
    column, dot, way = said.rpartition(".")
    return Order(column, way == "desc") if dot and way in ("asc", "desc") else Order(said)


def _condition(column: str, operator: str, value: Value) -> Condition:
    if operator == "is":
        if value is not None and value not in ("null", "notnull"):
            raise Wrong(f"`{column[:100]}.is` takes `null` or `notnull`")
        return Not(Missing(column)) if value == "notnull" else Missing(column)
    if operator == "in":
        values = value if isinstance(value, list) else [value]
        return AnyOf(column, tuple(_text(column, v) for v in values))
    return Compared(column, operator, _text(column, value))  # type: ignore[arg-type]


def _text(column: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, list):
        raise Wrong(f"`{column[:100]}` is compared with one value", mend="for none there is `is`, for several `in`")
    return str(value)


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _number(params: QueryParams, name: str, least: int) -> int | None:
    text = params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= FURTHEST):
        raise Wrong(f"`{name}` is not a whole number from {least} on")
    return int(text)


def _accepted(accept: str) -> Iterable[tuple[str, float]]:
    for part in accept.split(","):
        kind, *more = (piece.strip() for piece in part.split(";"))
        quality = next((piece[2:] for piece in more if piece.startswith("q=")), "1")
        if kind:
            try:
                yield kind.casefold(), float(quality)
            except ValueError:
                yield kind.casefold(), 0.0
