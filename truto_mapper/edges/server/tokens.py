"""API tokens: `truto_` and an id, a secret of 256 random bits, and what a token grants."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime

from truto_mapper.text.record import record

_FORM = re.compile(r"truto_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")

#: What a token grants unless more is asked for.
READING = ("list", "get")


@record
class Grant:
    """What a token allows: these methods on these accounts (None: on every account) until it expires."""

    token: str
    name: str
    accounts: frozenset[str] | None
    methods: frozenset[str]
    created: datetime
    expires: datetime | None = None

    def has_account(self, account_id: str) -> bool:
        """Whether the token is for an account. If not, the answer is the one for an account that does not exist."""
        return self.accounts is None or account_id in self.accounts

    def has_method(self, method: str) -> bool:
        """Whether the token allows `list`, `get`, `create`, `update` or `delete`."""
        return method in self.methods

    def is_expired(self, now: datetime) -> bool:
        """Whether the token is of no use any more."""
        return self.expires is not None and now >= self.expires


@record
class StoredToken:
    """A token as it is stored: what it grants, and the digest of its text."""

    grant: Grant
    digest: str

    def granted(self, text: str, now: datetime) -> Grant | None:
        """What a text grants if it is this token, and not expired. It takes the same time wherever they differ."""
        is_same = hmac.compare_digest(self.digest, digest(text))
        return self.grant if is_same and not self.grant.is_expired(now) else None


def new_token() -> tuple[str, str]:
    """The id and the text of a new token."""
    token_id = secrets.token_hex(8)
    return token_id, f"truto_{token_id}_{secrets.token_urlsafe(32)}"


def id_of(text: str) -> str | None:
    """The id in the text of a token; None if it does not look like one."""
    found = _FORM.fullmatch(text)
    return found and found[1]


def digest(text: str) -> str:
    """What is stored of a token. Nobody can guess 256 random bits, so a fast hash is as good as a slow one."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
