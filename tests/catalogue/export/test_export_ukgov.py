"""The UK cross-government metadata exchange model: its own LinkML, made into a JSON Schema by LinkML's generator.

`linkml` brings a plugin that makes pytest log everything, so it is not among what the tests need: where an environment
of its own has it on the PATH (`gen-json-schema`), or LINKML names that command, these tests run.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from council import Council, vestry
from vestry.catalogue.export import Gap
from vestry.catalogue.export.ukgov import ukgov
from vestry.catalogue.live import Live

GIVEN = Path(os.environ.get("UKGOV_METADATA") or Path(__file__).resolve().parents[4] / "shared/data/ukgov-metadata")
AT = "https://data.testham.example.org"
#: The model imports a list of the organisations on GOV.UK, on which councils are not: these stand for it.
ORGANISATIONS = (
    "ordnance-survey",
    "department-for-work-pensions",
    "food-standards-agency",
    "testham-council",
    "westmarsh-city-council",
)


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    command = os.environ.get("LINKML") or shutil.which("gen-json-schema")
    if not GIVEN.is_dir() or command is None:
        pytest.skip("the model is not here" if command else "LinkML's gen-json-schema is not on the PATH")
    folder = tmp_path_factory.mktemp("model")
    shutil.copy(GIVEN / "model.yaml", folder)
    values = {"OrganisationValues": {"permissible_values": dict.fromkeys(ORGANISATIONS)}}
    orgs = {"id": "https://www.gov.uk/api/organisations", "name": "uk-gov-orgs", "enums": values}
    (folder / "uk-gov-orgs.yaml").write_text(yaml.safe_dump(orgs))
    done = subprocess.run([command, "--closed", "model.yaml"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def faults(schema, record, kind: str) -> list[str]:
    of_kind = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{kind}"}
    return [error.message for error in jsonschema.Draft201909Validator(of_kind).iter_errors(record)]


def kind_of(record) -> str:
    return record["type"].removeprefix("dcat:")


def given(path: Path):
    """A record as it stands; YAML takes what looks like a day for one, where the model means its text."""
    record = yaml.safe_load(path.read_text())
    return {k: v.isoformat() if isinstance(v, datetime.date) else v for k, v in record.items()}


@pytest.mark.parametrize("name", ["ContactPoint", "DataService", "Dataset", "Distribution"])
def test_the_models_valid_records_pass(schema, name):
    (path,) = (GIVEN / "valid").glob(f"{name}-*.yaml")
    assert faults(schema, given(path), name) == []


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("invalid-mediatype-csv", "Distribution", "CSV"),
        ("invalid-type", "Dataset", "dcat:Dataset"),
        ("missing-contact-name", "ContactPoint", "contactName"),
        ("missing-frequency", "Dataset", "updateFrequency"),
    ],
)
def test_the_models_invalid_records_fail(schema, name, kind, why):
    assert any(why in fault for fault in faults(schema, given(GIVEN / "invalid" / f"{name}.yaml"), kind))


def test_our_records_pass_and_fail_without_what_the_model_requires(schema, catalogue):
    records = ukgov(catalogue, [])
    assert {kind_of(record) for record in records} == {"Dataset", "Distribution"}
    for record in records:
        assert faults(schema, record, kind_of(record)) == []
    for field in ("accessRights", "contactPoint", "creator", "description", "identifier", "licence", "modified",
                  "publisher", "securityClassification", "title", "type", "version", "updateFrequency"):  # fmt: skip
        assert faults(schema, {k: v for k, v in records[0].items() if k != field}, "Dataset"), field


def test_what_the_command_writes_passes(schema, made: Council):
    shown = vestry("export", "ukgov", "-C", str(made.root))
    as_json = vestry("export", "ukgov", "-C", str(made.root), "--format", "json")
    assert yaml.safe_load(shown.stdout) == json.loads(as_json.stdout) != []
    for record in yaml.safe_load(shown.stdout):
        assert faults(schema, record, kind_of(record)) == []


def test_a_record_says_what_the_contract_says(catalogue):
    trees, tree = [
        record
        for record in ukgov(catalogue, [])
        if "trees" in record["identifier"] or "trees.tree" in record["identifier"]
    ]
    assert trees["identifier"] == f"{AT}/products/environment/trees" and trees["distribution"] == [tree["identifier"]]
    assert trees["accessRights"] == "OPEN" and trees["updateFrequency"] == "freq:quarterly"
    assert trees["contactPoint"] == {"contactName": "Tree team", "email": "trees@testham.example.org"}
    assert trees["summary"] == "Every tree of the council. For everybody." and trees["publisher"] == "testham-council"
    assert tree["licence"] == trees["licence"] and tree["mediaType"] == "application/vnd.apache.parquet"


def test_a_record_that_would_be_refused_is_left_out_and_said(catalogue):
    found: list[Gap] = []
    records = ukgov(catalogue, found)
    assert not [record for record in records if "walks" in record["identifier"]]
    assert (
        Gap("environment.walks", "no contactPoint.email, which the model requires", "the record is left out") in found
    )


def test_a_council_that_gives_its_own_address_leaves_nothing_out(made: Council, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(made.root, root, ignore=shutil.ignore_patterns(".vestry"))
    (root / "vestry.toml").write_text('[council]\nname = "Testham Council"\ncontact = "data@testham.example.org"\n')
    found: list[Gap] = []
    records = ukgov(Live(root).catalogue(), found)
    walks = next(record for record in records if "walks" in record["identifier"])
    assert walks["contactPoint"]["email"] == "data@testham.example.org" and walks["accessRights"] == "INTERNAL"
    assert walks["licence"] == "DATA_SHARE_AGREEMENT" and walks["updateFrequency"] == "freq:irregular"
    assert "distribution" not in walks and not any("walks.walk" in record["identifier"] for record in records)


@pytest.fixture
def long_winded(made: Council, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(made.root, root, ignore=shutil.ignore_patterns(".vestry"))
    contract = root / "domains/environment/trees/contract.yaml"
    contract.write_text(contract.read_text().replace("Every tree of the council.", "word " * 100))
    (root / "vestry.toml").write_text('[council]\nname = "Testham Council"\ncontact = "data@testham.example.org"\n')
    return Live(root).catalogue()


def test_a_summary_is_one_line_of_250_characters_at_most(long_winded):
    odd = next(record for record in ukgov(long_winded, []) if record["identifier"].endswith("/odd"))
    assert len(odd["description"]) > 100 and "\n" in odd["description"] and "\n" not in odd["summary"]
    long = next(record for record in ukgov(long_winded, []) if record["identifier"].endswith("/trees"))
    assert 200 < len(long["summary"]) <= 250 and long["summary"].endswith("word …")


def test_nothing_of_westmarsh_is_told_before_it_ran_and_it_is_said_why(westmarsh):
    found: list[Gap] = []
    assert ukgov(westmarsh, found) == []
    assert {gap.of for gap in found if gap.what.startswith("no modified")} == set(westmarsh.project.products)
