"""What `vestry check` finds in policies by asking them: one that can never hold, one that opens personal data to all.

Each policy is asked about every circumstance that it could turn on: the values that it names, with one beside each,
and columns of every kind that the project has. What it does not speak of is not varied.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from vestry.governance.policies.cases import resources
from vestry.governance.policies.rules import (
    FOLDER,
    OURS,
    Case,
    Circumstances,
    Question,
    Reader,
    Resource,
    Rules,
    decided,
    line_of,
    parts,
)
from vestry.governance.state import today
from vestry.project import Fault
from vestry.project.errors import did_you_mean
from vestry.project.project import read_project

_SPECIAL_ROLES = ("special_category", "criminal_offence")
#: Questions to one policy: more are asked in part, spread evenly.
_MOST = 20_000


@dataclass(frozen=True)
class _Spoken:
    """What a policy names."""

    texts: frozenset[str]
    numbers: frozenset[int]
    roles: frozenset[str]
    networks: frozenset[str]
    #: Names of attributes that it looks at.
    attributes: frozenset[str]


def faults_of_policies(root: Path) -> list[Fault]:
    """Faults of the policies that a project brings; what comes with Vestry is held by its own tests."""
    if not any((root / FOLDER).glob("*.cedar")):
        return []
    project, _ = read_project(root)
    return sorted(policy_faults(Rules.of(root), set(resources(project).values()), today(project)))


def policy_faults(rules: Rules, kinds: Collection[Resource], day: date) -> Iterator[Fault]:
    """Faults of a project's policies, where its columns are such."""
    if wrong := rules.faults():
        yield from wrong
        return
    read = {file: parts(text) for file, text in rules.texts.items()}
    forbids = [policy for policies in read.values() for policy in policies.values() if policy["effect"] == "forbid"]
    forbidden = [_spoken(policy) for policy in forbids]
    for file, policies in read.items():
        for key, policy in policies.items():
            name = policy.get("annotations", {}).get("id") or key
            line = line_of(rules.texts[file], name)
            spoken = _spoken(policy)
            alone = _set([{**policy, "effect": "permit"}])
            cases = _cases(spoken, kinds, day)
            if file != OURS and kinds and not any(a.allowed for a in decided(alone, cases)):
                what = f"the policy `{name}` never holds, whoever asks for whatever"
                yield Fault(file, line, what, _mend(spoken, kinds))
            elif policy["effect"] == "permit":
                cases = _cases(_both(spoken, forbidden), [r for r in kinds if r.personal], day, for_all=True)
                opened = [c for c, a in zip(cases, decided(_set([policy, *forbids]), cases), strict=True) if a.allowed]
                if opened:
                    resource = opened[0][2].resource
                    what = f"the policy `{name}` opens personal data ({resource.table}) to everybody on the staff"
                    yield Fault(file, line, what, "ask for `context.granted`, or for a role that few have")


def _set(policies: list[dict[str, Any]]) -> Any:
    import cedarpy

    static = {f"policy{number}": policy for number, policy in enumerate(policies)}
    return cedarpy.PolicySet.from_json_str(json.dumps({"staticPolicies": static, "templates": {}, "templateLinks": []}))


def _cases(spoken: _Spoken, resources: Collection[Resource], on: date, for_all: bool = False) -> list[Case]:
    """Every circumstance that a policy may turn on; `for_all` only those in which anybody of the staff may be."""
    named = spoken.texts
    chosen: dict[tuple[Any, ...], Resource] = {}
    for resource in resources:
        is_named = {resource.domain, resource.product, resource.table} & named
        kind = (resource.layer, resource.classification, resource.personal)
        chosen.setdefault((*kind, resource.domain, resource.product, resource.table) if is_named else kind, resource)
    roles = [frozenset[str](), frozenset({"staff"})]
    if not for_all:
        few = sorted({*spoken.roles, *_SPECIAL_ROLES} - {"staff"})
        roles += [frozenset({"staff", role}) for role in few] + [frozenset({role}) for role in few]
        roles.append(frozenset({"staff", *few}))
    domains = [frozenset[str]()] if for_all else [frozenset(), frozenset(r.domain for r in resources)]

    def texts(attribute: str) -> list[str]:
        return sorted({"", "another", *named}) if attribute in spoken.attributes else ["another"]

    days = {on}
    if "today" in spoken.attributes:
        for number in spoken.numbers:
            if day := _day(number):
                days |= {day - timedelta(days=1), day, day + timedelta(days=1)}
    if for_all:
        days = {day for day in days if day >= on}
    networks = (
        sorted({"127.0.0.1", "203.0.113.1", *spoken.networks}) if "network" in spoken.attributes else ["127.0.0.1"]
    )
    readers = [Reader(r, d) for r in roles for d in domains]
    agreements = [""] if for_all else texts("agreement")
    nows = [
        Circumstances(day, purpose, agreement, network, door)
        for day, purpose, agreement, network, door in itertools.product(
            sorted(days), texts("purpose"), agreements, networks, texts("door")
        )
    ]
    questions = [
        Question(resource, granted, masked)
        for resource in chosen.values()
        for granted in ((False,) if for_all else (False, True))
        for masked in (False, True)
    ]
    count = len(readers) * len(nows) * len(questions)
    every = itertools.product(readers, nows, questions)
    return list(itertools.islice(every, 0, None, -(-count // _MOST) or 1))


def _spoken(policy: dict[str, Any]) -> _Spoken:
    texts: set[str] = set()
    numbers: set[int] = set()
    roles: set[str] = set()
    networks: set[str] = set()
    attributes: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("type") == "Role" and "id" in node:
                roles.add(node["id"])
            if "attr" in node:
                attributes.add(str(node["attr"]))
            if "ip" in node:
                found = re.findall(r'"([0-9a-fA-F.:]+)(?:/\d+)?"', json.dumps(node["ip"]))
                networks.update(found)
            if "pattern" in node:
                texts.add("".join(part["Literal"] if isinstance(part, dict) else "" for part in node["pattern"]))
            for key, inner in node.items():
                if key == "Value" and isinstance(inner, str):
                    texts.add(inner)
                elif key == "Value" and isinstance(inner, int) and not isinstance(inner, bool):
                    numbers.add(inner)
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    walk({key: value for key, value in policy.items() if key != "annotations"})
    return _Spoken(*map(frozenset, (texts, numbers, roles, networks, attributes)))  # type: ignore[arg-type]


def _both(spoken: _Spoken, others: Sequence[_Spoken]) -> _Spoken:
    """All that any of them names."""
    names = vars(spoken)
    return _Spoken(**{name: values.union(*(vars(other)[name] for other in others)) for name, values in names.items()})


def _day(number: int) -> date | None:
    try:
        return date.fromisoformat(str(number))
    except ValueError:
        return None


def _mend(spoken: _Spoken, resources: Collection[Resource]) -> str:
    """The nearest name to what the policy names and the project has not."""
    known = {text for r in resources for text in (r.domain, r.product, r.table, r.classification, r.layer)}
    for text in sorted(spoken.texts - known):
        if "did you mean" in (said := did_you_mean(text, known, "")):
            return said
    return "its conditions exclude each other, or name what the project has not"
