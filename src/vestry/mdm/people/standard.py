"""From the rows of the council's tables to standard records: one for each, with what it is compared and found by.

Two tables come of it. `seen` holds what the sources say now, cheap to make for all; `standard` is made only of the
records that are new or changed.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb

from vestry.mdm.people.model import ATTRIBUTES, Homes, MatchFile, PeopleTable, Protected
from vestry.project import literal

#: A telephone, email or identifier that more records share than this fills a box and tells nobody apart.
SHARED_BY_MANY = 30
#: A home that more records name than this is a care home or a hostel: to live there is little evidence.
HOME_OF_MANY = 40
#: Records that share a key of a blocking rule with more others than this are left to the other rules.
BLOCK_OF_MANY = 100

#: Raised when records are standardised, found or compared in another way: then the index learns anew.
VERSION = 5

#: The columns that records are compared by, as `comparable` gives them.
COMPARED = (
    "given", "whole", "single", "middle", "family", "words", "parts", "forms", "family_forms",
    "given_sound", "family_sound", "born", "is_child", "is_adult", "sex", "nhs", "ni", "upn", "other",
    "uprn", "line", "numbers", "street", "postcode", "homes", "telephone", "email", "apart",
)  # fmt: skip
#: The columns of which a value that many share is forgotten.
LIMITED = ("telephone", "email", "nhs", "ni", "upn", "other")

#: The columns that two records must share to be compared, by name.
BLOCKING: dict[str, list[str]] = {
    "nhs": ["nhs"],
    "ni": ["ni"],
    "upn": ["upn"],
    "other": ["other"],
    # Two of its characters may have been exchanged.
    "other_postcode": ["postcode", "list_sort(string_split(other, ''))"],
    "born_family": ["born", "left(family_sound, 3)"],
    "born_given": ["born", "left(given_sound, 2)"],
    "born_postcode": ["born", "postcode"],
    "born_exchanged": [
        "left(born, 4)",
        "least(substr(born, 6, 2), right(born, 2))",
        "greatest(substr(born, 6, 2), right(born, 2))",
        "least(given_sound, family_sound)",
        "greatest(given_sound, family_sound)",
    ],
    "names_year": ["given_sound", "family_sound", "left(born, 4)"],
    "names_day": ["given_sound", "family_sound", "right(born, 5)"],
    "names_place": [
        "least(given_sound, family_sound)",
        "greatest(given_sound, family_sound)",
        "split_part(postcode, ' ', 1)",
    ],
    "names": ["least(given, family)", "greatest(given, family)"],
    "names_home": ["least(whole_sound, family_sound)", "greatest(whole_sound, family_sound)", "home"],
    "names_postcode": ["postcode", "given_sound", "left(family_sound, 1)"],
    "family_postcode": ["postcode", "family_sound", "left(given_sound, 1)"],
    "home": ["home"],
    "telephone": ["telephone", "left(given, 1)"],
    "email": ["email"],
}
#: The rule by homes: any of a record's homes, and the first sound of the forename.
HOME_RULE = "home_given"


def prepare(con: duckdb.DuckDBPyConnection, spec: MatchFile) -> None:
    """Let the connection know the functions and the short forms that standardising uses."""
    con.execute(Path(__file__).with_name("standard.sql").read_text(encoding="utf-8"))
    file = Path(__file__).with_name("short_forms.csv")
    own = [(full.upper(), " ".join(short).upper()) for full, short in spec.short_forms.items()]
    con.execute("CREATE OR REPLACE TEMP TABLE mdm_short (full_name VARCHAR, short VARCHAR)")
    con.execute(
        f"INSERT INTO mdm_short SELECT * FROM read_csv({literal(str(file))}, header = true, all_varchar = true)"
    )
    if own:
        con.executemany("INSERT INTO mdm_short VALUES (?, ?)", own)
    con.execute(
        """CREATE OR REPLACE TEMP TABLE mdm_forms AS
           SELECT name, list_sort(list(DISTINCT full_name)) AS forms FROM (
               SELECT unnest(string_split(short, ' ')) AS name, full_name FROM mdm_short
               UNION ALL SELECT full_name, full_name FROM mdm_short
           ) GROUP BY name"""
    )


def select_of(people: PeopleTable, purpose: str | None) -> str:
    """SQL of one table's rows as the index sees them.

    `hidden` is true of records whose person must not be told of, `guarded` of those that a purpose opens: they are
    told of, and linked with nobody.
    """
    columns = ", ".join(
        f"try_cast({people.columns[name]} AS {kind}) AS {name}"
        if kind == "DATE" and name != "date_of_birth"
        else f"CAST({people.columns[name]} AS VARCHAR) AS {name}"
        for name, kind in ATTRIBUTES.items()
        if name in people.columns
    )
    key = f"CAST({people.key} AS VARCHAR)"
    conditions = [f"({people.where})"] if people.where else []
    hidden = people.hidden(purpose)
    is_hidden = "false"
    if hidden:
        # One row that says so is enough, whichever of a record's rows it is.
        flagged = f"SELECT {key} FROM {people.table} WHERE coalesce({hidden}, false) AND {key} IS NOT NULL"
        is_hidden = f"{key} IN ({flagged})"
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    opened = isinstance(people.protected, Protected) and hidden is None
    guarded = f"coalesce({people.protected.when}, false)" if opened else "false"  # type: ignore[union-attr]
    return (
        f"SELECT {literal(people.table)} AS source, {key} AS record_id, {columns}, "
        f"CAST({people.apart or 'NULL'} AS VARCHAR) AS apart, "
        f"coalesce(({people.adult or False}), false) AS adult, {guarded} AS guarded, "
        f"{is_hidden} AS hidden FROM {people.table}{where}"
    )


def homes_of(homes: Homes) -> str:
    """SQL of the further homes that records name."""
    columns = ", ".join(
        f"CAST({homes.columns.get(n, 'NULL')} AS VARCHAR) AS {n}" for n in ("uprn", "address", "postcode")
    )
    return (
        f"SELECT CAST({homes.source} AS VARCHAR) AS source, CAST({homes.record} AS VARCHAR) AS record_id, "
        f"{columns} FROM {homes.table}"
    )


def comparable(relation: str, where: str = "true") -> str:
    """SQL of the standard records (those of a condition) that may be linked, with what they are compared and found by.

    Who is a child is told when it is asked, for children grow up.
    """
    columns = ", ".join(c for c in ("uid", "first", "home", *COMPARED) if c not in ("is_child", "is_adult"))
    return (
        f"(SELECT {columns}, COLUMNS('k_.*'), date_of_birth > current_date - INTERVAL 17 YEAR AS is_child, "
        "adult OR coalesce(date_of_birth <= current_date - INTERVAL 18 YEAR, false) AS is_adult "
        f"FROM {relation} WHERE NOT gone AND NOT guarded AND {where})"
    )


def see(con: duckdb.DuckDBPyConnection, spec: MatchFile) -> None:
    """Make `mdm_seen` and `mdm_homes` (views of all rows), and `mdm_content`: a number for what each record says.

    Records stand in it by their `record_key`.
    """
    nulls = ", ".join(f"NULL::{'DATE' if n.startswith('valid') else 'VARCHAR'} AS {n}" for n in ATTRIBUTES)
    shape = f"SELECT NULL::VARCHAR AS source, NULL::VARCHAR AS record_id, {nulls} WHERE false"
    rows = " UNION ALL BY NAME ".join([shape, *(select_of(p, spec.purpose) for p in spec.people)])
    con.execute(f"CREATE OR REPLACE TEMP VIEW mdm_seen AS {rows}")
    homes = [homes_of(h) for h in spec.homes]
    empty = ", ".join(f"NULL::VARCHAR AS {n}" for n in ("source", "record_id", "uprn", "address", "postcode"))
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW mdm_homes AS {' UNION ALL '.join([f'SELECT {empty} WHERE false', *homes])}"
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE mdm_content AS
           SELECT key,
               -- Of one row, as most records are, without the slow arithmetic of 128 bits.
               CASE WHEN count(*) = 1 THEN min(content) % 4611686018427387847
                   ELSE (sum(content) % 4611686018427387847)::BIGINT END AS content
           FROM (
               SELECT record_key(source, record_id) AS key, (hash(s) >> 2)::BIGINT AS content FROM mdm_seen AS s
               WHERE record_id IS NOT NULL
               UNION ALL
               SELECT record_key(source, record_id), (hash(h) >> 2)::BIGINT FROM mdm_homes AS h
               SEMI JOIN mdm_seen USING (source, record_id)
           ) GROUP BY key"""
    )


