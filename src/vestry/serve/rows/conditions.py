"""Conditions as SQL: names quoted, values as parameters, nothing else of the question's in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from vestry.project import quote
from vestry.project.errors import did_you_mean
from vestry.serve.rows.query import All, AnyOf, Compared, Condition, Either, Missing, Not, Wrong

if TYPE_CHECKING:
    import duckdb

_SIGNS = {"eq": "=", "ne": "IS DISTINCT FROM", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_TEXT = {"contains": "contains", "startswith": "starts_with", "endswith": "ends_with"}
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)\Z")
#: Types whose values can be written in a question, and what a reader would call them.
_SAID = {
    "BOOLEAN": "true or false",
    "DATE": "a date such as 2026-01-31",
    "TIMESTAMP": "a time such as 2026-01-31T12:00:00",
    "TIMESTAMP WITH TIME ZONE": "a time such as 2026-01-31T12:00:00Z",
    "VARCHAR": "text",
    "FLOAT": "a number",
    "DOUBLE": "a number",
}
#: Conditions in one question, and characters of one value.
MOST, _LONG = 200, 10_000
#: DuckDB reads dates of other shapes too, and words such as `epoch`; those are not meant here.
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?\Z")


class Compiler:
    """Makes SQL of conditions over `columns` (name: DuckDB type); `parameters` are its values, in order.

    Raises Wrong where a column is not among them, as if there were none, and where a value does not fit its column.
    """

    def __init__(self, columns: Mapping[str, str], con: duckdb.DuckDBPyConnection) -> None:
        self._columns, self._con = columns, con
        self.parameters: list[str] = []

    def sql(self, condition: Condition) -> str:
        match condition:
            case All(of):
                return " AND ".join(f"({self.sql(part)})" for part in of) or "true"
            case Either(of):
                return " OR ".join(f"({self.sql(part)})" for part in of) or "false"
            case Not(of):
                return f"({self.sql(of)}) IS NOT TRUE"  # what is unknown does not hold
            case Missing(column):
                self.kind(column)
                return f"{quote(column)} IS NULL"
            case AnyOf(column, values):
                return (
                    f"{quote(column)} IN ({', '.join(self._value(column, v) for v in values)})" if values else "false"
                )
            case Compared(column, operator, value) if operator in _TEXT:
                if self.kind(column) != "VARCHAR":
                    raise Wrong(f"`{column}` is not text", mend="compare it with eq, ne, gt, gte, lt or lte")
                return f"{_TEXT[operator]}({quote(column)}, {self._value(column, value)})"
            case Compared(column, operator, value):
                return f"{quote(column)} {_SIGNS[operator]} {self._value(column, value)}"

    def kind(self, column: str) -> str:
        return kind_of(self._columns, column)

    def _value(self, column: str, text: str) -> str:
        if len(self.parameters) >= MOST:
            raise Wrong(f"more than {MOST} values in one question", mend="ask several times, or filter what you get")
        kind = self.kind(column)
        self.parameters.append(text)
        wanted = _number_type(kind, text) or kind
        if (wanted in _SAID and not _is(wanted, text)) or len(text) > _LONG or not self._fits(wanted, text):
            said = _SAID.get(kind) or ("a whole number" if kind in _BITS else "a number")
            # The value itself is not said: it may be somebody's.
            raise Wrong(f"a value for `{column}` is not {said}", mend="write it as the table's description shows")
        return f"CAST(? AS {wanted})"

    def _fits(self, kind: str, text: str) -> bool:
        row = self._con.execute(f"SELECT TRY_CAST(? AS {kind}) IS NOT NULL", [text]).fetchone()
        return bool(row and row[0])


def kind_of(columns: Mapping[str, str], column: str) -> str:
    """The type of a column by which rows can be chosen or ordered. Raises Wrong."""
    known(columns, column)
    kind = columns[column]
    if kind in _SAID or kind in _BITS or _DECIMAL.match(kind):
        return kind
    raise Wrong(f"rows cannot be chosen or ordered by `{column}`", mend="it holds no single values")


def known(columns: Mapping[str, str], column: str) -> None:
    """Raises Wrong for a column that is not there; one that may not be seen is not."""
    if column not in columns:
        raise Wrong(f"there is no column `{column[:100]}` that you may read", mend=did_you_mean(column[:100], columns))


def _is(kind: str, text: str) -> bool:
    if kind == "DATE":
        return bool(_DATE.match(text))
    if kind.startswith("TIMESTAMP"):
        return bool(_TIME.match(text))
    return kind != "BOOLEAN" or text.casefold() in ("true", "false")


def _number_type(kind: str, text: str) -> str | None:
    """The type in which a number is compared: the column's own where it fits exactly, so that files can be skipped."""
    found = _DECIMAL.match(kind)
    if kind not in _BITS and not found:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return kind
    if not number.is_finite() or number.adjusted() > 36 or number.as_tuple().exponent < -18:  # type: ignore[operator]
        return kind
    scale = max(0, -int(number.as_tuple().exponent))
    if found:
        precision, own = int(found[1]), int(found[2])
        return kind if scale <= own and number.adjusted() < precision - own else f"DECIMAL(38,{scale})"
    half = 2 ** (_BITS[kind] - 1)
    return kind if scale == 0 and -half <= number < half else f"DECIMAL(38,{scale})"
