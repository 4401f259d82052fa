"""`vestry export`: the catalogue, as others' standards have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vestry.cli.options import Commands, F, project_option

if TYPE_CHECKING:
    from vestry.catalogue.export import Gap
    from vestry.catalogue.model import Catalogue


class _Moment(click.ParamType[datetime]):
    """A day or a time of ISO 8601; without a zone, UTC."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("a day such as 2026-11-01, or a time such as 2026-11-01T18:00+00:00", param, ctx)


@click.group(cls=Commands)
def export() -> None:
    """Write the catalogue as others' standards have it: descriptions only, never a value of the data.

    What a standard asks for and nobody has written down is told on stderr, with what was done about it.

    \b
    Examples:
      vestry export dcat --open -o catalogue.ttl
      vestry export openlineage --to https://lineage.example.org/api/v1/lineage
    """


def _options(forms: Sequence[str]) -> Callable[[F], F]:
    def of(command: F) -> F:
        file = click.option(
            "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file. Default: standard output."
        )
        form = click.option("--format", "form", type=click.Choice(forms), default=forms[0], show_default=True)
        only = click.option("--open", "only_open", is_flag=True, help="Only products that everybody may have.")
        return only(form(project_option(file(command))))

    return of


@export.command()
@_options(["turtle", "json-ld"])
def dcat(folder: Path, form: str, only_open: bool, output: Path | None) -> None:
    """DCAT 3 (DCAT-AP 3.0.1): products and tables, for data portals to harvest.

    A product is open where its contract says `accessRights: OPEN` and names a `licence` among the customProperties, and
    each of its columns is classified public. All others are described as not public, and offered nowhere where they are
    of people.

    \b
    Examples:
      vestry export dcat --open -o catalogue.ttl
      vestry export dcat --format json-ld
    """
    from vestry.catalogue.export.dcat import dcat as nodes_of

    catalogue, gaps = _catalogue(folder), list[Any]()
    _write(_rdf(nodes_of(catalogue, gaps, only_open), form), output, gaps)


@export.command()
@_options(["yaml", "json"])
def ukgov(folder: Path, form: str, only_open: bool, output: Path | None) -> None:
    """The UK cross-government metadata exchange model: a record for each product.

    \b
    Examples:
      vestry export ukgov -o records.yaml
      vestry export ukgov --open --format json
    """
    from vestry.catalogue.export.ukgov import ukgov as records_of

    catalogue, gaps = _catalogue(folder), list[Any]()
    records = records_of(catalogue, gaps, only_open)
    _write(_json(records) if form == "json" else _yaml([records]), output, gaps)


@export.command()
@_options(["turtle", "json-ld"])
def skos(folder: Path, form: str, only_open: bool, output: Path | None) -> None:
    """SKOS: the glossary's terms, and the columns that carry them; with --open, the columns of open products only.

    \b
    Examples:
      vestry export skos -o glossary.ttl
      vestry export skos --open --format json-ld
    """
    from vestry.catalogue.export.skos import skos as nodes_of

    catalogue, gaps = _catalogue(folder), list[Any]()
    _write(_rdf(nodes_of(catalogue, gaps, only_open), form), output, gaps)


@export.command()
@_options(["yaml", "json"])
def odps(folder: Path, form: str, only_open: bool, output: Path | None) -> None:
    """The Open Data Product Standard v1.0: a descriptor for each product.

    YAML has a document for each product, JSON a list of them.

    \b
    Examples:
      vestry export odps
      vestry export odps --open -o products.odps.yaml
    """
    from vestry.catalogue.export.odps import odps as descriptors_of

    catalogue, gaps = _catalogue(folder), list[Any]()
    descriptors = descriptors_of(catalogue, gaps, only_open)
    _write(_json(descriptors) if form == "json" else _yaml(descriptors), output, gaps)


@export.command()
@click.option("--since", type=_Moment(), metavar="WHEN", help="Only what ended since: 2026-11-01, or with a time.")
@click.option("--to", "url", metavar="URL", help="Post each event there. A key is taken from OPENLINEAGE_API_KEY.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file. Default: standard output."
)
@project_option
def openlineage(folder: Path, since: datetime | None, url: str | None, output: Path | None) -> None:
    """OpenLineage events of every run: what was read, made and checked, as one JSON object a line.

    Each step has a START and a COMPLETE, FAIL or ABORT, and each audit its own. Run ids stay the same, so that what is
    sent twice is one.

    \b
    Examples:
      vestry export openlineage --since 2026-11-01 -o events.jsonl
      vestry export openlineage --to https://lineage.example.org/api/v1/lineage
    """
    import json

    from vestry.catalogue.export.openlineage import openlineage as events_of
    from vestry.catalogue.export.openlineage import post
    from vestry.catalogue.live import Live

    live = Live(folder)
    events = events_of(live.catalogue(), live.workspace.lake, since)
    if url is None:
        _write("".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events), output, [])
        return
    post(events, url, live.workspace.project.env.get("OPENLINEAGE_API_KEY"))
    click.echo(f"{len(events):,} events sent", err=True)


def _catalogue(folder: Path) -> Catalogue:
    from vestry.catalogue.live import Live

    return Live(folder).catalogue()


def _rdf(nodes: list[dict[str, Any]], form: str) -> str:
    from vestry.catalogue.export.rdf import json_ld, turtle

    return turtle(nodes) if form == "turtle" else json_ld(nodes)


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _yaml(documents: list[Any]) -> str:
    import yaml

    return str(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=110))


def _write(text: str, output: Path | None, gaps: Sequence[Gap]) -> None:
    from vestry.catalogue.export import summed_up
    from vestry.project import VestryError

    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise VestryError(f"{output} cannot be written: {error.strerror}") from None
    for line in summed_up(gaps):
        click.echo(line, err=True)
