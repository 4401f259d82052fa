"""The person, or the program of a person, that asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class User:
    """Who asks, as every door and the gate know them; `id` never changes and is what grants and the audit name.

    `roles` hold for the whole council but for `steward` and `owner`, which hold for `domains`. `kind` is how they
    came: by a `session`, with a `token`, as the one `local` user of a project without accounts, or as a `recipient`
    of shared data, outside the council.
    """

    id: str
    name: str
    email: str = ""
    roles: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    kind: Literal["session", "token", "local", "recipient"] = "session"
    #: What a token may be used for; None: whatever the person may do.
    scopes: frozenset[str] | None = None

    @property
    def signature(self) -> str:
        """How they sign what they decide."""
        return f"{self.name} ({self.email or self.id})" if self.name != self.id else self.id

    def has(self, *roles: str) -> bool:
        """Whether they have one of the roles."""
        return not self.roles.isdisjoint(roles)

    def answers_for(self, domain: str) -> bool:
        """Whether they own a domain."""
        return "owner" in self.roles and domain in self.domains

    def may_use(self, scope: str) -> bool:
        """Whether what they came with opens a door: a session opens all."""
        return self.scopes is None or scope in self.scopes


#: The one user of a project without accounts: whoever sits at the machine.
LOCAL = User("local", "whoever sits at this machine", roles=frozenset({"staff", "engineer", "admin"}), kind="local")
