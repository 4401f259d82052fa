"""What the scores mean for who uses the data, in sentences that are made of facts only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vestry.catalogue.missing import Missing
from vestry.catalogue.model import Catalogue
from vestry.catalogue.quality.scores import ProductQuality, RuleScore, TableQuality
from vestry.project import TableName
from vestry.project.contract import Contract
from vestry.run.freshness import Freshness

#: Tables made from one that are named, and columns of which it is said whom they hide.
_NAMED, _HIDDEN = 3, 5


def meaning(
    catalogue: Catalogue,
    quality: ProductQuality,
    fresh: Freshness | None,
    missing: Sequence[tuple[TableName, Missing]] = (),
) -> list[str]:
    """What who uses a product should mind, the worst first; empty where there is nothing to mind.

    `missing` is what is missing of whom (`vestry.catalogue.missing`), where that is known.
    """
    several = len(quality.tables) > 1
    found: list[str] = []
    for table in quality.tables:
        where = f" of {table.table.table}" if several else ""
        if table.kept_back:
            found.append(
                f"The last build{where} broke its contract and was not published: "
                "what is in service is the version before it."
            )
        found += [said for rule in table.failing if (said := _of_rule(catalogue, table, rule, where, fresh))]
    hidden = [(name, m) for name, m in missing if m.hidden and m.hidden[0].of_whom]
    hidden.sort(key=lambda pair: -pair[1].hidden[0].share + pair[1].hidden[0].overall)
    return [*found, *(_of_group(name, column, several) for name, column in hidden[:_HIDDEN])]


def usage_of(contract: Contract) -> str | None:
    """What the contract says that the product is for."""
    said = contract.description.usage
    return said.strip() if said and said.strip() else None


def _of_rule(catalogue: Catalogue, table: TableQuality, rule: RuleScore, where: str, fresh: Freshness | None) -> str:
    percent = f"{rule.dimension.capitalize()} {percent_of(rule.percent)}"
    if rule.dimension == "timeliness" and not rule.failing:
        of = fresh.of(rule.table) if fresh else None
        until = f": nothing that its sources recorded after {of:%-d %B %Y, %H:%M} UTC is in it" if of else ""
        return f"{percent}{where}{until}."
    if not rule.failing:
        return f"{percent}{where}: “{rule.rule}” is broken: {rule.measured}, and it {rule.expected}."
    counted = f"{rule.failing:,} of {rule.rows:,} rows{where} break “{rule.rule}”"
    return f"{percent}: {counted}; {' '.join(_what_follows(catalogue, table, rule))}"


def _what_follows(catalogue: Catalogue, table: TableQuality, rule: RuleScore) -> Iterator[str]:
    readers = [str(r) for r in catalogue.readers(rule.table)]
    names = ", ".join(readers[:_NAMED]) + (f" and {len(readers) - _NAMED} more" if len(readers) > _NAMED else "")
    entry = catalogue.tables.get(rule.table)
    of_column = rule.column if rule.column and entry and rule.column in entry.by_name else None
    if rule.severity == "quarantine":
        yield "they were set aside, so they are in no figure that is made of the table."
    elif rule.severity == "error" and not rule.passed:
        yield "so that build was not published."
    else:
        within = " That is within what is promised." if rule.passed else ""
        if rule.dimension == "uniqueness":
            yield "they stand in the table, and whatever counts its rows counts them more than once." + within
        elif rule.dimension == "completeness" and of_column:
            yield f"they stand in the table, and whatever needs {of_column} cannot use them." + within
        else:
            yield "they stand in the table as they are." + within
        if names:
            yield f"Made of it: {names}."


def _of_group(name: TableName, column: Missing, several: bool) -> str:
    where = f" of {name.table}" if several else ""
    first = column.hidden[0]
    return (
        f"{column.column}{where} is missing in {percent_of(column.share)} of rows, and in {percent_of(first.share)} of "
        f"the {first.rows:,} where {first.by} is {first.value}: figures by {column.column} see those less."
    )


def percent_of(number: float | None) -> str:
    """`97.3 %`; what is not quite all is never said to be 100, and what is not quite nothing never 0."""
    if number is None:
        return "not measured"
    shown = f"{number:.1f}".removesuffix(".0")
    if shown == "100" and number < 100:
        return "over 99.9 %"
    return "under 0.1 %" if shown == "0" and number > 0 else f"{shown} %"