def standardise(con: duckdb.DuckDBPyConnection, spec: MatchFile, before: str | None) -> None:
    """Make `mdm_standard`, a view of `mdm_rows` and `mdm_keyed`: the records of `mdm_changed`, ready to be compared.

    `before` is a relation of the standard records that stay, or None where there are none: what so many records
    share that it says nothing is counted over both, and kept in `mdm_common` (what it is, a number of its value).
    Of the records before, only those that share something with a changed one are counted, and kept for `meet`.
    """
    known = ", ".join(literal(w.upper()) for w in spec.not_names) or "''"
    con.execute(_CHANGED)
    con.execute(_TOLD)
    con.execute(_NAMES.format(known=known))
    con.execute(_ADDRESSES)
    con.execute(_ROWS)
    con.execute(_HOMES)
    con.execute("DROP VIEW mdm_told")
    for name in ("several", "changed_rows", "changed_homes", "names", "addresses"):
        con.execute(f"DROP TABLE mdm_{name}")
    if before:
        _sharing(con, before, "mdm_rows", LIMITED, "mdm_alike")
        near_homes(con, before, "mdm_homes_of")
    _count_common(con, before and "mdm_alike", LIMITED, SHARED_BY_MANY, "mdm_rows")
    _count_common(con, before and "mdm_before_homes", ["home"], HOME_OF_MANY, "mdm_homes_of")
    limited = _without_common(con, LIMITED)
    rules = blocking_of(spec)
    keys = ", ".join(
        f"CASE WHEN {' AND '.join(f'({c}) IS NOT NULL' for c in columns)} "
        f"THEN (hash({literal(name)}, {', '.join(columns)}) >> 33)::INTEGER END AS k_{name}"
        for name, columns in rules.items()
    )
    con.execute(_KEYED.format(limited=limited, keys=keys))
    con.execute("DROP TABLE mdm_homes_of")
    if before:
        near(con, before, "mdm_keyed", spec)
    _count_common(con, before and "mdm_before", _keys(spec), BLOCK_OF_MANY, "mdm_keyed")
    kept = _without_common(con, _keys(spec))
    con.execute(
        "CREATE OR REPLACE TEMP VIEW mdm_standard AS SELECT r.*, k.* EXCLUDE (uid) "
        f"FROM (SELECT *{limited} FROM mdm_rows) AS r JOIN (SELECT *{kept} FROM mdm_keyed) AS k USING (uid)"
    )


