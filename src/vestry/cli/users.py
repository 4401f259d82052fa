"""`vestry user` and `vestry token`: who may log in, and their programs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from vestry.cli.options import Commands, format_options, project_option


@click.group(cls=Commands)
def user() -> None:
    """Accounts of people: add, list, give another password, switch off.

    With an identity provider people need no account here: what they may be stands in access.yaml.

    \b
    Examples:
      vestry user add jo --name "Jo Bloggs" --role steward --domain housing
      vestry user list
      vestry user off jo
    """


@user.command()
@click.argument("who", metavar="NAME")
@click.option("--name", default="", help="As people read it.")
@click.option("--email", default="", help="Where to write to them.")
@click.option("--role", "roles", multiple=True, required=True, help="Such as analyst; may stand several times.")
@click.option("--domain", "domains", multiple=True, help="For which they are steward or owner.")
@project_option
def add(who: str, name: str, email: str, roles: tuple[str, ...], domains: tuple[str, ...], folder: Path) -> None:
    """Make an account, NAME to log in with; the password is asked for, or read from stdin.

    \b
    Examples:
      vestry user add jo --name "Jo Bloggs" --role staff --role steward --domain housing
      pwgen -s 20 1 | tee jo.txt | vestry user add jo --role analyst
    """
    from vestry.governance.identity.accounts import add_account
    from vestry.governance.identity.passwords import hashed, refuse_weak
    from vestry.project import load_project

    project = load_project(folder)
    password = _password()
    refuse_weak(password, who, name, project.settings.council.name)
    add_account(project, who.casefold(), hashed(password), name, email, roles, domains)
    click.echo(f"{who.casefold()} can log in.")


@user.command(name="list")
@project_option
@format_options
def list_(folder: Path, form: str) -> None:
    """List the accounts, those of the identity provider too once they have logged in.

    \b
    Example:
      vestry user list --json
    """
    from vestry.console import show_rows
    from vestry.governance.identity.accounts import accounts
    from vestry.project import load_project

    rows = [
        {
            "id": one.user.id,
            "name": one.user.name,
            "email": one.user.email,
            "roles": ", ".join(sorted(one.user.roles)),
            "domains": ", ".join(sorted(one.user.domains)),
            "from": "here" if one.is_local else "provider",
            "off": "yes" if one.is_off else "",
            "came": _day(one.came),
        }
        for one in accounts(load_project(folder))
    ]
    show_rows(rows, ["id", "name", "email", "roles", "domains", "from", "off", "came"], form)


@user.command()
@click.argument("who", metavar="NAME")
@project_option
def password(who: str, folder: Path) -> None:
    """Give an account another password, and log it out everywhere.

    \b
    Example:
      vestry user password jo
    """
    from vestry.governance.identity.accounts import change, existing
    from vestry.governance.identity.passwords import hashed, refuse_weak
    from vestry.project import VestryError, load_project

    project = load_project(folder)
    one = existing(project, who)
    if not one.is_local:
        raise VestryError(f"the identity provider keeps the password of {one.user.name}", mend="change it there")
    typed = _password()
    refuse_weak(typed, who, one.user.name, project.settings.council.name)
    change(project, who, password=hashed(typed))
    click.echo(f"{who} logs in with the new password from now on.")


@user.command()
@click.argument("who", metavar="NAME")
@project_option
def off(who: str, folder: Path) -> None:
    """Switch an account off: its sessions end, and its tokens open nothing, from this moment.

    \b
    Example:
      vestry user off jo
    """
    _switch(folder, who, is_off=True)
    click.echo(f"{who} is off.")


@user.command()
@click.argument("who", metavar="NAME")
@project_option
def on(who: str, folder: Path) -> None:
    """Switch an account on again; tokens that were not revoked open what they did.

    \b
    Example:
      vestry user on jo
    """
    _switch(folder, who, is_off=False)
    click.echo(f"{who} can log in.")


@click.group(cls=Commands)
def token() -> None:
    """Tokens, by which programs come in as a person: add, list, revoke.

    \b
    Examples:
      vestry token add "nightly export" --user jo --scope sql --expires 90d
      vestry token list
      vestry token revoke vst_0a1b2c3d4e5f
    """


@token.command(name="add")
@click.argument("name")
@click.option("--user", "who", required=True, help="Whose it is.")
@click.option("--scope", "scopes", multiple=True, required=True, help="What it may do: read, sql, metrics.")
@click.option("--expires", default="90d", show_default=True, help="After how long it ends; at most 365d.")
@project_option
def add_(name: str, who: str, scopes: tuple[str, ...], expires: str, folder: Path) -> None:
    """Make a token, NAME what it is for, and print it: it is not shown again.

    \b
    Example:
      vestry token add "nightly export" --user jo --scope sql --expires 90d
    """
    from vestry.governance.identity.tokens import add_token
    from vestry.project import load_project

    click.echo(add_token(load_project(folder), who, name, scopes, expires))


@token.command(name="list")
@click.option("--user", "who", help="Only those of one account.")
@project_option
@format_options
def list_tokens(who: str | None, folder: Path, form: str) -> None:
    """List the tokens: how each begins, never the whole.

    \b
    Example:
      vestry token list --user jo
    """
    from vestry.console import show_rows
    from vestry.governance.identity.tokens import tokens
    from vestry.project import load_project

    rows = [
        {
            "token": one.prefix,
            "user": one.account,
            "name": one.name,
            "scopes": ", ".join(one.scopes),
            "ends": _day(one.ends),
            "used": one.used or "",
            "state": one.state,
        }
        for one in tokens(load_project(folder), who)
    ]
    show_rows(rows, ["token", "user", "name", "scopes", "ends", "used", "state"], form)


@token.command(name="revoke")
@click.argument("which", metavar="TOKEN")
@project_option
def revoke_(which: str, folder: Path) -> None:
    """End a token now; TOKEN is how it begins, as the list shows it.

    \b
    Example:
      vestry token revoke vst_0a1b2c3d4e5f
    """
    from vestry.governance.identity.tokens import revoke
    from vestry.project import load_project

    revoke(load_project(folder), which)
    click.echo("The token opens nothing any more.")


def _password() -> str:
    """What is typed twice on a terminal, or the first line of stdin; never an argument, which others can list."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt="The same again")
        return typed
    return sys.stdin.readline().rstrip("\r\n")


def _switch(folder: Path, who: str, is_off: bool) -> None:
    from vestry.governance.identity.accounts import change
    from vestry.project import load_project

    change(load_project(folder), who, is_off=is_off)


def _day(moment: int | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).date().isoformat()
