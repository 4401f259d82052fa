"""From text to UPRN: the same line, or what the model proposes; and what tells homes apart decides whether that may be.

All is SQL over temporary tables of one connection: `places_due` comes in, `places_judged` goes out.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.mdm.places.matcher import match, prepared
from vestry.mdm.places.model import Thresholds, UprnFile

_MACROS = Path(__file__).with_name("places.sql")
_JUDGE = Path(__file__).with_name("judge.sql")
#: Longer than any address: a note in the wrong field.
LONGEST = 250


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
                     WHEN place_is_none(words) OR words IN (FROM places_none) THEN 'no address' END AS fault
            FROM (SELECT line, address, coalesce(postcode, place_postcode(address)) AS postcode,
                      place_words(address) AS words, given FROM places_due)"""
    )


def prepare_entries(con: duckdb.DuckDBPyConnection, select: str) -> None:
    """Make `places_entry` of a gazetteer's entries (`entries_select`): those that may be matched, ready to compare."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE places_entry AS
            SELECT uprn, address, postcode, paon, street, locality, town, logical_status, words,
                place_marks(words) AS marks, place_is_unit(words) AS is_unit, place_name_words(street) AS street_names,
                CASE WHEN regexp_matches(paon, '[A-Za-z]{{2}}') THEN place_name_words(paon) ELSE [] END
                    AS building_names
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
        with prepared(con, folder, key) as kept:
            found = match(con, texts, kept, folder)
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


def judge(con: duckdb.DuckDBPyConnection, limits: Thresholds) -> None:
    """Make `places_judged` (line, uprn, candidate_uprn, score, matched_by, status, gazetteer_address)."""
    con.execute(_JUDGE.read_text(encoding="utf-8"), limits.model_dump())