def near(con: duckdb.DuckDBPyConnection, before: str, fresh: str, spec: MatchFile) -> None:
    """Make `mdm_before` (uid, the keys of the blocking rules): records before that share a key with a `fresh` one."""
    _sharing(con, before, fresh, _keys(spec), "mdm_before")


def near_homes(con: duckdb.DuckDBPyConnection, before: str, homes: str) -> None:
    """Make `mdm_before_homes` (uid, first, home): those homes of records before that are in `homes` (home)."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE mdm_before_homes AS "
        f"SELECT * FROM (SELECT uid, first, unnest(homes) AS home FROM {before}) "
        f"WHERE home IN (SELECT home FROM {homes})"
    )


def _keys(spec: MatchFile) -> list[str]:
    return [f"k_{name}" for name in blocking_of(spec)]


def _sharing(con: duckdb.DuckDBPyConnection, before: str, fresh: str, columns: Collection[str], into: str) -> None:
    """Make the table `into`: of the records before, those that share a value of one of the columns with a fresh one."""
    shared = " OR ".join(f"{c} IN (SELECT {c} FROM {fresh} WHERE {c} IS NOT NULL)" for c in columns)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT uid, {', '.join(columns)} FROM {before} WHERE {shared}")


def _without_common(con: duckdb.DuckDBPyConnection, columns: Collection[str]) -> str:
    """SQL that replaces what is in `mdm_common` by NULL, in those columns that hold any of it."""
    held = {name for (name,) in con.execute("SELECT DISTINCT name FROM mdm_common").fetchall()}
    kept = ", ".join(
        f"CASE WHEN hash({c}) NOT IN (SELECT value FROM mdm_common WHERE name = '{c}') THEN {c} END AS {c}"
        for c in columns
        if c in held
    )
    return f" REPLACE ({kept})" if kept else ""


def blocking_of(spec: MatchFile) -> dict[str, list[str]]:
    """The blocking rules: Vestry's with the file's."""
    rules = {**BLOCKING, **spec.blocking}
    return {name: columns for name, columns in rules.items() if columns and name != HOME_RULE}


def _count_common(
    con: duckdb.DuckDBPyConnection, before: str | None, columns: Collection[str], limit: int, rows: str
) -> None:
    """Add to `mdm_common` the values of the rows' columns that, with those before, more than `limit` records share."""
    for name in columns:
        new = f"SELECT {name} AS v, count(*) AS n FROM {rows} WHERE v IS NOT NULL GROUP BY v"
        if before:
            counted = (
                f"WITH new AS ({new}), old AS (SELECT {name} AS v, count(*) AS n FROM {before} "
                "WHERE v IN (SELECT v FROM new) GROUP BY v) "
                "SELECT v, new.n + coalesce(old.n, 0) AS n FROM new LEFT JOIN old USING (v)"
            )
        else:
            counted = new
        con.execute(
            f"INSERT INTO mdm_common SELECT {literal(name)}, hash(v) FROM ({counted}) WHERE n > {limit} "
            f"AND hash(v) NOT IN (SELECT value FROM mdm_common WHERE name = {literal(name)})"
        )


