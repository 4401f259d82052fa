"""`access.yaml`: which group of the identity provider has which roles, and for which domains."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from vestry.project.errors import Fault, ProjectError, did_you_mean, listed
from vestry.project.models import Names, Settings, Strict
from vestry.project.names import NAME_RULE, is_table_name
from vestry.project.validation import validated
from vestry.project.yamlfile import YamlFile, read_yaml

FILE = "access.yaml"
#: Vestry's own roles, and what each is for.
ROLES = {
    "staff": "Works here: sees what data there is, and whatever is not personal.",
    "analyst": "Asks questions of data in SQL.",
    "steward": "Looks after the data of a domain: meaning, quality, decisions in matching.",
    "owner": "Answers for a domain: approves who may see its data.",
    "dpo": "Data protection officer: approves where the classification asks for it, and reads the audit.",
    "engineer": "Connects sources and runs the platform.",
    "admin": "Keeps accounts and tokens. Sees no data by that alone.",
    "link_worker": "Works with people, and sees their records case by case.",
    "special_category": "May be granted special category data, such as health.",
    "criminal_offence": "May be granted criminal offence data.",
}
#: Roles that are for domains, and nothing without one.
OF_DOMAINS = ("steward", "owner")


class Group(Strict):
    """What those in a group are."""

    roles: Names = Field(min_length=1, description="Vestry's roles, or the council's own from `roles`.")
    domains: Names = Field(default_factory=list, description="The domains for which they are steward or owner.")


class AccessFile(Strict):
    """`access.yaml`."""

    roles: dict[str, str] = Field(
        default_factory=dict,
        description="The council's own roles, each with what it is for; policies may ask for them.",
    )
    groups: dict[str, Group] = Field(
        default_factory=dict,
        description="Each app role (its value) or group (its id) as the identity provider names it in the claim.",
    )


@dataclass(frozen=True)
class Access:
    """Roles and groups, and the file that they stand in (None where there is none)."""

    file: YamlFile | None = None
    own_roles: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)

    @property
    def roles(self) -> dict[str, str]:
        """Every role, and what it is for."""
        return {**ROLES, **self.own_roles}

    def given(self, groups: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
        """The roles and the domains of somebody who is in these groups; groups that are not named give nothing."""
        mine = [group for name, group in self.groups.items() if name in groups]
        return frozenset(r for g in mine for r in g.roles), frozenset(d for g in mine for d in g.domains)


def read_access(root: Path, faults: list[Fault]) -> Access:
    """What the file says; what is wrong with it is added to `faults`, and then it gives nobody anything."""
    if not (root / FILE).is_file():
        return Access()
    try:
        document = read_yaml(root / FILE, FILE)
    except ProjectError as error:
        faults.extend(error.faults)
        return Access()
    spec = validated(AccessFile, document.data, FILE, document.line, faults)
    if spec is None:
        return Access(document)
    access = Access(document, spec.roles, spec.groups)
    faults.extend(_role_faults(document, access))
    return access


def role_faults(roles: Iterable[str], domains: Collection[str], known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with somebody's roles, and what would mend it."""
    for role in roles:
        if role not in known:
            yield f"there is no role `{role}`", did_you_mean(role, known)
        elif role in OF_DOMAINS and not domains:
            yield f"`{role}` is for domains, and none is named", "say for which domains"


def access_faults(access: Access, settings: Settings, domains: Collection[str]) -> Iterator[Fault]:
    """What does not fit the rest of the project: `domains` are those that have a folder."""
    for name, group in access.groups.items():
        for index, domain in enumerate(group.domains):
            if domain not in domains:
                line = access.file.line(["groups", name, "domains", index]) if access.file else 0
                yield Fault(FILE, line, f"there is no domain `{domain}`", did_you_mean(domain, domains))
    if settings.identity and not access.groups:
        mend = "give one roles: groups: {Vestry.Staff: {roles: staff}}"
        line = access.file.line(["groups"]) if access.file else 0
        yield Fault(FILE, line, "nobody can log in: no group of the identity provider is named", mend)


def _role_faults(document: YamlFile, access: Access) -> Iterator[Fault]:
    for role in access.own_roles:
        line = document.line(["roles", role])
        if role in ROLES:
            yield Fault(FILE, line, f"`{role}` is a role of Vestry's already", "take it out, or name yours otherwise")
        elif not is_table_name(role):
            yield Fault(FILE, line, f"`{role}` is not a name for a role", NAME_RULE)
    for name, group in access.groups.items():
        for what, mend in role_faults(group.roles, group.domains, access.roles):
            named = [i for i, role in enumerate(group.roles) if f"`{role}`" in what]
            yield Fault(FILE, document.line(["groups", name, "roles", *named[:1]]), what, mend)
        if group.domains and not set(group.roles) & set(OF_DOMAINS):
            mend = f"add {listed(OF_DOMAINS, 'or')}, or take the domains out"
            yield Fault(FILE, document.line(["groups", name, "domains"]), "domains without a role for them", mend)
