"""How a random secret is kept: by its hash, so that whoever reads the state comes in with nothing of it."""

from __future__ import annotations

import hashlib


def hashed_secret(secret: str) -> str:
    """SHA-256 in hexadecimal digits: enough for what is random and long; passwords take argon2."""
    return hashlib.sha256(secret.encode()).hexdigest()
