"""Passwords of local accounts: how they are kept, and which are too weak to be kept."""

from __future__ import annotations

import string
from functools import cache
from typing import TYPE_CHECKING

from vestry.project import VestryError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

#: Characters of a password, at least and at most.
LEAST, MOST = 12, 200
#: What people take where a rule asks for something: found whatever digits and signs stand around or between.
_COMMON = frozenset(
    word
    for line in (
        "password passwort letmein welcome welcometo qwerty qwertyuiop qwertyuiopasdfghjkl asdfghjkl zxcvbnm iloveyou",
        "administrator admin changeme changemenow trustno dragon monkey football liverpool liverpoolfc arsenal chelsea",
        "manchesterunited manchester sunshine princess superman batman starwars whatever computer internet secret",
        "mypassword thepassword newpassword passwordpassword adminadmin council countycouncil citycouncil vestry",
        "boroughcouncil districtcouncil spring summer autumn winter january february march april may june july august",
        "september october november december monday tuesday wednesday thursday friday saturday sunday abcdefgh",
        "abcdefghijkl abcabcabc correcthorsebatterystaple iloveyouiloveyou",
    )
    for word in line.split()
)
_PLAIN = str.maketrans("013457@$!", "oieastasi")


def weakness(password: str, *about: str) -> str | None:
    """What is wrong with a password, in words; `about` are the names of its owner and of the council."""
    if len(password) < LEAST:
        return f"it must have at least {LEAST} characters: three random words are good"
    if len(password) > MOST:
        return f"it must have at most {MOST} characters"
    if password != password.strip() or not password.isprintable():
        return "it must not begin or end with a space, nor hold what cannot be seen"
    folded = password.casefold()
    letters = "".join(c for c in folded if c.isalpha())
    inner = folded.strip(string.digits + string.punctuation)
    spelt = "".join(c for c in inner.translate(_PLAIN) if c.isalpha())
    own = {"".join(c for c in text.casefold() if c.isalpha()) for text in about}
    half = len(folded) // 2
    repeats = len(set(folded)) < 5 or (folded[:half] == folded[half : 2 * half] and len(set(folded)) < 8)
    if repeats or len(letters) < 3 or {letters, spelt} & (_COMMON | own):
        return "too many people would think of it: three random words are better"
    return None


def hashed(password: str) -> str:
    """The argon2id hash of a password: about 0.1 s and 64 MB."""
    return _hasher().hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether a password is the one that was hashed; without a hash it takes as long, and is not."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(kept or _nobody(), password[: MOST + 1]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def refuse_weak(password: str, *about: str) -> None:
    """Raises VestryError for a password that `weakness` finds."""
    if what := weakness(password, *about):
        raise VestryError("this password cannot be used", mend=what)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    return hashed("nobody has this password")
