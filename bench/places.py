"""Addresses: matched to their UPRN, and found as they are typed. `python -m bench.places match|search`.

`match` makes Westmarsh, writes its addresses as six English councils do (the package address-errors, whose truth is
known by construction), and matches them to the gazetteer with the default settings, with postcodes and without.
`search` makes a million addresses, types some of them key by key, with one typing error each, and asks at every key.
"""

from __future__ import annotations

import csv
import json
import random
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from bench import data

Figures = dict[str, Any]
PEOPLE = 20_000
QUERIES = 1_000


# Matching


def match(people: int = PEOPLE, style: str | None = None, seed: int = 1) -> Figures:
    """Precision and recall of the default settings on Westmarsh's homes, dirtied; `style` is that of a council."""
    root = _westmarsh(people)
    dirty = list(_dirty(root, style, seed))
    return {
        "addresses": len(dirty),
        "with_postcodes": _matched(root, dirty, with_postcodes=True),
        "without_postcodes": _matched(root, dirty, with_postcodes=False),
    }


def _westmarsh(people: int) -> Path:
    """A project that has only Westmarsh's gazetteer."""
    root = data.WORK / f"places-{people}"
    if not (root / "systems").exists():
        from vestry.demo.westmarsh import make_systems

        root.mkdir(parents=True, exist_ok=True)
        make_systems(root, people=people)
    shutil.rmtree(root / "domains", ignore_errors=True)
    with resources.as_file(resources.files("vestry.demo") / "project") as project:
        shutil.copytree(project / "domains" / "places" / "gazetteer", root / "domains" / "places" / "gazetteer")
        shutil.copy(project / "domains" / "places" / "domain.yaml", root / "domains" / "places")
        shutil.copytree(project / "domains" / "places" / "matched", root / "domains" / "places" / "matched")
        (root / "sources").mkdir(exist_ok=True)
        shutil.copy(project / "sources" / "gazetteer.yaml", root / "sources")
    (root / "vestry.toml").write_text('[council]\nname = "Westmarsh"\n')
    (root / "sources" / "dirty.yaml").write_text(
        "connector: files\npath: dirty\ntables:\n  address:\n    files: '*.csv'\n"
    )
    (root / "domains" / "places" / "matched" / "address.uprn.yaml").write_text(
        "gazetteer:\n  table: places.gazetteer.address\n"
        "  where: logical_status <> 8 AND classification <> 'PP'\n"
        "addresses:\n  - {table: bronze.dirty.address, address: address, postcode: postcode}\n"
    )
    return root


def _dirty(root: Path, style: str | None, seed: int) -> Iterator[tuple[str, str, str]]:
    """(address, postcode, true UPRN) of every home, with the errors of six councils or the style of one."""
    from address_errors import Corruptor, Profile, load_components

    homes = duckdb.sql(
        f"""SELECT uprn, coalesce(upper(saon), '') AS subname,
               CASE WHEN regexp_matches(paon, '^[0-9]') THEN '' ELSE upper(paon) END AS name,
               CASE WHEN regexp_matches(paon, '^[0-9]') THEN paon ELSE '' END AS number, upper(street) AS streetname,
               upper(town) AS townname, coalesce(postcode, '') AS postcode, coalesce(upper(locality), '') AS locality,
               coalesce(parent_uprn, '') AS parentuprn, coalesce(usrn, '') AS usrn
           FROM read_csv('{root}/systems/gazetteer/addresses.csv', all_varchar = true)
           WHERE logical_status = '1' AND classification <> 'PP' ORDER BY uprn"""
    )
    file = root / "components.csv"
    homes.write_csv(str(file))
    records = load_components(str(file))
    # A style has its council's own rates of error; without one they are those of all six together.
    source = Corruptor(Profile.load(), style=style, seed=seed, rates="council" if style else "pooled")
    source.index(records)
    for row in source.generate([r["uprn"] for r in records]):
        yield row["recorded_address"], row["recorded_postcode"] or "", row["source_uprn"]


