"""The typed shape of a council project's files: `vestry.toml`, domains, snapshots, and what their parts share.

Each model is what `vestry schema` prints as JSON Schema, so the descriptions here
are what an editor shows.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

#: An address of the web as every standard takes it, and one of email.
WEB_ADDRESS = re.compile(r"""https?://[^\s<>"{}|\\^`\x00-\x20/]+[^\s<>"{}|\\^`\x00-\x20]*""")
EMAIL = re.compile(r"""[^@\s<>"(),:;\\]+@[^@\s<>"(),:;\\]+\.[^@\s<>"(),:;\\]+""")


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def _address(value: str) -> str:
    if not WEB_ADDRESS.fullmatch(value) or "?" in value or "#" in value:
        raise ValueError("an address such as https://data.testham.gov.uk, without ? and #")
    return value.rstrip("/")


def _email(value: str) -> str:
    if not EMAIL.fullmatch(value):
        raise ValueError("an email address such as data@testham.gov.uk")
    return value


def _issuer(value: str) -> str:
    if not re.fullmatch(r"https://[^\s?#]+|http://(127\.0\.0\.1|localhost)(:\d+)?[^\s?#]*", value):
        raise ValueError("an address that begins with https://, without ? and #")
    return value


def _only_named(value: str) -> str:
    if not re.fullmatch(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", value):
        raise PydanticCustomError("written_secret", "a secret")
    return value


class Council(Strict):
    """Whose project this is. One platform may hold several councils while they merge."""

    name: str = Field(description="The council's name, as people read it.")
    code: str | None = Field(default=None, description="Its GSS code, such as E06000031.")
    url: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None,
        description="Where the portal is reached, such as https://data.testham.gov.uk: what is told of the data to "
        "others begins with it, so it must not change.",
    )
    contact: Annotated[str, AfterValidator(_email)] | None = Field(
        default=None, description="The email address for questions about data whose team gives none."
    )
    dpo: str | None = Field(default=None, description="The data protection officer, and how to reach them.")


class LakeSettings(Strict):
    """Where tables lie."""

    location: str = Field(default="lake", description="A folder of the project, or the URL of an object store.")
    options: dict[str, str] = Field(
        default_factory=dict,
        description="Settings of the object store, such as AWS_ENDPOINT_URL. Secrets as ${NAME}.",
    )
    keep_days: int = Field(default=30, ge=1, description="How long old versions are kept for time travel.")


class EngineSettings(Strict):
    """How much of the machine the engine may use."""

    memory_limit: str | None = Field(default=None, description="For all steps together, such as 4GB. Default: half.")
    threads: int | None = Field(default=None, ge=1, description="Default: one a core.")
    parallel: int | None = Field(default=None, ge=1, description="Steps side by side. Default: one a core, at most 4.")


class StateSettings(Strict):
    """Where `vestry worker` keeps what runs and what has run."""

    url: Annotated[str, AfterValidator(_state_url)] | None = Field(
        default=None,
        description="postgresql://…, by which several workers share the work. Default: SQLite in `.vestry/`.",
    )


class IdentitySettings(Strict):
    """The identity provider by which people log in, with OpenID Connect; `access.yaml` says what they may be."""

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(
        description="The provider's address, as its tokens name it. "
        "Entra ID: https://login.microsoftonline.com/TENANT/v2.0."
    )
    client_id: str = Field(min_length=1, description="The id under which the provider knows this portal.")
    client_secret: Annotated[str, AfterValidator(_only_named)] = Field(description="As ${NAME}.")
    claim: Literal["roles", "groups"] = Field(
        default="roles",
        description="What in the token tells of a person's groups. Entra ID: app roles, `roles`, as it leaves out "
        "the groups of somebody who is in more than 200.",
    )


class EmailSettings(Strict):
    """Who is written to when something fails, and when it is over."""

    host: str = Field(description="The SMTP server.")
    port: int = Field(default=587, ge=1, le=65535)
    starttls: bool = Field(default=True, description="Encrypt; a server that cannot gets no message.")
    from_: str = Field(alias="from", description="The sender's address.")
    to: Names = Field(min_length=1)
    username: str | None = None
    password: str | None = Field(default=None, description="As ${NAME}.")


class AlertSettings(Strict):
    """Who is told of incidents, once, and once more when they are over; the log is told always."""

    webhook: Annotated[str, AfterValidator(_web_url)] | None = Field(
        default=None, description="A URL to which each is posted as JSON."
    )
    webhook_secret: str | None = Field(default=None, description="As ${NAME}: signs what is posted.")
    email: EmailSettings | None = None


