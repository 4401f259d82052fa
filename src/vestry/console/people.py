"""The citizen index on a terminal: a person, an explanation, the queue of pairs, an evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import click

from vestry.console import print_table, show_rows
from vestry.mdm.people.chart import weights, weights_chart
from vestry.mdm.people.decisions import decide, decisions_of, queue
from vestry.mdm.people.evaluation import evaluate, read_truth
from vestry.mdm.people.explain import RULE, Explanation, Reader, Record
from vestry.mdm.people.golden import origins_of
from vestry.mdm.people.lookup import people_of
from vestry.mdm.people.model import ATTRIBUTES, LABELS
from vestry.mdm.people.quality import lines
from vestry.project import VestryError

_ANSWERS = {"s": "same", "d": "different", "u": "unsure"}
#: Writes down that so many records of some people are shown, before they are.
Tell = Callable[[int, Iterable[str]], None]


def show_person(reader: Reader, who: str, as_json: bool, tell: Tell) -> None:
    """The golden record of a person's id or of a record, its origins, and all records behind it."""
    asked = reader.record(Record.parse(who))["person_id"] if "/" in who or " " in who else who
    person = reader.resolve(asked)
    golden, records, events = reader.person(person), reader.records(person), reader.events(person)
    held = {Record(r["source"], r["record_id"]) for r in records}
    decisions = decisions_of(reader, held)
    tell(len(records), [person])
    if as_json:
        told = {"person": golden, "records": records, "events": events, "asked": asked}
        click.echo(json.dumps(told, indent=2, default=str, ensure_ascii=False))
        return
    click.secho(person, bold=True)
    if asked != person:
        click.echo(f"  {asked} was merged into {person}.")
    origins = origins_of(golden)
    rows = [[LABELS[n], golden[n], origins.get(n, "")] for n in ATTRIBUTES if golden.get(n) is not None]
    print_table(rows, ["", "value", "from"])
    click.echo()
    click.secho(f"{len(records)} records", bold=True)
    for record in records:
        name = " ".join(str(record[n]) for n in ("title", "forename", "middle_names", "surname") if record[n])
        known = [name, *(str(record[n]) for n in ("date_of_birth", "address", "postcode", "telephone") if record[n])]
        click.echo(f"  {record['source']} {record['record_id']}")
        click.echo(f"    {'; '.join(known)}")
        if record["because"]:
            click.secho(f"    {record['because']}", dim=True)
    changes = [e for e in events if e["kind"] in ("merge", "split", "move", "leave", "retire")]
    if changes:
        click.echo()
        click.secho("What became of the person", bold=True)
        for event in changes:
            click.echo(f"  {event['happened_at']:%Y-%m-%d %H:%M}  {_told(event)}")
    for decision in decisions:
        click.echo(
            f"  {decision.at:%Y-%m-%d %H:%M}  {decision.who}: {decision.left} and {decision.right} are "
            f"{decision.decision} ({decision.why})"
        )


def _told(event: Mapping[str, Any]) -> str:
    record = f"{event['source']} {event['record_id']}"
    because = f": {event['because']}" if event["because"] else ""
    return {
        "merge": f"{event['old_person_id']} was merged into {event['person_id']}",
        "split": f"{event['person_id']} was split off {event['old_person_id']}",
        "move": f"{record} went from {event['old_person_id']} to {event['person_id']}{because}",
        "leave": f"{record} left{because}",
        "retire": "nothing is left of the person",
    }[str(event["kind"])]


def show_explanation(reader: Reader, left: str, right: str, as_json: bool, tell: Tell) -> None:
    """Why two records, or the two nearest records of two people, are one person or not."""
    explained = reader.explain(*reader.nearest(left, right))
    _tell_of(reader, [explained.left, explained.right], tell)
    if as_json:
        told = {
            "left": str(explained.left),
            "right": str(explained.right),
            "verdict": explained.verdict,
            "weight": explained.weight,
            "beforehand": explained.beforehand,
            "evidence": [vars(e) for e in explained.evidence],
        }
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    _side_by_side(explained)
    _evidence(explained)


def _tell_of(reader: Reader, records: Collection[Record], tell: Tell) -> None:
    tell(len(records), people_of(reader, records).values())


def _side_by_side(explained: Explanation) -> None:
    left, right = explained.left, explained.right
    mine, other = explained.sides
    rows = []
    for name in ATTRIBUTES:
        a, b = mine[name], other[name]
        if a is None and b is None:
            continue
        marked_a, marked_b = _marked("" if a is None else str(a), "" if b is None else str(b))
        rows.append([LABELS[name], marked_a, marked_b])
    width = max(len(str(left)), *(len(click.unstyle(r[1])) for r in rows))
    click.echo()
    click.secho(f"  {'':<16}  {left!s:<{width}}  {right}", bold=True)
    for label, a, b in rows:
        click.echo(f"  {label:<16}  {a}{' ' * (width - len(click.unstyle(a)))}  {b}")
    click.echo()


