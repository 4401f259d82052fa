"""JSON Schemas of a project's files, so that editors complete and check them as they are written."""

from __future__ import annotations

import copy
import json
from functools import cache, reduce
from importlib.metadata import entry_points
from operator import or_
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, TypeAdapter

from vestry.project.access import AccessFile
from vestry.project.agreement import AgreementFile
from vestry.project.contract import Severity
from vestry.project.errors import VestryError, did_you_mean
from vestry.project.glossary import GlossaryFile
from vestry.project.models import DomainFile, Settings, SnapshotFile
from vestry.project.processing import Processing
from vestry.project.source import connector_models

DRAFT = "https://json-schema.org/draft/2020-12/schema"
#: Each kind of file that this package reads: what it is, and where such files stand.
_KINDS = {
    "settings": ("The settings of a council project", "vestry.toml"),
    "source": ("A source: a system of record, and how to reach it", "sources/*.yaml"),
    "domain": ("A domain: a business area that owns its data", "domains/*/domain.yaml"),
    "contract": ("A contract, by the Open Data Contract Standard", "domains/*/*/contract.yaml"),
    "glossary": ("The glossary: business terms, and the columns that carry them", "glossary.yaml"),
    "agreement": ("A data sharing agreement: who reads what, for which purpose", "agreements/*.yaml"),
    "access": ("Access: which group has which roles, and for which domains", "access.yaml"),
    "snapshot": ("A snapshot: the current state of a feed of changes", "domains/*/*/*.snapshot.yaml"),
}


@cache
def _builders() -> dict[str, type[BaseModel]]:
    """The models of recipes that builders read: `match` of `<table>.match.yaml`."""
    entries = entry_points(group="vestry.builders")
    found = {entry.name.removesuffix(".yaml"): getattr(entry.load(), "model", None) for entry in entries}
    return {kind: model for kind, model in sorted(found.items()) if model is not None}


def kinds() -> dict[str, tuple[str, str]]:
    """Each kind of file: what it is, and where such files stand."""
    recipes = {
        kind: ((model.__doc__ or kind).splitlines()[0].rstrip("."), f"domains/*/*/*.{kind}.yaml")
        for kind, model in _builders().items()
    }
    return {**_KINDS, **recipes}


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one kind of file: see `kinds`.

    Raises VestryError that offers the nearest kind.
    """
    kind = "settings" if kind == "vestry.toml" else kind
    known = kinds()
    if kind not in known:
        raise VestryError(f"there is no schema `{kind}`", mend=did_you_mean(kind, known))
    schema = _contract() if kind == "contract" else _of_model(kind)
    return {"$schema": DRAFT, **schema, "title": known[kind][0]}


def write_schemas(folder: Path) -> dict[str, Any]:
    """Write the schema of every kind into a folder; what is returned goes into `.vscode/settings.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in kinds():
        text = json.dumps(json_schema(kind), indent=2, ensure_ascii=False)
        (folder / f"{kind}.schema.json").write_text(f"{text}\n", encoding="utf-8")
    return editor_settings(folder.as_posix())


def editor_settings(folder: str) -> dict[str, Any]:
    """What to put in `.vscode/settings.json`; `folder` is that of the schemas, as seen from the project."""
    folder = folder if folder.startswith(("/", "./", "../")) else f"./{folder}"
    mapping = {
        f"{folder}/{kind}.schema.json": places for kind, (_, places) in kinds().items() if places.endswith(".yaml")
    }
    return {
        "yaml.schemas": mapping,
        "evenBetterToml.schema.associations": {r".*/vestry\.toml$": f"{folder}/settings.schema.json"},
    }


def _of_model(kind: str) -> dict[str, Any]:
    if kind == "source":
        union: Any = reduce(or_, connector_models().values())
        return TypeAdapter(Annotated[union, Field(discriminator="connector")]).json_schema()
    models: dict[str, type[BaseModel]] = {
        "settings": Settings,
        "domain": DomainFile,
        "glossary": GlossaryFile,
        "agreement": AgreementFile,
        "access": AccessFile,
        "snapshot": SnapshotFile,
    }
    return {**models, **_builders()}[kind].model_json_schema()


def _contract() -> dict[str, Any]:
    """The standard's own schema, with the severities and the custom properties that Vestry acts on."""
    from vestry.project.odcs import contract_schema  # jsonschema takes 0.1 s to import

    schema = copy.deepcopy(contract_schema())
    schema.pop("$schema", None)
    schema["required"] = sorted({*schema["required"], "status"})
    severity = schema["$defs"]["DataQuality"]["properties"]["severity"]
    severity["enum"] = list(get_args(Severity))
    severity["default"] = "error"
    severity["description"] = (
        "What happens when the rule is broken. error: the table is not published, and its last version stays in "
        "service. quarantine: the rows that break it go to <table>__quarantine. warn: it is told."
    )
    severity.pop("examples", None)
    custom = schema["$defs"]["CustomProperty"]
    properties = Processing.model_json_schema()["properties"]
    custom["properties"]["property"]["examples"] = ["layer", "schedule", *properties]
    custom["allOf"] = [
        {
            "if": {"properties": {"property": {"const": name}}},
            "then": {"properties": {"value": {key: said[key] for key in said if key not in ("default", "title")}}},
        }
        for name, said in properties.items()
    ]
    return schema
