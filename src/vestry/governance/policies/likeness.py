"""Which columns policies cannot tell apart, so that a thousand tables which no policy names are one question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: What of a column is a name, of which a council has thousands.
NAMES = ("domain", "product", "table", "layer")
#: Stands for every name that no policy speaks of; no name of a project's holds such a character.
OTHER = "\0"

#: By attribute the names that policies tell from all others; None where they tell every name from every other.
Told = Mapping[str, frozenset[str] | None]


def told(policies: Iterable[Mapping[str, Any]]) -> Told:
    """What these policies, as Cedar's JSON, look at of a column's names.

    A name that is only compared with texts of the policy's own matters as far as it is one of them. Whatever else is
    done with it, such as `like` or `principal.domains.contains(resource.domain)`, may tell all names apart.
    """
    found: dict[str, frozenset[str] | None] = dict.fromkeys(NAMES, frozenset())
    for policy in policies:
        _look(policy, found)
    return found


def likeness(told: Told, names: Mapping[str, str]) -> dict[str, str]:
    """A column's names, with one and the same text for those that policies cannot tell apart."""
    return {
        attribute: name if (known := told[attribute]) is None or name in known else OTHER
        for attribute, name in names.items()
    }


def _look(node: Any, found: dict[str, frozenset[str] | None]) -> None:
    if isinstance(node, Mapping):
        if compared := _compared(node):
            attribute, texts = compared
            known = found[attribute]
            found[attribute] = None if known is None else known | texts
            return
        if node.get("attr") in found:
            found[str(node["attr"])] = None
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            _look(part, found)


def _compared(node: Mapping[str, Any]) -> tuple[str, frozenset[str]] | None:
    """The attribute of the column that is compared here with texts, and these texts."""
    match node:
        case {"==": {"left": one, "right": other}} | {"!=": {"left": one, "right": other}}:
            sides = [(one, [other]), (other, [one])]
        case {"contains": {"left": {"Set": list(texts)}, "right": one}}:
            sides = [(one, texts)]
        case _:
            return None
    for side, values in sides:
        match side:
            case {".": {"left": {"Var": "resource"}, "attr": str(attribute)}} if attribute in NAMES:
                texts = [value.get("Value") for value in values]
                if all(isinstance(text, str) for text in texts):
                    return attribute, frozenset(texts)
    return None
