"""The page of a project's files: every key, from the schemas that editors use too."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from vestry.project import contract, processing
from vestry.project.schemas import json_schema, kinds

Schema = Mapping[str, Any]

_HEAD = """# Files of a project

A project is a folder of plain text. `vestry schema KIND` prints these same facts as JSON Schema, so that an editor
completes keys and shows faults while you write; `vestry schema --write .vestry/schemas` writes them all, and says what
to put in the editor's settings. A key that is not known is a fault, and `vestry check` offers the nearest one.

| file | kind | holds |
| --- | --- | --- |
"""
_CONTRACT = """The whole file is held against the standard's own schema
([Open Data Contract Standard v3.1](https://bitol-io.github.io/open-data-contract-standard/v3.1.0/)), so every key of
the standard may be used. These are the ones that Vestry acts on. Besides what the standard says of them:

- A column whose `classification` is {personal} is personal: its values are kept out of statistics, messages and logs.
- A column is stored as its `physicalType`, a type of DuckDB such as `DECIMAL(18,2)`; without one, by its
  `logicalType`: {types}.
- `customProperties` may hold `layer`: `gold` for what is ready to report. Without it a product is silver.
"""
_REGISTER = """### What the register needs: `customProperties`

`vestry register` makes the information asset register and the record of Article 30 of the UK GDPR from contracts, and
lists what they lack. Purpose, usage and limitations stand in `description`; owner and steward in `team`, or in the
domain; how long the data are kept is the service level `retention`. The rest are custom properties:

```yaml
slaProperties:
  - {property: retention, value: 6, unit: y, description: after the tenancy ends}
customProperties:
  - {property: lawfulBasis, value: public task}
  - {property: law, value: "Housing Act 1985, Part 4"}
  - {property: categoriesOfPeople, value: [tenants, members of their households]}
  - {property: recipients, value: [housing officers, repairs contractors]}
  - {property: security, value: [role-based access, encryption at rest]}
  - {property: dpia, value: DPIA-2026-014}
  - {property: reviewed, value: 2026-09-01}
```
"""
#: Contract models of ours, with the standard's name for that part in its schema.
_PARTS: tuple[tuple[str, type[BaseModel], str], ...] = (
    ("The contract", contract.Contract, ""),
    ("A table: an entry of `schema`", contract.Table, "SchemaObject"),
    ("A column: an entry of a table's `properties`", contract.Column, "SchemaProperty"),
    ("A quality rule: an entry of `quality`, of a table or a column", contract.Rule, "DataQuality"),
    ("A service level: an entry of `slaProperties`", contract.ServiceLevel, "ServiceLevelAgreementProperty"),
    ("A custom property: an entry of `customProperties`", contract.CustomProperty, "CustomProperty"),
)


def page() -> str:
    """One section for each kind of file."""
    rows = [f"| `{place}` | `{kind}` | {title} |" for kind, (title, place) in kinds().items()]
    parts = [_HEAD + "\n".join(rows) + "\n"]
    for kind, (title, place) in kinds().items():
        parts.append(f"## `{place}`\n\n{title}.\n")
        parts += [_ours(), *_contract()] if kind == "contract" else list(_file(json_schema(kind)))
    return "\n".join([*parts, *_recipes()])


def _ours() -> str:
    personal = [f"`{one}`" for one in sorted(contract.PERSONAL)]
    types = [f"`{logical}` is {physical}" for logical, physical in contract.DUCKDB_TYPES.items()]
    return _CONTRACT.format(personal=f"{', '.join(personal[:-1])} or {personal[-1]}", types=", ".join(types))


def _recipes() -> Iterator[str]:
    """How tables are made: what each builder that is installed says of itself."""
    yield "## Recipes: `domains/*/*/<table>.*`\n\nA table of a contract is made by the one file that has its name.\n"
    for entry in sorted(entry_points(group="vestry.builders"), key=lambda e: e.name):
        said = inspect.getdoc(entry.load()) or ""
        yield f"- {' '.join(said.split())}"


def _file(schema: Schema) -> Iterator[str]:
    """The keys at the top, then those of each part below it; each shape of file where there are several."""
    parts: Mapping[str, Schema] = schema.get("$defs", {})
    tops = [parts[_named(one)] for one in schema["oneOf"]] if "oneOf" in schema else [schema]
    for top in tops:
        if "oneOf" in schema:
            word = top["properties"]["connector"]["const"]
            yield f"### `connector: {word}`\n\n{_said(top)}\n"
        yield _keys(top, parts)
        for place, part in _below(top, parts, ()):
            yield f"Under `{place}`: {_said(part)}\n"
            yield _keys(part, parts)


def _below(schema: Schema, parts: Mapping[str, Schema], path: tuple[str, ...]) -> Iterator[tuple[str, Schema]]:
    for key, value in schema.get("properties", {}).items():
        for suffix, inner in (("", value), ("<name>", value.get("additionalProperties"))):
            options = inner.get("anyOf", [inner]) if isinstance(inner, dict) else []
            for name in filter(None, map(_named, options)):
                place = (*path, key, suffix) if suffix else (*path, key)
                yield ".".join(place), parts[name]
                yield from _below(parts[name], parts, place)


def _named(value: Any) -> str:
    """The part that a `$ref` leads to, or nothing."""
    return str(value["$ref"]).rsplit("/", 1)[-1] if isinstance(value, dict) and "$ref" in value else ""


def _said(schema: Schema) -> str:
    """The description, as Markdown has it in a table: what is not code may look like no tag."""
    text = " ".join(str(schema.get("description", "")).split()).replace("|", "\\|")
    return "`".join(part if place % 2 else part.replace("<", "&lt;") for place, part in enumerate(text.split("`")))


def _keys(schema: Schema, parts: Mapping[str, Schema]) -> str:
    required = set(schema.get("required", ()))
    rows = ["| key | type | default | |", "| --- | --- | --- | --- |"]
    for key, value in schema.get("properties", {}).items():
        default = "required" if key in required else _default(value)
        rows.append(f"| `{key}` | {_type(value)} | {default} | {_said(value)} |")
    return "\n".join(rows) + "\n"


def _default(value: Schema) -> str:
    default = value.get("default")
    return "" if default in (None, [], {}) else f"`{json.dumps(default, ensure_ascii=False)}`"


def _type(value: Schema) -> str:
    """A type in words."""
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"])
    if "anyOf" in value:
        words = [_type(one) for one in value["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    if _named(value):
        return "keys"
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}))}"
    if value.get("type") == "object":
        inner = value.get("additionalProperties")
        return f"name: {_type(inner)}" if isinstance(inner, dict) and inner else "keys"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return words.get(str(value.get("type")), "any")


def _contract() -> Iterator[str]:
    standard = json_schema("contract")
    for title, model, name in _PARTS:
        part = standard["$defs"][name] if name else standard
        said: dict[str, Schema] = {}
        for key, value in _properties(part, standard):
            said.setdefault(key, value)
        rows = ["| key | type | default | |", "| --- | --- | --- | --- |"]
        for field, info in model.model_fields.items():
            key = info.alias or field
            rows.append(f"| `{key}` | {_of(info)} | {_unless(info)} | {_first(said.get(key, {}), standard)} |")
        yield f"### {title}\n\n" + "\n".join(rows) + "\n"
    yield _REGISTER
    yield _keys(processing.Processing.model_json_schema(), {})


def _properties(part: Schema, standard: Schema) -> Iterator[tuple[str, Schema]]:
    """The keys of a part of the standard in all its branches."""
    yield from part.get("properties", {}).items()
    branches = [branch for word in ("allOf", "anyOf", "oneOf") for branch in part.get(word, ())]
    if "then" in part:
        branches.append(part["then"])
    if name := _named(part):
        branches.append(standard["$defs"][name])
    for branch in branches:
        yield from _properties(branch, standard)


def _first(value: Schema, standard: Schema) -> str:
    """What the standard says of a key."""
    said = _said(value)
    if not said and (name := _named(value)):
        said = _said(standard["$defs"].get(name, {}))
    return said


def _of(info: FieldInfo) -> str:
    schema = _type_of(info.annotation)
    return schema or "any"


def _type_of(annotation: Any) -> str:
    """A Python type in words."""
    plain = {str: "text", bool: "true or false", int: "whole number", float: "number"}
    if annotation in plain:
        return plain[annotation]
    inner = [a for a in get_args(annotation) if a not in (type(None), ...)]
    if inner and all(isinstance(a, str) for a in inner):
        return ", ".join(f"`{a}`" for a in inner)
    name = str(annotation)
    if name.startswith("tuple[float"):
        return "two numbers"
    if name.startswith("tuple"):
        return "list"
    if name.startswith("dict"):
        return "keys"
    return " or ".join(filter(None, map(_type_of, inner)))


def _unless(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    default = info.get_default(call_default_factory=True)
    return "" if default in (None, (), {}, -1) or isinstance(default, BaseModel) else f"`{json.dumps(default)}`"
