"""Signatures of webhooks, as https://www.standardwebhooks.com has them.

`webhook-signature: v1,BASE64` is the HMAC-SHA256 of `webhook-id.webhook-timestamp.body`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence

#: Seconds by which the sender's clock, or the way here, may be off.
TOLERANCE = 300


def secret_key(secret: str) -> bytes:
    """The bytes of a secret: a text, or `whsec_` and base64. Raises ValueError where it is too short to be one."""
    key = base64.b64decode(secret[6:], validate=True) if secret.startswith("whsec_") else secret.encode()
    if len(key) < 16:
        raise ValueError("a secret has at least 16 bytes")
    return key


def sign(key: bytes, message: str, timestamp: int, body: bytes) -> str:
    """The signature of a message, as the header has it."""
    signed = hmac.new(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(signed).decode()


def is_signed(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: float | None = None) -> bool:
    """Was the body signed with one of the keys, and not long ago? Takes the same time whatever is wrong with it."""
    try:
        message, timestamp = headers.get("webhook-id") or "", int(headers.get("webhook-timestamp") or "")
    except ValueError:
        return False
    given = (headers.get("webhook-signature") or "").split()[:8]
    wanted = [sign(key, message, timestamp, body).encode() for key in keys]
    matches = [hmac.compare_digest(one.encode(errors="replace"), right) for one in given for right in wanted]
    recent = abs((time.time() if now is None else now) - timestamp) <= TOLERANCE
    return any(matches) and recent and bool(message)
