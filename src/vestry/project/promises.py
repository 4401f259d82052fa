"""What a contract promises, beyond its form: rules that can be checked, names that are there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from sqlglot.errors import ParseError, TokenError

from vestry.project.contract import FRESH, Column, Rule, Table, freshness
from vestry.project.errors import Fault, did_you_mean, listed
from vestry.project.models import CHANGES
from vestry.project.processing import processing_faults
from vestry.project.product import Product
from vestry.project.project import Project
from vestry.project.rules import OF_COLUMN, OF_TABLE, PLACEHOLDER, columns_named, filled, row_condition
from vestry.project.sql import SqlFault, parse

#: Metrics that can be said of one row, so that rows that break them can be put aside.
_OF_ROWS = ("nullValues", "missingValues", "invalidValues", "duplicateValues")
_ROW_FORM = "write SELECT count(*) FROM ${table} WHERE … over the one table, or use the severity error or warn"
_UNITS = ("minutes", "hours", "days", "weeks", "months", "years")
#: Characters that Delta tables cannot have in the name of a column.
_NO_NAME = re.compile(r"[ ,;{}()\n\t=]")


def promise_faults(project: Project, product: Product) -> Iterator[Fault]:
    """What one contract promises that cannot be kept or checked."""
    for index, table in enumerate(product.contract.tables):
        place: tuple[str | int, ...] = ("schema", index)
        if not table.columns:
            line = product.line(table.name)
            what = f"the table `{table.name}` promises no columns"
            yield Fault(product.file.path, line, what, "list them in `properties:`")
        for number, column in enumerate(table.columns):
            inner = (*place, "properties", number)
            if _NO_NAME.search(column.name) or not column.name:
                line = product.file.line((*inner, "name"))
                mend = "use letters, digits and underscores"
                yield Fault(product.file.path, line, f"a table cannot keep a column named `{column.name}`", mend)
            for rule_number, rule in enumerate(column.quality):
                yield from _rule_faults(product, table, column, rule, (*inner, "quality", rule_number))
        for rule_number, rule in enumerate(table.quality):
            yield from _rule_faults(product, table, None, rule, (*place, "quality", rule_number))
    yield from _relationship_faults(project, product)
    yield from _service_level_faults(product)
    yield from _schedule_faults(product)
    yield from processing_faults(product)


def _rule_faults(
    product: Product, table: Table, column: Column | None, rule: Rule, place: tuple[str | int, ...]
) -> Iterator[Fault]:
    file = product.file
    names = [c.name for c in table.columns]

    def fault(key: str, what: str, mend: str) -> Fault:
        return Fault(file.path, file.line((*place, key)), f"{_called(rule, table, column)} {what}", mend)

    if rule.type in ("text", "custom"):
        if rule.severity == "quarantine":
            yield fault("severity", f"is {rule.type}, which puts no rows aside", "use type: sql, or a metric")
        return
    if rule.type == "sql":
        if rule.query:  # without one the standard's schema has said so
            yield from _sql_faults(product, table, column, rule, place)
        return
    if rule.metric is None:
        yield fault("", "says nothing that can be checked", "give it a `metric:`, or `type: sql` and a `query:`")
        return
    wanted = [rule.arguments[k] for k in ("property", "column") if k in rule.arguments]
    several = rule.arguments.get("properties", rule.arguments.get("columns", []))
    for name in [*wanted, *(several if isinstance(several, list) else [several])]:
        if name not in names:
            mend = did_you_mean(str(name), names)
            yield fault("arguments", f"names the column `{name}`, which the table does not have", mend)
    if column is None and rule.metric in _OF_ROWS[:3] and not wanted:
        mend = "put the rule below its column, or name the column in `arguments: {property: …}`"
        yield fault("metric", f"counts {rule.metric} of no column", mend)
    if column is None and rule.metric == "duplicateValues" and not several and not table.primary_key:
        mend = "name the columns in `arguments: {properties: […]}`"
        yield fault("metric", "counts duplicateValues of no columns", mend)
    if rule.metric == "invalidValues" and not {"validValues", "pattern"} & set(rule.arguments):
        mend = "give `arguments:` with `validValues: […]` or `pattern:`"
        yield fault("metric", "does not say which values are valid", mend)
    if rule.severity == "quarantine" and rule.metric not in _OF_ROWS:
        mend = "a count of rows is no row's fault: use the severity error or warn"
        yield fault("severity", "cannot put rows aside", mend)
    elif rule.severity == "quarantine" and rule.must_be != 0:
        yield fault("severity", "cannot put rows aside unless it says `mustBe: 0`", "write mustBe: 0")


def _sql_faults(
    product: Product, table: Table, column: Column | None, rule: Rule, place: tuple[str | int, ...]
) -> Iterator[Fault]:
    file, query = product.file, rule.query or ""
    line = file.line((*place, "query"))
    called = _called(rule, table, column)
    for match in PLACEHOLDER.finditer(query):
        word = match.group(1) or match.group(2)
        if word in OF_COLUMN and column is None:
            yield Fault(
                file.path, line, f"{called} says {match.group(0)} and stands below no column", "name the column"
            )
            return
        if match.group(1) and word not in (*OF_TABLE, *OF_COLUMN):
            mend = did_you_mean(word, [*OF_TABLE, *OF_COLUMN])
            yield Fault(file.path, line, f"{called} has an unknown placeholder {match.group(0)}", mend)
            return
    name = column.name if column else None
    try:
        parse(filled(query, "vestry_rows", name), file.path, line)
        named = columns_named(query, table.name, name)
    except SqlFault as error:
        what = error.fault.what.replace("the SQL of a table is", "a rule is")
        yield Fault(file.path, line, f"{called}: {what}", "write SELECT count(*) FROM ${table} WHERE …")
        return
    except (ParseError, TokenError):
        return
    columns = {c.name.casefold() for c in table.columns}
    for unknown in sorted(n for n in named or () if n.casefold() not in columns):
        mend = did_you_mean(unknown, [c.name for c in table.columns])
        yield Fault(file.path, line, f"{called} names the column `{unknown}`, which the table does not have", mend)
    if rule.severity == "quarantine":
        where = file.line((*place, "severity"))
        if row_condition(query, table.name, name) is None:
            yield Fault(file.path, where, f"{called} cannot put rows aside: its SQL does not say which", _ROW_FORM)
        elif rule.must_be != 0:
            yield Fault(
                file.path, where, f"{called} cannot put rows aside unless it says `mustBe: 0`", "write mustBe: 0"
            )


def _called(rule: Rule, table: Table, column: Column | None) -> str:
    label = rule.name or rule.metric or ("SQL" if rule.type == "sql" else rule.description or rule.type)
    return f"the rule `{label}` of {f'`{table.name}.{column.name}`' if column else f'`{table.name}`'}"


def _relationship_faults(project: Project, product: Product) -> Iterator[Fault]:
    for index, table in enumerate(product.contract.tables):
        place: tuple[str | int, ...] = ("schema", index)
        below = [(place, table.relationships)]
        below += [((*place, "properties", n), column.relationships) for n, column in enumerate(table.columns)]
        for at, relationships in below:
            for number, relationship in enumerate(relationships):
                for key in ("from", "to"):
                    named = relationship.get(key) or []
                    for text in [named] if isinstance(named, str) else named:
                        wrong = _unknown_end(project, product, str(text))
                        if wrong:
                            line = product.file.line((*at, "relationships", number, key))
                            yield Fault(product.file.path, line, *wrong)


def _unknown_end(project: Project, product: Product, text: str) -> tuple[str, str] | None:
    """What is wrong with `table.column` or `domain.product.table.column`, or None."""
    if "/" in text:
        return None  # by ids, perhaps in another file: the standard's own way, which nothing here acts on
    parts = text.split(".")
    what = f"the relationship names `{text}`"
    if len(parts) == 2:
        tables: Mapping[str, Collection[str] | None] = _tables(product, "")
    elif len(parts) == 4:
        tables = {}
        for other in project.products.values():
            tables = {**tables, **_tables(other, f"{other.full_name}.")}
        tables = {**tables, **{str(name): None for name in project.bronze}}
    else:
        return f"{what}, which is no column", "write table.column, or domain.product.table.column"
    table, column = text.rsplit(".", 1)
    if table not in tables:
        return f"{what}, and there is no table `{table}`", did_you_mean(table, tables)
    columns = tables[table]
    if columns is not None and column not in columns:
        return f"{what}, and `{table}` has no column `{column}`", did_you_mean(column, columns)
    return None


def _tables(product: Product, prefix: str) -> dict[str, Collection[str] | None]:
    return {prefix + table.name: [c.name for c in table.columns] for table in product.contract.tables}


def _service_level_faults(product: Product) -> Iterator[Fault]:
    tables = {t.name: [c.name for c in t.columns] for t in product.contract.tables}
    for number, level in enumerate(product.contract.service_levels):
        for element in (level.element or "").split(","):
            table, _, column = element.strip().partition(".")
            line = product.file.line(("slaProperties", number, "element"))
            what = f"the service level `{level.property}` names `{element.strip()}`"
            if table and table not in tables:
                mend = did_you_mean(table, tables)
                yield Fault(product.file.path, line, f"{what}, and the contract has no table `{table}`", mend)
            elif column and column not in tables[table]:
                mend = did_you_mean(column, tables[table])
                yield Fault(product.file.path, line, f"{what}, and `{table}` has no column `{column}`", mend)

        if level.property in FRESH and freshness(level) is None:
            line = product.file.line(("slaProperties", number))
            what = f"the service level `{level.property}` does not say how old the data may be"
            yield Fault(product.file.path, line, what, f"write `value:` over 0, and `unit:` {listed(_UNITS, 'or')}")


def _schedule_faults(product: Product) -> Iterator[Fault]:
    from vestry.project.cron import is_cron  # late: most contracts have none

    for number, custom in enumerate(product.contract.custom):
        if custom.property == "schedule" and custom.value != CHANGES and not is_cron(str(custom.value)):
            line = product.file.line(("customProperties", number))
            mend = f"write five fields, such as `0 6 * * 1-5`, or `{CHANGES}`: when its inputs change"
            yield Fault(product.file.path, line, f"the schedule `{custom.value}` is not a cron line", mend)


def same_id_faults(project: Project) -> Iterator[Fault]:
    """Contracts that share an id, by which other tools tell them apart."""
    seen: dict[str, list[Product]] = {}
    for product in project.products.values():
        seen.setdefault(product.contract.id, []).append(product)
    for name, products in seen.items():
        for product in products[1:]:
            others = listed(p.file.path for p in products if p is not product)
            line = product.file.line(("id",))
            yield Fault(product.file.path, line, f"the id `{name}` is that of {others} too", "give it an id of its own")
