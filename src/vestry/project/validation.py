"""From what pydantic says of a file to faults that a person can act on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from vestry.project.errors import Fault, ProjectError, did_you_mean, listed
from vestry.project.yamlfile import YamlFile

M = TypeVar("M", bound=BaseModel)
Place = tuple[str | int, ...]
#: Gives the line of a key path, or of its nearest parent.
Lines = Callable[[Sequence[str | int]], int]

_WANTED = {
    "string": "text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "list": "a list",
    "tuple": "a list",
    "dict": "`key: value` lines",
    "model": "`key: value` lines",
    "mapping": "`key: value` lines",
}


def validated(model: type[M], data: Any, shown: str, line: Lines, faults: list[Fault]) -> M | None:
    """The data as the model has them; or None, and every fault of them added to `faults`."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults.extend(faults_of(error, model, data, shown, line))
        return None


def typed(model: type[M], document: YamlFile) -> tuple[YamlFile, M]:
    """A file with what it says. Raises ProjectError that lists its faults."""
    faults: list[Fault] = []
    spec = validated(model, document.data, document.path, document.line, faults)
    if spec is None:
        raise ProjectError(faults)
    return document, spec


def faults_of(error: ValidationError, model: type[BaseModel], data: Any, shown: str, line: Lines) -> Iterator[Fault]:
    """One fault for each place in the file: where a value may be of several types, they are named together."""
    wrong: dict[Place, list[str]] = {}
    for problem in error.errors():
        place = _in_file(problem["loc"], data, problem["type"] == "missing")
        name = _path(place, data)
        if problem["type"] == "extra_forbidden":
            mend = did_you_mean(str(place[-1]), _keys_at(model, problem["loc"]))
            yield Fault(shown, line(place), f"unknown key {name}", mend)
        elif problem["type"] == "missing":
            yield Fault(shown, line(place[:-1]), f"the key {name} is missing", f"add `{place[-1]}:`")
        elif problem["type"] == "literal_error":
            expected = [w.strip("' ") for w in problem["ctx"]["expected"].replace(" or ", ", ").split(",")]
            mend = did_you_mean(str(problem["input"]), expected, f"write one of {listed(expected, 'or')}")
            yield Fault(shown, line(place), f"{name} cannot be `{problem['input']}`", mend)
        elif problem["type"] in ("too_short", "string_too_short"):
            least = problem["ctx"]["min_length"]
            what = f"{name} is empty" if least == 1 else f"{name} has fewer than {least}"
            yield Fault(shown, line(place), what, f"write at least {least}, or see `vestry schema`")
        elif problem["type"] == "written_secret":
            yield Fault(shown, line(place), f"{name} holds the secret itself", "write its name, ${NAME}, and set that")
        elif problem["type"] == "value_error" and isinstance(_at(data, place), dict):
            yield Fault(shown, line(place), f"what does not fit together: {problem['ctx']['error']}")
        else:
            wrong.setdefault(place, []).append(_wanted(problem))
    for place, wanted in wrong.items():
        said = " or ".join(dict.fromkeys(wanted))
        yield Fault(shown, line(place), f"{_path(place, data)} must be {said}", f"now it is {_shown(_at(data, place))}")


def _wanted(problem: Any) -> str:
    kind, context = str(problem["type"]), problem.get("ctx", {})
    limits = {
        "greater_than_equal": ("ge", "at least"),
        "less_than_equal": ("le", "at most"),
        "greater_than": ("gt", "over"),
    }
    if kind in limits:
        key, said = limits[kind]
        return f"{said} {context[key]}"
    if kind == "value_error":
        return str(context["error"])
    first = kind.partition("_")[0]
    return _WANTED.get(first) or str(problem["msg"]).lower()


def _in_file(location: Place, data: Any, is_missing: bool) -> Place:
    """The place in the file, without the names that pydantic gives to the branches of a union."""
    keys: list[str | int] = []
    here: Any = data
    for number, key in enumerate(location):
        in_map = isinstance(here, dict) and key in here
        in_list = isinstance(here, list) and isinstance(key, int) and key < len(here)
        if in_map or in_list:
            here = here[key]
        elif not (is_missing and number == len(location) - 1):
            continue
        keys.append(key)
    return tuple(keys)


def _path(place: Place, data: Any) -> str:
    """`tables.job.files`; in words where it leads through lists. The last key may be missing in the data."""
    if not any(isinstance(key, int) for key in place):
        return f"`{'.'.join(map(str, place))}`"
    try:
        return in_words(place, data)
    except (KeyError, TypeError, IndexError):
        return f"`{place[-1]}` of {in_words(place[:-1], data)}"


def in_words(place: Place, data: Any) -> str:
    """A place in words: `required` of the column `amount` of the table `payment`."""
    parts: list[str] = []
    here = data
    for before, key in zip([None, *place], place, strict=False):
        here = here[key]
        if isinstance(key, int):
            what = {"schema": "table", "properties": "column", "quality": "rule"}.get(str(before), "item")
            if parts:
                parts.pop()
            label = here.get("name") or here.get("property") if isinstance(here, dict) else None
            parts.append(f"the {what} `{label}`" if label else f"{what} {key + 1} of `{before}`")
        else:
            parts.append(f"`{key}`")
    return " of ".join(reversed(parts))


def _at(data: Any, place: Place) -> Any:
    for key in place:
        data = data[key]
    return data


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "`key: value` lines"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return f"`{value}`" if isinstance(value, str) else str(value)


def _keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that a model takes at a place: by walking its JSON Schema along the place."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            node = definitions[node["$ref"].rsplit("/", 1)[-1]]
        options = [resolved(n) for n in node.get("anyOf", []) if n.get("type") != "null"]
        return next((o for o in options if "properties" in o), options[0]) if options else node

    node = resolved(schema)
    for key in place[:-1]:
        inner = node.get("properties", {}).get(str(key))
        if inner is None and isinstance(node.get("additionalProperties"), dict):
            inner = node["additionalProperties"]
        elif inner is None and isinstance(key, int):
            inner = node.get("items")
        if isinstance(inner, dict):
            node = resolved(inner)
    return list(node.get("properties", {}))