class SqlSettings(Strict):
    """What a question in SQL may use: each is answered by a process of its own."""

    seconds: float = Field(default=60, gt=0, le=3600, description="After which it is ended.")
    memory_mb: int = Field(default=1024, ge=128, description="Memory. What does not fit in it is refused.")
    threads: int | None = Field(default=None, ge=1, description="Default: one a core.")
    rows: int = Field(default=100_000, ge=1, description="Rows of an answer; of more, the first are given.")
    per_user: int = Field(default=2, ge=1, description="Questions of one person at once; the next are sent away.")
    at_once: int = Field(default=4, ge=1, description="Questions of all at once; the next wait.")


class PublishSettings(Strict):
    """A PostgreSQL to which chosen tables are published, for whatever speaks its protocol, ODBC or JDBC."""

    url: Annotated[str, AfterValidator(_publish_url)] = Field(
        description="postgresql://user:${PASSWORD}@host/database, or the whole of it as ${NAME}."
    )
    tables: Names = Field(
        min_length=1, description="Tables, products (`housing.repairs`), `domain:housing` or `layer:gold`."
    )
    schema_prefix: Annotated[str, AfterValidator(_schema_prefix)] = Field(
        default="vestry", description="What the names of its schemas and roles begin with."
    )


class Settings(Strict):
    """`vestry.toml`."""

    council: Council
    lake: LakeSettings = Field(default_factory=LakeSettings)
    engine: EngineSettings = Field(default_factory=EngineSettings)
    state: StateSettings = Field(default_factory=StateSettings)
    identity: IdentitySettings | None = None
    sql: SqlSettings = Field(default_factory=SqlSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    publish: dict[str, PublishSettings] = Field(
        default_factory=dict, description="Each PostgreSQL for business intelligence, by a name of yours."
    )


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_TEXT_OR_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


def _three_parts(value: str) -> str:
    if len(value.split(".")) != 3 or not all(value.split(".")):
        raise ValueError(f"the name of a table in three parts, domain.product.table; `{value}` is none")
    return value


#: The word for a schedule that follows what is new.
CHANGES = "changes"


def _schedule(value: str) -> str:
    from vestry.project.cron import is_cron  # late: most files have none

    if value != CHANGES and not is_cron(value):
        raise ValueError(f"a cron line such as `0 2 * * *`, or `{CHANGES}`")
    return value


def _state_url(value: str) -> str:
    if not value.startswith(("postgresql://", "${")):
        raise ValueError("postgresql://user:${PASSWORD}@host/database, or left out for a file in `.vestry/`")
    return value


def _publish_url(value: str) -> str:
    password = re.search(r"://[^@/]*?:([^@]*)@|password=([^&\s]*)", value)
    if password and re.sub(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", "", password[1] or password[2] or ""):
        raise PydanticCustomError("written_secret", "a secret")
    if not value.startswith(("postgresql://", "${")):
        raise ValueError("postgresql://user:${PASSWORD}@host/database, or ${NAME} that holds all of it")
    return value


def _schema_prefix(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,19}", value) or value.startswith("pg_"):
        raise ValueError("at most 20 lower-case letters, digits and _, beginning with a letter, and not with pg_")
    return value


def _web_url(value: str) -> str:
    if not value.startswith(("https://", "http://", "${")):
        raise ValueError("a URL that begins with https://")
    return value


#: When something runs.
Schedule = Annotated[str, AfterValidator(_schedule)]
#: The name of a table.
TableText = Annotated[str, AfterValidator(_three_parts)]
#: One text or a list of texts.
Names = Annotated[list[str], BeforeValidator(_as_list), WithJsonSchema(_TEXT_OR_TEXTS)]


class DomainFile(Strict):
    """`domain.yaml`: a business area that owns its data."""

    name: str = Field(description="As people read it.")
    description: str | None = Field(default=None, description="What the domain is for.")
    owner: str = Field(description="Who answers for the data.")
    steward: str | None = Field(default=None, description="Who looks after it from day to day.")


class SnapshotFile(Strict):
    """`<table>.snapshot.yaml`: the current state, and the history, of a feed of changes."""

    from_: str = Field(alias="from", description="The bronze table of changes.")
    key: Names = Field(description="The columns that tell one thing from another.")
    order_by: Names = Field(description="The columns that say which change is later.")
    deleted_when: str | None = Field(default=None, description="SQL that is true of a change that deletes.")
    history: bool = Field(
        default=False, description="Also `<table>_history`, every state with valid_from and valid_to."
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="Our column: SQL over the change. Default: the contract's columns by name."
    )
    valid_from: str | None = Field(default=None, description="SQL of when a change took effect. Default: order_by.")