#: All rows of the records that changed, and all homes that are told of them.
_CHANGED = """
CREATE OR REPLACE TEMP TABLE mdm_changed_rows AS
SELECT record_number(source, record_id) AS uid, c.content, uprn(s.uprn) AS place, postcode_key(s.postcode) AS code, s.*
FROM mdm_seen AS s JOIN mdm_changed AS c ON c.key = record_key(source, record_id)
WHERE record_id IS NOT NULL;
CREATE OR REPLACE TEMP TABLE mdm_changed_homes AS
SELECT record_number(source, record_id) AS uid, uprn(h.uprn) AS place, postcode_key(h.postcode) AS code, h.address
FROM mdm_homes AS h
WHERE record_id IS NOT NULL AND record_key(source, record_id) IN (SELECT key FROM mdm_changed)
"""

#: The last of a record's rows; that others come before it is the exception.
_TOLD = """
CREATE OR REPLACE TEMP TABLE mdm_several AS
SELECT * FROM mdm_changed_rows
SEMI JOIN (SELECT uid FROM mdm_changed_rows GROUP BY uid HAVING count(*) > 1) USING (uid)
QUALIFY row_number() OVER (
    PARTITION BY uid
    ORDER BY coalesce(valid_from, valid_to) DESC NULLS LAST, valid_to DESC NULLS LAST, forename, address
) = 1;
CREATE OR REPLACE TEMP VIEW mdm_told AS
SELECT * FROM mdm_changed_rows ANTI JOIN mdm_several USING (uid) UNION ALL FROM mdm_several
"""

#: Names and addresses are standardised once for all records that share them.
_NAMES = """
CREATE OR REPLACE TEMP TABLE mdm_names AS
SELECT
    n.*, tidy(n.name) AS tidied, name_sound(n.first) AS first_sound, name_sound(n.whole) AS whole_sound,
    title_sex(n.name) AS sex, coalesce(firsts.forms, [n.first]) AS first_forms,
    coalesce(wholes.forms, [n.whole]) AS whole_forms
FROM (
    SELECT name, words, words[1] AS first, nullif(array_to_string(words, ''), '') AS whole FROM (
        SELECT name, list_filter(name_words(name), lambda w: w NOT IN ({known})) AS words FROM (
            SELECT forename AS name FROM mdm_told UNION SELECT middle_names FROM mdm_told
            UNION SELECT surname FROM mdm_told
        ) WHERE name IS NOT NULL
    )
) AS n
LEFT JOIN mdm_forms AS firsts ON firsts.name = n.first
LEFT JOIN mdm_forms AS wholes ON wholes.name = n.whole
"""
_ADDRESSES = """
CREATE OR REPLACE TEMP TABLE mdm_addresses AS
SELECT
    address, tidied, line,
    -- A flat that is named by its floor has no number of its own.
    CASE WHEN address_numbers(line) IS NOT NULL THEN trim(
        regexp_extract(line, '\\b(BASEMENT|GROUND|FIRST|SECOND|THIRD|FOURTH|TOP|UPPER|LOWER|REAR|FRONT)\\b')
        || ' ' || address_numbers(line)
    ) END AS numbers,
    nullif(trim(regexp_replace(line, '\\b\\w*\\d\\w*\\b', '', 'g')), '') AS street
FROM (
    SELECT address, tidy(address) AS tidied, address_key(address) AS line FROM (
        SELECT address FROM mdm_changed_rows UNION SELECT address FROM mdm_changed_homes
    ) WHERE address IS NOT NULL
)
"""

