"""Contracts: the parts of the Open Data Contract Standard v3.1 that Vestry acts on.

Names are the standard's own. The whole file is checked against the standard's JSON
Schema by `vestry check`; here it is read for what a build needs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from vestry.project.models import CHANGES

#: Classifications whose values never leave their table: not in statistics, logs or errors.
PERSONAL = frozenset({"personal", "special", "criminal"})

Severity = Literal["error", "quarantine", "warn"]
#: The standard says `conformity` where the Government Data Quality Framework says validity.
Dimension = Literal["accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"]


class Part(BaseModel):
    """A part of a contract; what Vestry does not act on is kept out of the way."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, defer_build=True)


class Described(Part):
    """What a contract says of itself in prose."""

    purpose: str | None = None
    usage: str | None = None
    limitations: str | None = None


def _as_described(value: Any) -> Any:
    return {"purpose": value} if isinstance(value, str) else value or {}


class Member(Part):
    username: str
    name: str | None = None
    role: str | None = None


class Team(Part):
    name: str | None = None
    description: str | None = None
    members: tuple[Member, ...] = ()


def _as_team(value: Any) -> Any:
    """The standard has a team with members, and (as it was before) only the list of these."""
    return {"members": value} if isinstance(value, list) else value or {}


class Support(Part):
    """Where to ask: a channel of the team, with its address (`mailto:` or `https:`)."""

    channel: str
    url: str | None = None
    description: str | None = None
    tool: str | None = None
    scope: str | None = None


class CustomProperty(Part):
    property: str
    value: Any = None


class Rule(Part):
    """A quality rule: a metric of the standard's library, or SQL."""

    name: str | None = None
    description: str | None = None
    type: Literal["library", "sql", "text", "custom"] = "library"
    metric: Literal["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"] | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    query: str | None = None
    dimension: Dimension | None = None
    severity: Severity = "error"
    unit: str | None = None
    must_be: float | None = Field(default=None, alias="mustBe")
    must_not_be: float | None = Field(default=None, alias="mustNotBe")
    must_be_greater_than: float | None = Field(default=None, alias="mustBeGreaterThan")
    must_be_greater_or_equal_to: float | None = Field(default=None, alias="mustBeGreaterOrEqualTo")
    must_be_less_than: float | None = Field(default=None, alias="mustBeLessThan")
    must_be_less_or_equal_to: float | None = Field(default=None, alias="mustBeLessOrEqualTo")
    must_be_between: tuple[float, float] | None = Field(default=None, alias="mustBeBetween")
    must_not_be_between: tuple[float, float] | None = Field(default=None, alias="mustNotBeBetween")


class Column(Part):
    """A column that is promised."""

    name: str
    logical_type: str | None = Field(default=None, alias="logicalType")
    physical_type: str | None = Field(default=None, alias="physicalType")
    description: str | None = None
    business_name: str | None = Field(default=None, alias="businessName")
    required: bool = False
    unique: bool = False
    primary_key: bool = Field(default=False, alias="primaryKey")
    primary_key_position: int = Field(default=-1, alias="primaryKeyPosition")
    classification: str | None = None
    options: dict[str, Any] = Field(default_factory=dict, alias="logicalTypeOptions")
    quality: tuple[Rule, ...] = ()
    relationships: tuple[dict[str, Any], ...] = ()
    #: What a column is made of, `domain.product.table.column`, where its recipe cannot be read for that.
    sources: tuple[str, ...] = Field(default=(), alias="transformSourceObjects")

    @property
    def is_personal(self) -> bool:
        return self.classification in PERSONAL


class Table(Part):
    """A table that is promised: columns and quality rules."""

    name: str
    description: str | None = None
    columns: tuple[Column, ...] = Field(default=(), alias="properties")
    quality: tuple[Rule, ...] = ()
    relationships: tuple[dict[str, Any], ...] = ()

    @property
    def primary_key(self) -> tuple[str, ...]:
        keys = [c for c in self.columns if c.primary_key]
        return tuple(c.name for c in sorted(keys, key=lambda c: c.primary_key_position))

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)


class ServiceLevel(Part):
    property: str
    value: Any = None
    unit: str | None = None
    element: str | None = None
    description: str | None = None


#: Seconds of the units in which service levels are said; `m` is a month, as in the standard's retention.
UNITS = {
    **dict.fromkeys(("min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86_400),
    **dict.fromkeys(("m", "month", "months"), 31 * 86_400),
    **dict.fromkeys(("y", "yr", "year", "years"), 366 * 86_400),
}
#: Service levels that promise how old the data may be at most, and by which part a table may be later than that.
#: What is refreshed each day is not refreshed at the same second each day.
FRESH = {"freshness": 0.0, "latency": 0.0, "frequency": 0.5}


def freshness(level: ServiceLevel) -> timedelta | None:
    """How old a service level lets the data be; None where it is about something else, or cannot be read."""
    if level.property not in FRESH or level.unit not in UNITS:
        return None
    try:
        span = float(level.value) * UNITS[level.unit]
    except (TypeError, ValueError):
        return None
    return timedelta(seconds=span * (1 + FRESH[level.property])) if span > 0 else None


class Contract(Part):
    """One data product's promise, `contract.yaml`."""

    id: str
    version: str
    status: str
    name: str | None = None
    description: Annotated[Described, BeforeValidator(_as_described)] = Described()
    domain: str | None = None
    tags: tuple[str, ...] = ()
    team: Annotated[Team, BeforeValidator(_as_team)] = Team()
    support: tuple[Support, ...] = ()
    tables: tuple[Table, ...] = Field(default=(), alias="schema")
    service_levels: tuple[ServiceLevel, ...] = Field(default=(), alias="slaProperties")
    custom: tuple[CustomProperty, ...] = Field(default=(), alias="customProperties")

    @property
    def layer(self) -> str:
        """`silver` unless the custom property `layer` says `gold`."""
        return str(self.custom_property("layer") or "silver")

    @property
    def schedule(self) -> str:
        """When `vestry worker` builds it: the custom property `schedule`, a cron line; else when its inputs change."""
        return str(self.custom_property("schedule") or CHANGES)

    def custom_property(self, name: str) -> Any:
        """The value of a custom property; None where it has none."""
        return next((c.value for c in self.custom if c.property == name), None)

    def table(self, name: str) -> Table | None:
        return next((t for t in self.tables if t.name == name), None)


#: The standard's logical types in DuckDB. `physicalType` says otherwise where it is given.
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "time": "VARCHAR",
    "number": "DOUBLE",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
}


def duckdb_type(column: Column) -> str | None:
    """The DuckDB type that a column promises, or None where it promises none."""
    if column.physical_type:
        return column.physical_type
    return DUCKDB_TYPES.get(column.logical_type or "")
