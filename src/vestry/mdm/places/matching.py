"""From text to UPRN: uk-address-matcher proposes, and what tells homes apart decides whether that may be.

The matcher works on an engine of its own: it keeps tables under fixed names, and one run may have several recipes. The
gazetteer as the matcher prepares it is kept in the project's state folder, by the gazetteer's version.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import duckdb
from filelock import FileLock

from vestry.mdm.places.model import UprnFile

_MACROS = Path(__file__).with_name("places.sql")
#: Longer than any address: a note in the wrong field.
LONGEST = 250
#: Rows that the matcher cleans at a time: what it holds in memory does not grow with the gazetteer.
_CHUNK = 250_000

#: What the matcher found by, in words.
REASONS = {
    "line": "the same line and postcode",
    "town": "the same line in the same town",
    "exact": "the same words and postcode",
    "exact_no_whitespace": "the same letters and postcode, spaced otherwise",
    "exact_flat_retraction": "the same but for the word for a flat",
    "exact_partial_postcode": "the same words, and nearly the same postcode",
    "splink": "the model",
}


def load_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Let SQL on this connection use the functions of `places.sql`."""
    con.execute(_MACROS.read_text(encoding="utf-8"))


def prepare_texts(con: duckdb.DuckDBPyConnection, spec: UprnFile) -> None:
    """Make `places_text` of `places_due` (line, address, postcode): what is compared of each address, and whether
    it is an address at all."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE places_none AS SELECT place_words(unnest(?::VARCHAR[])) AS words",
        [spec.no_address],
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE places_text AS
            SELECT row_number() OVER () AS id, *, place_marks(words) AS marks, place_is_unit(words) AS is_unit,
                CASE WHEN length(address) > {LONGEST} THEN 'too long for an address'
                     WHEN place_is_none(words) OR words IN (SELECT words FROM places_none) THEN 'no address' END AS fault
            FROM (SELECT line, address, coalesce(postcode, place_postcode(address)) AS postcode,
                      place_words(address) AS words, given FROM places_due)"""
    )


def prepare_entries(con: duckdb.DuckDBPyConnection, select: str) -> None:
    """Make `places_entry` of a gazetteer's entries (`entries_select`): those that may be matched, ready to compare."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE places_entry AS
            SELECT uprn, address, postcode, paon, street, locality, town, logical_status, words, place_marks(words) AS marks,
                place_is_unit(words) AS is_unit, place_name_words(street) AS street_names,
                CASE WHEN regexp_matches(paon, '[A-Za-z]{{2}}') THEN place_name_words(paon) ELSE [] END AS building_names
            FROM (SELECT *, place_words(concat_ws(' ', saon, paon, street)) AS words FROM ({select}) WHERE may_match)"""
    )


def propose(con: duckdb.DuckDBPyConnection, folder: Path, key: str) -> None:
    """Make `places_proposed` (id, uprn, reason, weight, apart): the matcher's best for each address of `places_text`.

    `folder` keeps the prepared gazetteer, `key` says which version of `places_entry` it is.
    """
    _same_lines(con)
    texts = con.execute(
        "SELECT id::VARCHAR AS unique_id, address AS address_concat, postcode FROM places_text "
        "WHERE fault IS NULL AND id NOT IN (SELECT id FROM places_proposed)"
    ).to_arrow_table()
    if texts.num_rows and con.execute("SELECT 1 FROM places_entry LIMIT 1").fetchone():
        with _prepared(con, folder, key) as prepared:
            found = _match(texts, prepared, folder)
        con.register("places_found", found)
        con.execute("INSERT INTO places_proposed SELECT * FROM places_found")
        con.unregister("places_found")


def _same_lines(con: duckdb.DuckDBPyConnection) -> None:
    """Begin `places_proposed` with what needs no model: lines that one home alone has, with the postcode, or with the
    town where there is none."""
    con.execute(
        """CREATE OR REPLACE TEMP TABLE places_proposed AS
        WITH way AS (
            SELECT uprn, postcode, UNNEST([words, concat_ws(' ', words, place_words(locality)),
                concat_ws(' ', words, place_words(town)),
                concat_ws(' ', words, place_words(locality), place_words(town))]) AS line,
                UNNEST([false, false, town IS NOT NULL, town IS NOT NULL]) AS has_town
            FROM places_entry
        ),
        with_postcode AS (
            SELECT place_key(line) AS key, postcode, min(uprn) AS uprn FROM way WHERE postcode IS NOT NULL
            GROUP BY ALL HAVING count(DISTINCT uprn) = 1
        ),
        with_town AS (
            SELECT place_key(line) AS key, min(uprn) AS uprn FROM way WHERE has_town
            GROUP BY ALL HAVING count(DISTINCT uprn) = 1
        )
        SELECT t.id, coalesce(p.uprn, w.uprn) AS uprn, CASE WHEN p.uprn IS NULL THEN 'town' ELSE 'line' END AS reason,
            NULL::DOUBLE AS weight, NULL::DOUBLE AS apart
        FROM (SELECT *, place_key(words) AS key FROM places_text WHERE fault IS NULL) AS t
        LEFT JOIN with_postcode AS p ON p.key = t.key AND p.postcode = t.postcode
        LEFT JOIN with_town AS w ON w.key = t.key AND t.postcode IS NULL
        WHERE coalesce(p.uprn, w.uprn) IS NOT NULL"""
    )


