"""Functions that make digests and signatures: $digest and $sign."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

from truto_mapper.language.library.truto.ecmascript import exact_text, is_falsy, refuse_value, utf8
from truto_mapper.language.library.truto.texts import encoded
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.values import MISSING, Run, fail

_HASHES: Final = {f"SHA-{size}": f"sha{size}" for size in (1, 256, 384, 512)}
_KNOWN: Final = "SHA-256, SHA-384, SHA-512, SHA-1 or MD5"
_BEGINNING, _END = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"


def _bytes(run: Run, value: Any) -> bytes:
    text = "" if value is MISSING else exact_text(run, value)
    run.tick(len(text) >> 8)
    return utf8(text)


def _written(data: bytes, form: Any) -> Any:
    """Bytes in a form: `hex`, `base64` or `base64-urlSafe`; MISSING for another one."""
    if form is MISSING or form == "hex":
        return data.hex()
    return encoded(data, form) if form in ("base64", "base64-urlSafe") else MISSING


def digest(run: Run, text: Any = MISSING, algorithm: Any = MISSING, form: Any = MISSING) -> Any:
    """The digest of a text's UTF-8, by SHA-256 and in hexadecimal digits if nothing else is asked for."""
    if algorithm in ("MD5", "md5"):
        if not isinstance(text, str):
            refuse("T0410", "digest", 1, "a text for MD5", text)
        made = hashlib.md5(_bytes(run, text), usedforsecurity=False).digest()
        return _written(made, form if form in (MISSING, "hex", "base64-urlSafe") else "base64")
    name = "SHA-256" if algorithm is MISSING else algorithm
    known = _HASHES.get(name.upper()) if isinstance(name, str) else None
    if known is None:
        refuse_value("digest", 2, _KNOWN, algorithm)
    return _written(hashlib.new(known, _bytes(run, text), usedforsecurity=False).digest(), form)


def sign(run: Run, text: Any = MISSING, algorithm: Any = MISSING, secret: Any = MISSING, form: Any = MISSING) -> Any:
    """The HMAC of a text by a secret, with SHA-256 if nothing else is asked for; or its RSA signature, RS256."""
    name = "SHA-256" if algorithm is MISSING or is_falsy(algorithm) else exact_text(run, algorithm).strip().upper()
    if name == "RS256":
        return _written(_rsa(_bytes(run, text), secret), form)
    if name not in _HASHES:
        refuse_value("sign", 2, "SHA-256, SHA-384, SHA-512, SHA-1 or RS256", algorithm)
    if secret is MISSING or secret == "":
        refuse("T0410", "sign", 3, "a secret", secret)
    return _written(hmac.digest(_bytes(run, secret), _bytes(run, text), _HASHES[name]), form)


def _rsa(data: bytes, secret: Any) -> bytes:
    """The signature of data by a private key in PEM. Nothing is quoted of the key."""
    wanted = f"argument 3 of $sign must be a private RSA key in PEM for RS256: PKCS#8, which begins with {_BEGINNING}"
    pem = secret.replace("\\n", "\n") if isinstance(secret, str) else ""
    if _BEGINNING not in pem:
        fail("D3137", wanted)
    try:
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415  # an optional extra
        from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415  # likewise
    except ImportError:
        fail("D3137", "$sign needs the package cryptography for RS256", "pip install 'truto-mapper[sign]'")
    try:
        key = serialization.load_pem_private_key(pem.strip().encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        fail("D3137", wanted)
    return bytes(key.sign(data, padding.PKCS1v15(), hashes.SHA256()))
