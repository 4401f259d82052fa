"""The whole of a contract, held against the JSON Schema of the Open Data Contract Standard.

The schema is the standard's own, from the package `open-data-contract-standard` (its pydantic model
is not imported: that takes half a second). What the validator says is turned into words and lines.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft201909Validator, ValidationError
from jsonschema.exceptions import by_relevance
from jsonschema.validators import extend

from vestry.project.errors import Fault, VestryError, did_you_mean, listed
from vestry.project.validation import in_words
from vestry.project.yamlfile import YamlFile

_TYPES = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "`key: value` lines",
    "null": "empty",
}
#: What the standard's patterns mean, by the key that has to match them.
_FORMS = {
    "to": "write table.column; of another product domain.product.table.column",
    "from": "write table.column",
    "id": "write letters, digits, - and _ only",
}


@cache
def contract_schema() -> dict[str, Any]:
    """The standard's JSON Schema. Raises VestryError where its package is not installed."""
    found = importlib.util.find_spec("open_data_contract_standard")
    for folder in (found.submodule_search_locations or []) if found else []:
        file = Path(folder) / "schema.json"
        if file.is_file():
            schema: dict[str, Any] = json.loads(file.read_bytes())
            return schema
    raise VestryError("the contract standard's schema is missing", mend="pip install open-data-contract-standard")


def contract_faults(document: YamlFile) -> list[Fault]:
    """Every way in which a contract is not as the standard says."""
    faults = dict.fromkeys(
        fault for error in _validator().iter_errors(document.data) for fault in _faults_of(error, document)
    )
    return sorted(faults)


@cache
def _validator() -> Any:
    # Our keyword looks at all branches of a schema for known keys. The draft's own counts every key of a
    # branch that fails for another reason as unknown too, and costs most of the time.
    keywords = {"unevaluatedProperties": _unknown_keys, "additionalProperties": _unknown_keys, "if": _if_it_says_so}
    validator: Any = extend(Draft201909Validator, keywords)  # type: ignore[no-untyped-call]
    return validator(contract_schema())


def _unknown_keys(validator: Any, allowed: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    if allowed is False and isinstance(instance, dict):
        known = _known_keys(schema)
        for key in instance:
            if key not in known:
                yield ValidationError(str(key))


def _if_it_says_so(
    validator: Any, condition: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """As the draft's `if`; but a condition on a key is not met by a column that lacks the key.

    The standard says `if: logicalType is map, then the key map is required`, which by the letter asks
    for that key, and those of all other types, of every column that has no logical type.
    """
    asked = condition.get("properties", {}) if isinstance(condition, dict) else {}
    if asked and isinstance(instance, dict) and not any(key in instance for key in asked):
        return
    yield from Draft201909Validator.VALIDATORS["if"](validator, condition, instance, schema)


#: By the identity of each part of the standard's schema, which is read once and kept.
_known: dict[int, frozenset[str]] = {}


def _known_keys(schema: Mapping[str, Any]) -> frozenset[str]:
    """The keys that a part of the schema knows in any of its branches."""
    if id(schema) not in _known:
        keys: set[str] = set()
        waiting: list[Any] = [schema]
        while waiting:
            node = waiting.pop()
            if not isinstance(node, dict):
                continue
            keys |= set(node.get("properties", {}))
            if "$ref" in node:
                waiting.append(contract_schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]])
            for word in ("allOf", "oneOf", "anyOf"):
                waiting += node.get(word, [])
            waiting += [node.get("then"), node.get("else"), node.get("if")]
        _known[id(schema)] = frozenset(keys)
    return _known[id(schema)]


def _faults_of(error: ValidationError, document: YamlFile) -> Iterator[Fault]:
    place = tuple(error.absolute_path)
    name, line, shown = in_words(place, document.data), document.line(place), document.path
    rule = str(error.validator)
    wanted: Any = error.validator_value
    value: Any = error.instance
    schema: Any = error.schema
    if rule in ("unevaluatedProperties", "additionalProperties"):
        known: Iterable[str] = _known_keys(schema)
        key = error.message
        inside = f" in {name}" if name else ""
        yield Fault(shown, document.line((*place, key)), f"unknown key `{key}`{inside}", did_you_mean(key, known))
    elif rule == "required":
        inside = f" in {name}" if name else ""
        for key in wanted:
            if key not in value:
                yield Fault(shown, line, f"the key `{key}` is missing{inside}", f"add `{key}:`")
    elif rule == "enum":
        known = [str(w) for w in wanted]
        yield Fault(shown, line, f"{name} cannot be `{value}`", did_you_mean(str(value), known))
    elif rule == "type":
        types = [wanted] if isinstance(wanted, str) else wanted
        said = " or ".join(_TYPES[t] for t in types)
        yield Fault(shown, line, f"{name or 'the file'} must be {said}", _as_written(value, types))
    elif rule in ("oneOf", "anyOf") and _is_operators(error):
        yield Fault(shown, line, *_operators(error, name))
    elif rule in ("oneOf", "anyOf") and error.context:
        yield from _faults_of(_nearest_branch(error), document)
    elif rule == "pattern":
        last = place[-2] if isinstance(place[-1], int) else place[-1]
        yield Fault(
            shown, line, f"{name} cannot be written `{value}`", _FORMS.get(str(last), f"it must match {wanted}")
        )
    elif rule in ("minItems", "maxItems", "uniqueItems"):
        wants = {"minItems": f"at least {wanted} items", "maxItems": f"at most {wanted} items"}
        yield Fault(shown, line, f"{name} must have {wants.get(rule, 'no item twice')}", "count its items")
    elif rule == "not":
        mend = f"take out {listed(wanted.get('required', []))}"
        yield Fault(shown, line, f"{name} has a key that does not belong there", mend)
    else:
        yield Fault(shown, line, f"{name or 'the contract'}: {error.message}", "see `vestry schema contract`")


def _as_written(value: Any, types: list[str]) -> str:
    if value is None:
        return "it is empty: write a value or take the key out"
    if "boolean" in types and isinstance(value, str):
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(value.lower())
        return f"write {meant}" if meant else f"now it is `{value}`"
    if "string" in types and not isinstance(value, dict | list):
        return f'put it in quotes: "{str(value).lower() if isinstance(value, bool) else value}"'
    if isinstance(value, dict | list):
        return f"now it is {_TYPES['object' if isinstance(value, dict) else 'array']}"
    return f"now it is `{value}`"


def _is_operators(error: ValidationError) -> bool:
    branches: Any = error.validator_value
    return all(key.startswith(("mustBe", "mustNotBe")) for branch in branches for key in branch.get("required", [""]))


def _operators(error: ValidationError, name: str) -> tuple[str, str]:
    branches: Any = error.validator_value
    instance: Any = error.instance
    given = [branch["required"][0] for branch in branches if branch["required"][0] in instance]
    if len(given) > 1:
        return f"{name} says {listed(given)}", "keep one of them, or write two rules"
    if given:
        return f"`{given[0]}` of {name} has the wrong form", "write a number; for mustBeBetween two, as [1, 5]"
    return f"{name} does not say what must hold", "add `mustBe: 0`, or another of the standard's mustBe… keys"


def _nearest_branch(error: ValidationError) -> ValidationError:
    """The fault within the branch that the author most likely meant: one whose type fits."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or []:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [found for found in branches.values() if not any(e.validator == "type" and not e.path for e in found)]
    nearest = min(fitting or list(branches.values()), key=lambda found: len(found))
    return max(nearest, key=by_relevance())