def judge(con: duckdb.DuckDBPyConnection, spec: UprnFile) -> None:
    """Make `places_judged` (line, uprn, candidate_uprn, score, matched_by, status, gazetteer_address)."""
    words = " ".join(f"WHEN '{key}' THEN '{said}'" for key, said in REASONS.items())
    limits = spec.thresholds
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE places_judged AS
        WITH twin AS (
            -- Homes that the gazetteer writes alike: neither is meant for certain.
            SELECT words, postcode FROM places_entry GROUP BY ALL HAVING count(DISTINCT uprn) > 1
        ),
        weighed AS (
            SELECT t.line, t.given, t.fault, p.uprn, p.reason, p.weight, p.apart, e.address, e.postcode,
                e.uprn IS NOT NULL AND place_marks_agree(t.marks, t.is_unit, e.marks, e.is_unit) AS same_marks,
                e.uprn IS NOT NULL AND (place_names_it(t.words, e.building_names)
                    OR (place_names_it(t.words, e.street_names)
                        -- A number without the word flat is a house's, unless the building is named.
                        AND (t.is_unit OR NOT e.is_unit OR len(e.building_names) = 0))) AS same_names,
                twin.words IS NOT NULL AS is_twin,
                -- One half of a postcode is easily mistyped, both are not.
                coalesce(split_part(t.postcode, ' ', 1) <> split_part(e.postcode, ' ', 1)
                    AND split_part(t.postcode, ' ', 2) <> split_part(e.postcode, ' ', 2), false) AS is_elsewhere,
                p.reason <> 'splink' OR (p.weight >= {limits.match} AND coalesce(p.apart >= {limits.apart}, true)) AS is_certain
            FROM places_text AS t
            LEFT JOIN places_proposed AS p USING (id)
            -- A property may be written in several ways: the one that fits best speaks for it.
            LEFT JOIN places_entry AS e ON e.uprn = p.uprn
            LEFT JOIN twin ON twin.words = e.words AND twin.postcode IS NOT DISTINCT FROM e.postcode
            QUALIFY row_number() OVER (PARTITION BY t.id ORDER BY same_marks AND same_names DESC, same_marks DESC,
                same_names DESC, damerau_levenshtein(t.words, e.words), e.address) = 1
        ),
        given AS (
            SELECT uprn, min_by(address, logical_status) AS address, min_by(postcode, logical_status) AS postcode
            FROM places_entry WHERE uprn IN (SELECT given FROM places_text) GROUP BY uprn
        ),
        said AS (
            SELECT w.*, g.uprn AS known_given, g.address AS given_address, g.postcode AS given_postcode, CASE
                WHEN fault IS NOT NULL THEN 'none'
                WHEN w.uprn IS NULL OR w.weight < {limits.review} THEN CASE WHEN g.uprn IS NULL THEN 'none' ELSE 'given' END
                WHEN NOT same_marks THEN 'marks'
                -- The source itself says the home that the text reads like.
                WHEN g.uprn = w.uprn AND same_names THEN 'agree'
                WHEN is_twin THEN 'twin'
                WHEN NOT same_names THEN 'names'
                WHEN is_elsewhere THEN 'elsewhere'
                WHEN NOT is_certain THEN CASE WHEN w.weight >= {limits.match} THEN 'near' ELSE 'weak' END
                ELSE 'match' END AS verdict
            FROM weighed AS w LEFT JOIN given AS g ON g.uprn = w.given
        )
        SELECT line, CASE WHEN verdict IN ('match', 'agree') THEN uprn END AS uprn,
            CASE verdict WHEN 'none' THEN NULL WHEN 'given' THEN known_given ELSE uprn END AS candidate_uprn,
            CASE WHEN verdict NOT IN ('none', 'given') THEN round(weight, 2) END AS score,
            CASE verdict
                WHEN 'none' THEN coalesce(fault, 'nothing like it in the gazetteer')
                WHEN 'given' THEN 'only the UPRN that the source gives'
                WHEN 'marks' THEN 'a number, letter or floor differs'
                WHEN 'twin' THEN 'two homes are written alike'
                WHEN 'names' THEN 'neither the street nor the building is named'
                WHEN 'elsewhere' THEN 'the postcode is of another place'
                WHEN 'near' THEN 'another home is nearly as like'
                WHEN 'weak' THEN 'the model is not certain'
                ELSE CASE reason {words} END || CASE verdict WHEN 'agree' THEN ', and the UPRN that the source gives' ELSE '' END
            END AS matched_by,
            CASE WHEN verdict IN ('match', 'agree') THEN 'matched' WHEN verdict = 'none' THEN 'none' ELSE 'review' END AS status,
            CASE verdict WHEN 'none' THEN NULL WHEN 'given' THEN concat_ws(', ', given_address, given_postcode)
                ELSE concat_ws(', ', address, postcode) END AS gazetteer_address
        FROM said"""
    )


def prepared_key(gazetteer: UprnFile, data: int) -> str:
    """What the prepared gazetteer rests on: its rows, how they are read, and the tools that read them."""
    parts = [data, gazetteer.gazetteer.model_dump(mode="json"), version("uk-address-matcher"), duckdb.__version__]
    text = json.dumps([*parts, _MACROS.read_text(encoding="utf-8")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def _prepared(con: duckdb.DuckDBPyConnection, folder: Path, key: str) -> Iterator[Path]:
    """The gazetteer as the matcher prepares it: made where it is not there, kept from others' hands while it is used."""
    from uk_address_matcher import prepare_canonical_folder

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        kept = folder / key
        if not kept.is_dir():
            aside = folder / f"making-{os.getpid()}"
            shutil.rmtree(aside, ignore_errors=True)
            rows = con.execute(
                "SELECT uprn AS unique_id, address AS address_concat, postcode FROM places_entry ORDER BY ALL"
            )
            entries = rows.to_arrow_table()
            with _engine(folder) as own:
                own.execute("CREATE TABLE vestry_entries AS SELECT * FROM entries")
                prepare_canonical_folder(
                    own.table("vestry_entries"),
                    aside,
                    con=own,
                    num_of_chunks=_chunks(entries.num_rows),
                    show_progress="off",
                )
            for old in folder.iterdir():
                if old.is_dir() and old != aside:
                    shutil.rmtree(old, ignore_errors=True)
            aside.rename(kept)
        yield kept