def _matched(root: Path, dirty: list[tuple[str, str, str]], with_postcodes: bool) -> Figures:
    from vestry.run.query import ask
    from vestry.run.workspace import Workspace

    shutil.rmtree(root / "lake", ignore_errors=True)
    shutil.rmtree(root / ".vestry", ignore_errors=True)
    (root / "dirty").mkdir(exist_ok=True)
    with (root / "dirty" / "addresses.csv").open("w", newline="") as out:
        rows = ((address, code if with_postcodes else "", uprn) for address, code, uprn in dirty)
        csv.writer(out).writerows([("address", "postcode", "truth"), *rows])
    workspace = Workspace.open(root)
    outcomes = {str(o.step.name): o for o in workspace.run((), lambda event: None)}
    made = outcomes["places.matched.address"]
    assert made.status == "done", (made.detail, str(made.error))
    found = ask(
        workspace,
        """SELECT count(*) AS n, count(m.uprn) AS matched, count(*) FILTER (m.uprn = uprn(d.truth)) AS right,
               count(*) FILTER (m.status = 'review') AS review
           FROM bronze.dirty.address AS d
           LEFT JOIN places.matched.address AS m ON m.line = concat_ws(', ', tidy(d.address), postcode(d.postcode))""",
    ).to_pylist()[0]
    workspace.engine.close()
    return {
        "precision": round(found["right"] / max(1, found["matched"]), 4),
        "recall": round(found["right"] / found["n"], 4),
        "to_review": round(found["review"] / found["n"], 4),
        "seconds": round(made.seconds, 1),
    }


# Search

#: A million addresses of 36,000 streets in 40 towns. A town has a name of a street once; a name is in many towns.
_MILLION = """
WITH word AS (SELECT part, string_split(names, '|') AS names FROM read_csv('{words}', header = true)),
stem AS (
    SELECT list(name ORDER BY rank, name) AS names FROM (
        SELECT unnest(names) AS name, 0 AS rank FROM word WHERE part = 'street_stem'
        UNION SELECT DISTINCT a.name || b.name, 1 FROM
            (SELECT unnest(names) AS name FROM word WHERE part = 'street_stem') AS a,
            (SELECT unnest(['field', 'ford', 'wood', 'bury', 'hurst']) AS name) AS b
        WHERE NOT contains(a.name, ' '))
),
street AS (
    SELECT no, no % 40 AS town_no, s.names[1 + (no // 40) % 700] || ' '
            || t.names[1 + ((no // 40) // 700 + no * 3) % len(t.names)] AS street,
        s.names[1 + (no % 40) * 17 % 700] || 'ton' AS town, b.names AS block_stems, bt.names AS block_types
    FROM range(36000) AS r(no), stem AS s, (SELECT names FROM word WHERE part = 'street_type') AS t,
        (SELECT names FROM word WHERE part = 'block_stem') AS b,
        (SELECT names FROM word WHERE part = 'block_type') AS bt
),
home AS (
    SELECT no, NULL AS saon, n || CASE WHEN hash(no * 100 + n) % 50 = 0 THEN 'A' ELSE '' END AS paon
    FROM street, range(1, 23) AS r(n)
    UNION ALL
    SELECT no, 'Flat ' || f, block_stems[1 + (no // 12 + b) % len(block_stems)] || ' '
        || block_types[1 + (no + b) % len(block_types)]
    FROM street, range(3) AS r(b), range(1, 31) AS q(f) WHERE no % 12 = 0
)
SELECT (100000000 + row_number() OVER ())::VARCHAR AS uprn, saon, paon, street, NULL::VARCHAR AS locality, town,
    'WX' || (1 + town_no) || ' ' || (1 + no // 40 % 9) || chr((65 + no // 360 % 26)::INT)
        || chr((65 + no // 9360 % 26)::INT) AS postcode, 1 AS logical_status
FROM home JOIN street USING (no)
"""
_CONTRACT = """apiVersion: v3.1.0
kind: DataContract
id: places.{name}
name: {name}
version: 1.0.0
status: active
schema:
  - name: address
    properties:
"""


def search(queries: int = QUERIES, seed: int = 1) -> Figures:
    """Milliseconds a key over a million addresses, and how often the right one is in the first five for one error."""
    from vestry.mdm.places.search import open_search
    from vestry.run.workspace import Workspace

    root = _million()
    workspace = Workspace.open(root)
    started = time.perf_counter()
    index = open_search(workspace.project, workspace.lake, lambda: workspace.engine)
    made = time.perf_counter() - started
    sample = (
        workspace.engine.cursor()
        .execute(
            f"SELECT uprn, saon, paon, street, town, postcode FROM delta_scan('{root}/lake/places/gazetteer/address') "
            f"ORDER BY hash(uprn || '{seed}') LIMIT {queries}"
        )
        .fetchall()
    )
    workspace.engine.close()
    draw = random.Random(seed)
    times: list[float] = []
    right = {"as_written": 0, "one_error": 0}
    missed = []
    for uprn, saon, paon, street, town, postcode in sample:
        text = _typed(draw, saon, paon, street, town, postcode)
        wrong = _with_error(draw, text)
        for length in range(1, len(wrong) + 1):
            began = time.perf_counter()
            index.find(wrong[:length])
            times.append((time.perf_counter() - began) * 1000)
        for kind, asked in (("as_written", text), ("one_error", wrong)):
            good = uprn in [hit.uprn for hit in index.find(asked, 5)]
            right[kind] += good
            if not good:
                missed.append(asked)
    times.sort()
    return {
        "addresses": len(index),
        "index_seconds": round(made, 1),
        "keys": len(times),
        "median_ms": round(statistics.median(times), 2),
        "p95_ms": round(times[int(len(times) * 0.95)], 2),
        "p99_ms": round(times[int(len(times) * 0.99)], 2),
        "first_five_as_written": right["as_written"] / len(sample),
        "first_five_one_error": right["one_error"] / len(sample),
        "missed": missed[:20],
    }