#: A record with everything standardised that is of one row.
_ROWS = """
CREATE OR REPLACE TEMP TABLE mdm_rows AS
WITH words AS (
    SELECT
        t.*, coalesce(g.words, []) AS g, coalesce(m.words, []) AS m, coalesce(f.words, []) AS f,
        g.whole, g.whole_sound, g.sex AS told_sex, f.whole AS family, f.whole_sound AS family_sound,
        f.whole_forms AS family_forms,
        g.tidied AS tidy_forename, m.tidied AS tidy_middle_names, f.tidied AS tidy_surname, a.tidied AS tidy_address,
        -- Who has one name has it in both boxes, or in one of them.
        coalesce(g.whole, '') = coalesce(f.whole, '') AS single,
        CASE WHEN NOT single THEN g.first END AS given, CASE WHEN NOT single THEN g.first_sound END AS given_sound,
        CASE WHEN NOT single THEN g.first_forms END AS forms,
        birth_key(t.date_of_birth) AS day, a.line, a.numbers, a.street
    FROM mdm_told AS t
    LEFT JOIN mdm_names AS g ON g.name = t.forename
    LEFT JOIN mdm_names AS m ON m.name = t.middle_names
    LEFT JOIN mdm_names AS f ON f.name = t.surname
    LEFT JOIN mdm_addresses AS a ON a.address = t.address
),
named AS (
    SELECT
        *, nullif(array_to_string(list_concat(g[2:], m), ' '), '') AS middle,
        CASE WHEN len(g) > 0 AND len(f) > 0
            THEN array_to_string(list_sort(list_concat(list_concat(g, m), f)), ' ') END AS words,
        list_filter(f, lambda w: length(w) > 2) AS parts, coalesce(place, code || numbers) AS lives
    FROM words
)
SELECT
    uid, source, record_id, content,
    tidy(title) AS title, tidy_forename AS forename, tidy_middle_names AS middle_names, tidy_surname AS surname,
    day AS date_of_birth, nhs_number, ni_number, upn AS upn_told, tidy(other_id) AS other_id, place AS uprn,
    tidy_address AS address, code AS postcode, tidy(telephone) AS telephone_told, email AS email_told,
    valid_from, valid_to, guarded, hidden,
    given, whole, single, middle, family, words, parts, forms, family_forms,
    given_sound, whole_sound, family_sound, left(given_sound, 1) AS first,
    CAST(day AS VARCHAR) AS born,
    adult,
    coalesce(sex_key(sex), title_sex(title), told_sex) AS sex,
    nhs_number(nhs_number) AS nhs, ni_key(ni_number) AS ni, upn(upn) AS upn,
    nullif(regexp_replace(upper(other_id), '[^A-Z0-9]', '', 'g'), '') AS other,
    line, numbers, street,
    telephone_key(telephone) AS telephone, email_key(email) AS email,
    CASE WHEN lives IS NOT NULL THEN (hash(lives) >> 1)::BIGINT END AS home,
    CASE WHEN apart IS NOT NULL THEN (hash(apart) >> 1)::BIGINT END AS apart
FROM named
"""

#: Numbers of all homes that a record names, now or before: by UPRN, by address, by postcode and house number.
_HOMES = """
CREATE OR REPLACE TEMP TABLE mdm_homes_of AS
WITH told AS (
    SELECT uid, place, code, address, uid IN (SELECT uid FROM mdm_several UNION SELECT uid FROM mdm_changed_homes)
        AS again FROM mdm_changed_rows
    UNION ALL SELECT uid, place, code, address, true FROM mdm_changed_homes
),
named AS (
    SELECT t.uid, t.again, unnest([
        CASE WHEN t.place IS NOT NULL THEN hash('uprn', t.place) END,
        CASE WHEN a.numbers IS NOT NULL THEN hash('line', a.line) END,
        CASE WHEN t.code IS NOT NULL AND a.numbers IS NOT NULL THEN hash('post', t.code, a.numbers) END
    ]) AS home
    FROM told AS t LEFT JOIN mdm_addresses AS a ON a.address = t.address
),
keys AS (
    SELECT uid, home FROM named WHERE home IS NOT NULL AND NOT again
    UNION ALL SELECT DISTINCT uid, home FROM named WHERE home IS NOT NULL AND again
)
SELECT uid, (home >> 1)::BIGINT AS home FROM keys
"""

#: The homes of the records and their keys of the blocking rules, without what many share.
_KEYED = """
CREATE OR REPLACE TEMP TABLE mdm_keyed AS
WITH homes AS (
    SELECT uid, list(home) AS homes FROM mdm_homes_of
    WHERE hash(home) NOT IN (SELECT value FROM mdm_common WHERE name = 'home') GROUP BY uid
),
limited AS (SELECT *{limited} FROM mdm_rows)
SELECT r.uid, h.homes, {keys} FROM limited AS r LEFT JOIN homes AS h USING (uid)
"""