def _match(texts: object, prepared: Path, folder: Path) -> object:
    """The matcher's best for each text, as Arrow."""
    from uk_address_matcher import AddressMatcher, ExactMatchStage, SplinkStage

    with _engine(folder) as own:
        own.execute("CREATE TABLE vestry_texts AS SELECT * FROM texts")
        matcher = AddressMatcher(
            prepared,
            own.table("vestry_texts"),
            con=own,
            # Whether the best is far enough from the next is judged by us, with a reason that a person can read.
            stages=[ExactMatchStage(), SplinkStage(final_distinguishability_threshold=None)],
            cleaning_num_chunks=_chunks(getattr(texts, "num_rows", 0)),
            show_progress="off",
        )
        made = matcher.match().matches(all_columns=True)
        columns = (
            "match_weight, distinguishability"
            if "match_weight" in made.columns
            else "NULL::DOUBLE AS match_weight, NULL::DOUBLE AS distinguishability"
        )
        return own.execute(
            f"""SELECT unique_id::BIGINT AS id, resolved_canonical_id AS uprn, split_part(match_reason, ':', 1) AS reason,
                    match_weight::DOUBLE AS weight, distinguishability::DOUBLE AS apart
                FROM (SELECT unique_id, resolved_canonical_id, match_reason, {columns} FROM ({made.sql_query()}))
                WHERE resolved_canonical_id IS NOT NULL"""
        ).to_arrow_table()


def _chunks(rows: int) -> int:
    return max(1, -(-rows // _CHUNK))


@contextmanager
def _engine(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine of the matcher's own. What it would log may hold addresses: nothing is logged."""
    own = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(folder / "spill"),
        }
    )
    loggers = [logging.getLogger(name) for name in ("uk_address_matcher", "splink")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield own
    finally:
        own.close()
        shutil.rmtree(folder / "spill", ignore_errors=True)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