def _million() -> Path:
    """A project with a gazetteer of a million addresses, run."""
    root = data.WORK / "million"
    if (root / "lake" / "places" / "gazetteer" / "address").exists():
        return root
    from vestry.run.workspace import Workspace

    (root / "lpg").mkdir(parents=True, exist_ok=True)
    with resources.as_file(resources.files("vestry.demo") / "data" / "places.csv") as words:
        duckdb.execute(f"COPY ({_MILLION.format(words=words)}) TO '{root}/lpg/entries.parquet' (FORMAT parquet)")
    columns = ["uprn", "saon", "paon", "street", "locality", "town", "postcode", "logical_status"]
    kinds = {"logical_status": "integer"}
    listed = "".join(f"      - {{name: {c}, logicalType: {kinds.get(c, 'string')}}}\n" for c in columns)
    files = {
        "vestry.toml": '[council]\nname = "Benchham"\n',
        "sources/lpg.yaml": "connector: files\npath: lpg\ntables:\n  entry:\n    files: '*.parquet'\n",
        "domains/places/domain.yaml": "name: Places\nowner: Places\n",
        "domains/places/gazetteer/contract.yaml": _CONTRACT.format(name="gazetteer") + listed,
        "domains/places/gazetteer/address.sql": f"SELECT {', '.join(columns)} FROM bronze.lpg.entry",
        "domains/places/matched/contract.yaml": _CONTRACT.format(name="matched")
        + "      - {name: line, logicalType: string}\n",
        "domains/places/matched/address.uprn.yaml": "gazetteer:\n  table: places.gazetteer.address\n"
        "addresses:\n  - {table: places.gazetteer.address, address: street}\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    workspace = Workspace.open(root)
    outcomes = workspace.run(("+places.gazetteer",), lambda event: None)
    assert all(o.status in ("done", "skipped") for o in outcomes), [o.detail for o in outcomes]
    workspace.engine.close()
    return root


def _typed(draw: random.Random, saon: str | None, paon: str, street: str, town: str, postcode: str) -> str:
    """An address as somebody may begin to write it, in one of the ways that people do."""
    ways = {
        "Road": "Rd",
        "Street": "St",
        "Avenue": "Ave",
        "Close": "Cl",
        "Lane": "Ln",
        "Drive": "Dr",
        "Gardens": "Gdns",
    }
    name, _, kind = street.rpartition(" ")
    street = f"{name} {ways.get(kind, kind)}" if draw.random() < 0.3 else street
    home = " ".join(filter(None, [saon, paon, street]))
    text = draw.choice(
        [f"{home} {town}", f"{home}, {postcode}", f"{postcode} {home}", f"{home} {postcode.split()[0]} {town}"]
    )
    return text.lower() if draw.random() < 0.7 else text


def _with_error(draw: random.Random, text: str) -> str:
    """The text with one letter wrong, missing, too many, or exchanged with the next. Numbers and codes stay."""
    places = []
    start = 0
    for word in text.split(" "):
        if word.strip(",").isalpha() and len(word) > 2:
            places += range(start, start + len(word.strip(",")) - 1)
        start += len(word) + 1
    if not places:  # nothing but numbers, codes and the shortest of words
        return text
    at = draw.choice(places)
    letter = draw.choice("abcdefghijklmnopqrstuvwxyz")
    return draw.choice(
        [
            text[:at] + text[at + 1 :],
            text[:at] + letter + text[at:],
            text[:at] + letter + text[at + 1 :],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        ]
    )


WORKS: dict[str, Callable[[], Figures]] = {"match": match, "search": search}

if __name__ == "__main__":
    began = time.perf_counter()
    figures = WORKS[sys.argv[1]]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {**figures, "total_seconds": round(time.perf_counter() - began, 1), "peak_mb": round(peak)}, indent=1
        )
    )
