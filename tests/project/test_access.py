"""`access.yaml` and `[identity]`: faults with file and line, and what groups give."""

from __future__ import annotations

import pytest

from council import Council
from vestry.project import load_project
from vestry.project.check import check

IDENTITY = """\
[council]
name = "Testham"
[identity]
issuer = "https://login.example.org/t/v2.0"
client_id = "vestry"
client_secret = "${OIDC_SECRET}"
"""


@pytest.fixture
def housing(council: Council, monkeypatch) -> Council:
    monkeypatch.setenv("OIDC_SECRET", "x")
    council.write("domains/housing/domain.yaml", "name: Housing\nowner: Jo Bloggs\n")
    return council


def faults(council: Council) -> list[str]:
    return [str(f) for f in check(council.root) if f.file in ("access.yaml", "vestry.toml")]


def test_groups_give_roles_and_domains_and_those_that_are_not_named_nothing(housing):
    housing.write("vestry.toml", IDENTITY)
    housing.write(
        "access.yaml",
        """\
        roles:
          tenancy_officer: Looks after tenancies.
        groups:
          Vestry.Staff: {roles: staff}
          6f1a-77: {roles: [steward, tenancy_officer], domains: housing}
        """,
    )
    assert faults(housing) == []
    access = load_project(housing.root).access
    assert access.given(["Vestry.Staff", "6f1a-77", "other"]) == ({"staff", "steward", "tenancy_officer"}, {"housing"})
    assert access.given(["other", "vestry.staff"]) == (frozenset(), frozenset())
    assert {"dpo", "tenancy_officer"} <= access.roles.keys()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("groups:\n  A: {roles: stewart, domains: housing}\n", "access.yaml:2: there is no role `stewart`\n    did you mean `steward`?"),
        ("groups:\n  A:\n    roles: [staff, owner]\n", "access.yaml:3: `owner` is for domains, and none is named"),
        ("groups:\n  A:\n    roles: owner\n    domains: [housin]\n", "access.yaml:4: there is no domain `housin`\n    did you mean `housing`?"),
        ("groups:\n  A:\n    roles: staff\n    domains: housing\n", "access.yaml:4: domains without a role for them"),
        ("groups:\n  A: {role: staff}\n", "access.yaml:2: unknown key `groups.A.role`\n    did you mean `roles`?"),
        ("groups:\n  A: {roles: []}\n", "access.yaml:2: `groups.A.roles` is empty"),
        ("roles:\n  admin: All.\n", "access.yaml:2: `admin` is a role of Vestry's already"),
        ("roles:\n  Tenancy Officer: x\n", "access.yaml:2: `Tenancy Officer` is not a name for a role"),
        ("groups:\n  A: {roles: staff}\n  A: {roles: dpo}\n", "access.yaml:3: the key `A` stands twice"),
    ],
)  # fmt: skip
def test_faults_of_access(housing, text, said):
    housing.write("access.yaml", text)
    assert any(fault.startswith(said) for fault in faults(housing)), faults(housing)


def test_a_provider_by_which_nobody_can_log_in_is_a_fault(housing):
    housing.write("vestry.toml", IDENTITY)
    assert faults(housing)[0].startswith("access.yaml: nobody can log in")
    housing.write("access.yaml", "roles: {}\n")
    assert "nobody can log in" in faults(housing)[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "https://login",
            "http://login",
            "vestry.toml:4: `identity.issuer` must be an address that begins with https://",
        ),
        ('"${OIDC_SECRET}"', '"tawny-owl"', "vestry.toml:6: `identity.client_secret` holds the secret itself"),
        ("OIDC_SECRET", "NOT_SET", "vestry.toml:6: the environment variable NOT_SET is not set"),
        ('client_id = "vestry"\n', "", "vestry.toml:3: the key `identity.client_id` is missing"),
        ("client_id =", 'claim = "rolls"\nclient_id =', "vestry.toml:5: `identity.claim` cannot be `rolls`"),
    ],
)
def test_faults_of_the_provider(housing, old, new, said):
    housing.write("access.yaml", "groups: {A: {roles: staff}}\n")
    housing.write("vestry.toml", IDENTITY.replace(old, new))
    found = faults(housing)
    assert any(fault.startswith(said) for fault in found), found
    assert "tawny-owl" not in str(found)
