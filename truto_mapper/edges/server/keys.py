"""The keys of a service: 32 bytes each. They seal credentials (AES-256-GCM), and keys for cursors are made of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from truto_mapper.edges.server.errors import refuse
from truto_mapper.text.record import NamedTuple

#: The environment variables that hold the keys, or the path of a file that holds them.
VARIABLE, FILE_VARIABLE = "TRUTO_MAPPER_KEY", "TRUTO_MAPPER_KEY_FILE"

SIZE, NONCE, MAX_FILE = 32, 12, 65_536
MAKE = "make one with `truto-mapper key --write FILE`, and keep a copy: without it the credentials are lost"


class Sealed(NamedTuple):
    """A sealed value, and the id of the key that opens it. The nonce is in front of the ciphertext."""

    key: str
    value: bytes


class Keys:
    """The keys of a service. The first seals, each opens what it sealed. Safe to share between threads."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {key_id(key): key for key in keys}
        self.first = key_id(keys[0])

    def __repr__(self) -> str:
        return f"Keys({', '.join(self._keys)})"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the keys, the one that seals first. An id tells nothing about its key."""
        return tuple(self._keys)

    @property
    def cursor_keys(self) -> list[str]:
        """Secrets for `load(cursor_key=…)`, one for each key: a cursor survives the rotation of keys, too."""
        return [hmac.digest(key, b"truto-mapper cursors", "sha256").hex() for key in self._keys.values()]

    def seal(self, value: bytes, about: str) -> Sealed:
        """Seal a value with the first key. It opens only with the same `about`, a text that says whose it is."""
        nonce = secrets.token_bytes(NONCE)  # random nonces are safe for 2³² values of a key (NIST SP 800-38D, 8.3)
        return Sealed(self.first, nonce + AESGCM(self._keys[self.first]).encrypt(nonce, value, about.encode()))

    def open(self, sealed: Sealed, about: str) -> bytes | None:
        """The value; None if it was changed, belongs to something else, or its key is not here."""
        if (key := self._keys.get(sealed.key)) is None or len(sealed.value) < NONCE:
            return None
        try:
            return AESGCM(key).decrypt(sealed.value[:NONCE], sealed.value[NONCE:], about.encode())
        except InvalidTag:
            return None


def key_id(key: bytes) -> str:
    """What names a key: a hash, of which the key cannot be found since it is random."""
    return hashlib.sha256(b"truto-mapper key id" + key).hexdigest()[:12]


def new_key() -> str:
    """A new random key, as text."""
    return base64.b64encode(secrets.token_bytes(SIZE)).decode()


def read_keys(environ: Mapping[str, str], file: Path | None = None) -> Keys:
    """The keys in a file, else in `TRUTO_MAPPER_KEY` or the file that `TRUTO_MAPPER_KEY_FILE` names.

    Raises `StoreError` S801 and S802.
    """
    if file is None and (text := environ.get(VARIABLE)):
        return parse_keys(text, VARIABLE)
    if file is None and (named := environ.get(FILE_VARIABLE)):
        file = Path(named)
    if file is None:
        refuse("S801", f"there is no key: neither {VARIABLE} nor {FILE_VARIABLE} is set", MAKE)
    return parse_keys(_secret_text(file), str(file))


def parse_keys(text: str, where: str) -> Keys:
    """Keys in base64, separated by commas or white space. `where` names the place. Raises `StoreError` S801."""
    words = [word for word in re.split(r"[\s,]+", text) if word]
    keys = [_key(word) for word in words]
    if wrong := [number for number, key in enumerate(keys, 1) if key is None]:
        which = "the key" if len(keys) == 1 else f"key {wrong[0]} of {len(keys)}"
        refuse("S801", f"{which} in {where} is not 32 bytes in base64", MAKE)
    if not keys:
        refuse("S801", f"{where} holds no key", MAKE)
    return Keys([key for key in keys if key is not None])


def _key(word: str) -> bytes | None:
    try:
        key = base64.b64decode(word.translate({ord("-"): "+", ord("_"): "/"}), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == SIZE else None


def _secret_text(file: Path) -> str:
    """The text of a file that only its owner, or its group too, can read. Raises `StoreError` S801 and S802."""
    try:
        with file.open("rb") as opened:
            about = os.fstat(opened.fileno())
            if os.name == "posix" and stat.S_ISREG(about.st_mode) and about.st_mode & 0o027:
                mode = f"{stat.S_IMODE(about.st_mode):04o}"
                refuse("S802", f"others can read {file}, or its group can write it: mode {mode}", f"chmod 600 {file}")
            return opened.read(MAX_FILE).decode("ascii", "replace")
    except OSError as error:
        refuse("S801", f"cannot read the keys in {file}: {error.strerror or error}", MAKE)


def write_key(file: Path) -> str:
    """Write a new key into a new file that only its owner can read, and return its id. Raises `FileExistsError`."""
    text = new_key()
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as opened:
        opened.write(text + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    return parse_keys(text, str(file)).first