def _marked(left: str, right: str) -> tuple[str, str]:
    """Two values with the characters that differ marked; a value that the other lacks is left as it is."""
    if not left or not right or left.casefold() == right.casefold():
        return left, right
    a, b = "", ""
    for kind, i, j, k, m in SequenceMatcher(None, left.casefold(), right.casefold(), autojunk=False).get_opcodes():
        same = kind == "equal"
        a += left[i:j] if same else click.style(left[i:j], fg="yellow", underline=True)
        b += right[k:m] if same else click.style(right[k:m], fg="yellow", underline=True)
    return a, b


def _evidence(explained: Explanation) -> None:
    click.secho(explained.verdict, bold=True)
    if not explained.evidence:
        return
    strongest = sorted(explained.evidence, key=lambda e: -e.bits)
    click.echo()
    for said in strongest:
        click.echo(f"  {said.bits:+6.1f}  {said.words[:1].upper()}{said.words[1:]}")
    click.echo(f"  {explained.beforehand:+6.1f}  Two people taken at random are seldom the same")
    click.echo(f"  {explained.total:+6.1f}  bits in all: {explained.odds}")
    if explained.ruled is not None:
        click.echo(f"  {explained.ruled:+6.1f}  after the rule that {RULE}")


def list_queue(reader: Reader, limit: int, form: str, tell: Tell) -> None:
    """The pairs that wait, as rows."""
    waiting = queue(reader, limit)
    rows = [
        {"left": str(q.left), "right": str(q.right), "bits": round(q.weight, 1), "records": q.changes, "why": q.why}
        for q in waiting
    ]
    tell(2 * len(rows), [person for q in waiting for person in q.people])
    if not rows and form == "table":
        click.echo("Nothing waits for a decision.")
        return
    show_rows(rows, ["left", "right", "bits", "records", "why"], form)


def ask_about(reader: Reader, limit: int, who: str, tell: Tell) -> None:
    """Show each waiting pair, ask, and write down what is said."""
    waiting = queue(reader, limit)
    if not waiting:
        click.echo("Nothing waits for a decision.")
        return
    made = 0
    for place, question in enumerate(waiting, 1):
        click.secho(f"\n{place} of {len(waiting)}: {question.why}; {question.changes} records", bold=True)
        explained = reader.explain(question.left, question.right)
        tell(2, question.people)
        _side_by_side(explained)
        _evidence(explained)
        try:
            answer = click.prompt(
                "\nOne person? [s]ame, [d]ifferent, [u]nsure, [n]ext, [q]uit",
                type=click.Choice([*_ANSWERS, "n", "q"]),
                show_choices=False,
            )
            why = click.prompt("Why") if answer in _ANSWERS else ""
        except click.Abort:  # Ctrl-C, or nobody there to answer
            break
        if answer == "q":
            break
        if answer == "n":
            continue
        try:
            decide(reader, question.left, question.right, _ANSWERS[answer], who, why)
            made += 1
        except VestryError as error:
            click.secho(f"  {error.what}. {error.mend}", fg="red", err=True)
    click.echo(f"\n{made} written down." + ("  Next:  vestry run" if made else ""))


def show_model(reader: Reader, chart: Path | None, form: str) -> None:
    """What was learnt, as a table; or its chart, as SVG, or as Vega-Lite where the file ends in .json."""
    if chart is not None:
        spec = weights_chart(reader.model)
        if chart.suffix == ".json":
            chart.write_text(spec, encoding="utf-8")
        else:
            import vl_convert

            chart.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
        click.echo(f"The chart is in {chart}.")
        return
    rows = [{**r, "m": float(f"{r['m']:.3g}"), "u": float(f"{r['u']:.2g}")} for r in weights(reader.model)]
    show_rows(rows, ["comparison", "level", "m", "u", "bits"], form)


def show_evaluation(reader: Reader, truth: Path, as_json: bool) -> None:
    """How well the index knows who is who."""
    con = reader.con
    found = evaluate(con, f"(SELECT * FROM {reader.relation(reader.names.record)})", read_truth(con, truth))
    if as_json:
        click.echo(found.to_json())
        return
    for table in lines(found):
        click.secho(f"\n{table.title}", bold=True)
        print_table(table.rows, table.columns)
