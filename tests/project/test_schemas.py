"""`vestry schema`: what editors complete the files with."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from vestry.project import VestryError
from vestry.project.schemas import editor_settings, json_schema, kinds, write_schemas

from .conftest import FILES


@pytest.mark.parametrize("kind", kinds())
def test_every_schema_is_valid_by_its_draft(kind: str) -> None:
    schema = json_schema(kind)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("source", "sources/repairs.yaml"),
        ("domain", "domains/housing/domain.yaml"),
        ("contract", "domains/housing/repairs/contract.yaml"),
    ],
)
def test_files_that_load_fit_their_schema(kind: str, file: str) -> None:
    data = yaml.safe_load(FILES[file])
    validator = jsonschema.Draft202012Validator(json_schema(kind))
    assert [e.message for e in validator.iter_errors(data)] == []
    assert list(validator.iter_errors({**data, "unheard_of": 1})) != []


def test_the_contract_schema_names_the_severities() -> None:
    severity = json_schema("contract")["$defs"]["DataQuality"]["properties"]["severity"]
    assert severity["enum"] == ["error", "quarantine", "warn"]


def test_a_description_is_there_for_what_is_not_plain() -> None:
    tables = json_schema("source")["$defs"]["FileTable"]["properties"]
    assert tables["columns"]["description"].startswith("For headers that drift")
    assert tables["files"]["anyOf"][0] == {"type": "string"}


def test_an_unknown_kind_offers_the_nearest() -> None:
    with pytest.raises(VestryError, match=r"there is no schema `contracts`\n  did you mean `contract`\?"):
        json_schema("contracts")
    assert json_schema("vestry.toml") == json_schema("settings")


def test_schemas_are_written_with_the_mapping_for_an_editor(tmp_path: Path) -> None:
    snippet = write_schemas(tmp_path / "schemas")
    assert set(snippet["yaml.schemas"]) <= {str(f) for f in (tmp_path / "schemas").iterdir()}
    assert all(json.loads((tmp_path / "schemas" / f"{kind}.schema.json").read_text()) for kind in kinds())
    assert editor_settings(".vscode/schemas")["yaml.schemas"] == {
        "./.vscode/schemas/source.schema.json": "sources/*.yaml",
        "./.vscode/schemas/domain.schema.json": "domains/*/domain.yaml",
        "./.vscode/schemas/contract.schema.json": "domains/*/*/contract.yaml",
        "./.vscode/schemas/glossary.schema.json": "glossary.yaml",
        "./.vscode/schemas/agreement.schema.json": "agreements/*.yaml",
        "./.vscode/schemas/access.schema.json": "access.yaml",
        "./.vscode/schemas/snapshot.schema.json": "domains/*/*/*.snapshot.yaml",
        "./.vscode/schemas/match.schema.json": "domains/*/*/*.match.yaml",
        "./.vscode/schemas/uprn.schema.json": "domains/*/*/*.uprn.yaml",
    }
