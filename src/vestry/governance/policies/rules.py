"""The policies of a project, parsed; and what they decide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vestry.governance.policies import likeness
from vestry.project import Fault

if TYPE_CHECKING:
    import cedarpy

FOLDER = "policies"
#: The policies that come with Vestry.
OURS = "default.cedar"


@dataclass(frozen=True)
class Reader:
    """Somebody as policies see them."""

    roles: frozenset[str]
    domains: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Resource:
    """A column as policies see it: columns that look alike here are decided alike."""

    domain: str
    product: str
    table: str
    layer: str
    classification: str
    personal: bool


@dataclass(frozen=True)
class Circumstances:
    """What else a decision may rest on."""

    today: date
    purpose: str = ""
    agreement: str = ""
    network: str = "127.0.0.1"
    door: str = ""


@dataclass(frozen=True)
class Question:
    """May this reader read such a column: as it is, or (`masked`) hashed or coarser?"""

    resource: Resource
    granted: bool
    masked: bool = False


@dataclass(frozen=True)
class Answer:
    """Whether they may, and the policies that said so."""

    allowed: bool
    rules: tuple[str, ...]


Case = tuple[Reader, Circumstances, Question]
#: Answers that are kept.
_KNOWN = 50_000


class Rules:
    """All policies of one project. Texts are Cedar's, by the file that they stand in."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self._known: dict[Case, Answer] = {}

    @classmethod
    def of(cls, root: Path) -> Rules:
        """Those that come with Vestry, and those of the council's `policies/`."""
        found = {OURS: (files(__package__) / OURS).read_text(encoding="utf-8")}
        for file in sorted((root / FOLDER).glob("*.cedar")):
            found[file.relative_to(root).as_posix()] = file.read_text(encoding="utf-8-sig")
        return cls(found)

    def decide(self, reader: Reader, now: Circumstances, questions: Sequence[Question]) -> list[Answer]:
        """An answer to each question. What looks alike to these policies is decided once, and kept."""
        kinds = {r: self._like(r) for r in {question.resource for question in questions}}
        cases = [(reader, now, Question(kinds[q.resource], q.granted, q.masked)) for q in questions]
        if len(self._known) > _KNOWN:
            self._known = {}
        known = self._known
        new = [case for case in dict.fromkeys(cases) if case not in known]
        for case, answer in zip(new, decided(self._parsed, new), strict=True):
            rules = tuple(sorted(self._names.get(rule, rule) for rule in answer.rules))
            known[case] = Answer(answer.allowed, rules)
        return [known[case] for case in cases]

    @cached_property
    def text(self) -> str:
        return "\n".join(self.texts.values())

    def faults(self) -> list[Fault]:
        """What Cedar finds wrong: each file is read by itself, and held to what policies may speak of."""
        import cedarpy

        found = []
        for file, text in self.texts.items():
            try:
                cedarpy.PolicySet.from_str(text)
            except ValueError as error:
                what = f"not a policy that can be read: {str(error).splitlines()[0]}"
                found.append(
                    Fault(file, 0, what, "policies are Cedar: permit (principal, action, resource) when { … };")
                )
                continue
            names = ids(text)
            for wrong in cedarpy.validate_policies(text, schema_text()).errors:
                policy = names.get(wrong.policy_id, wrong.policy_id)
                said = str(wrong.error).partition(", ")[2] or str(wrong.error)
                found.append(
                    Fault(file, line_of(text, policy), f"the policy `{policy}`: {said}", "see `vestry policy schema`")
                )
        return found

    @cached_property
    def _parsed(self) -> cedarpy.PolicySet:
        import cedarpy

        return cedarpy.PolicySet.from_str(self.text)

    def _like(self, column: Resource) -> Resource:
        """The column that stands for all which these policies cannot tell from this one."""
        names = {name: getattr(column, name) for name in likeness.NAMES}
        like = likeness.likeness(self._told, names)
        return Resource(**like, classification=column.classification, personal=column.personal)

    @cached_property
    def _told(self) -> likeness.Told:
        return likeness.told(parts(self.text).values())

    @cached_property
    def _names(self) -> dict[str, str]:
        return ids(self.text)


def decided(policies: cedarpy.PolicySet, cases: Sequence[Case]) -> list[Answer]:
    """An answer to each case, with Cedar's names of the policies that decided.

    Cedar passes over a policy that fails, also over a forbid: here what fails is denied.
    """
    import cedarpy

    distinct = list(dict.fromkeys(cases))
    if not distinct:
        return []
    readers = {reader: f"p{number}" for number, (reader, _, _) in enumerate(distinct)}
    resources = {question.resource: f"c{number}" for number, (_, _, question) in enumerate(distinct)}
    people = [
        {
            "uid": {"type": "Person", "id": key},
            "attrs": {"domains": sorted(reader.domains)},
            "parents": [{"type": "Role", "id": role} for role in sorted(reader.roles)],
        }
        for reader, key in readers.items()
    ]
    columns = [
        {"uid": {"type": "Column", "id": key}, "attrs": dict(vars(resource)), "parents": []}
        for resource, key in resources.items()
    ]
    requests = [
        {
            "principal": f'Person::"{readers[reader]}"',
            "action": f'Action::"{"readMasked" if question.masked else "readClear"}"',
            "resource": f'Column::"{resources[question.resource]}"',
            "context": {
                "granted": question.granted,
                "purpose": now.purpose,
                "agreement": now.agreement,
                "today": int(f"{now.today:%Y%m%d}"),
                "network": {"__extn": {"fn": "ip", "arg": now.network}},
                "door": now.door,
            },
        }
        for reader, now, question in distinct
    ]
    actions = [
        {"uid": {"type": "Action", "id": name}, "attrs": {}, "parents": [{"type": "Action", "id": "read"}]}
        for name in ("readClear", "readMasked")
    ]
    entities = cedarpy.Entities.from_json_str(json.dumps([*people, *columns, *actions]))
    results = cedarpy.is_authorized_batch(requests, policies, entities)
    answers = {}
    for case, result in zip(distinct, results, strict=True):
        allowed = result.decision is cedarpy.Decision.Allow and not result.diagnostics.errors
        answers[case] = Answer(allowed, tuple(result.diagnostics.reasons))
    return [answers[case] for case in cases]


def schema_text() -> str:
    """What policies may speak of, as Cedar writes it."""
    return (files(__package__) / "vestry.cedarschema").read_text(encoding="utf-8")


def ids(text: str) -> dict[str, str]:
    """The name of each policy (its `@id`, else Cedar's own) by Cedar's."""
    return {key: policy.get("annotations", {}).get("id") or key for key, policy in parts(text).items()}


def parts(text: str) -> dict[str, dict[str, Any]]:
    """Each policy as Cedar's JSON, by Cedar's name for it."""
    import cedarpy

    found: dict[str, dict[str, Any]] = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
    return found


def line_of(text: str, policy: str) -> int:
    """The 1-based line on which a policy is named; 0 where its name is Cedar's own."""
    wanted = f'@id("{policy}")'
    return next((number for number, row in enumerate(text.splitlines(), 1) if wanted in row), 0)
