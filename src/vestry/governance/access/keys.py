"""Secret keys: of hashed columns, one for each purpose, and of our own uses: all made from one outside the lake."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets

from vestry.governance.access.terms import plain
from vestry.project import Project, VestryError

#: The environment variable that holds the master key, where several machines must hash alike.
VARIABLE = "VESTRY_HASH_KEY"
_FILE = "hash.key"
_LEAST = 32


def purpose_key(project: Project, purpose: str) -> bytes:
    """The key of a purpose, 32 bytes. Case and spaces do not part purposes.

    Raises VestryError where the master key is too short to be one.
    """
    return hmac.new(_master(project), plain(purpose).encode(), hashlib.sha256).digest()


def own_key(project: Project, use: str) -> bytes:
    """The key of a use of our own, such as signing addresses, 64 bytes. No purpose has it, whatever it is called."""
    return hmac.new(_master(project), use.encode(), hashlib.sha512).digest()


def _master(project: Project) -> bytes:
    if said := project.env.get(VARIABLE):
        if len(said) < _LEAST:
            raise VestryError(
                f"{VARIABLE} is too short to be a key", mend=f"give it {_LEAST} random characters or more"
            )
        return said.encode()
    file = project.state / _FILE
    try:
        return file.read_bytes()
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked: of two that make it at once, one wins and both read the same.
    aside = file.with_name(f"{_FILE}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(secrets.token_hex(32).encode())
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(aside, file)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    return file.read_bytes()
