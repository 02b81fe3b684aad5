"""Regular expressions as ECMAScript writes them, without its flag u, in the syntax of RE2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from truto_mapper.text.lazy_pattern import lazy_pattern

_SPACES: Final = r"\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}"
_OTHERS: Final = (
    r"\x{0}-\x{8}\x{e}-\x{1f}!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}"
    r"\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}"
)
#: Classes within brackets.
_CLASSES: Final = {"s": _SPACES, "S": _OTHERS} | {letter: f"\\{letter}" for letter in "dDwW"}
_DOT: Final = r"[^\n\r\x{2028}\x{2029}]"
_ANY: Final = r"\x{0}-\x{10ffff}"
_CONTROLS: Final = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
#: A part of a pattern: a set, an escape, a character that is written with digits, how a group begins, a repeat.
_CODE: Final = (
    r"u(?P<pair>[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|u(?P<u>[0-9a-fA-F]{4})|x(?P<x>[0-9a-fA-F]{2})"
)
_ESCAPE: Final = rf"\\(?:{_CODE}|c(?P<c>[A-Za-z])|(?P<p>[pP]\{{\^?[A-Za-z]\w*\}})|(?P<n>[0-9]+)|(?P<e>.))"
_BRACKETS: Final = r"(?s)\[((?:\\.|[^\\\]])*)\]"
#: What both write alike.
_PLAIN: Final = r"(?:[^\\\[\](){}.]|\((?!\?[^:])|\)|\[\^?(?:[ \w](?:-\w)?)+\])+"
_PART: Final = lazy_pattern(
    rf"(?as)(?P<plain>{_PLAIN})|{_ESCAPE}|(?P<set>{_BRACKETS[4:]})"
    r"|(?P<name>\(\?<(?![=!])[^>]*>)|(?P<repeat>\{\d+(?:,\d*)?\})|(?P<any>.)"
)
_MEMBER: Final = lazy_pattern(rf"(?as){_ESCAPE.replace('[A-Za-z]', '[A-Za-z0-9_]')}|(?P<any>.)")
#: The characters that are literal where they stand alone, and those that are not in a set.
_ALONE, _SET = "]{}", "[]^-\\"
#: A minus sign in a set, which is a range if it is between two characters.
_RANGE: Final = ""
_OCTAL: Final = lazy_pattern(r"[0-3][0-7]{0,2}|[4-7][0-7]?|")


def translated(pattern: str) -> str:
    """A pattern as RE2 writes it. What RE2 does not have, and what is no pattern, stays as it is."""
    groups = len(re.findall(r"\((?!\?)|\(\?<(?![=!])", re.sub(rf"{_BRACKETS}|\\.", "", pattern)))
    return "".join(_part(found, groups) for found in _PART.finditer(pattern))


def _part(found: re.Match[str], groups: int) -> str:
    """A part outside of sets."""
    match found.lastgroup:
        case "plain" | "repeat":
            return found[0]
        case "set":
            return _set(found["set"][1:-1])
        case "name":
            return "("
        case "any":
            return _DOT if found[0] == "." else f"\\{found[0]}" if found[0] in _ALONE else found[0]
        case "n" if 0 < int(found["n"][:3]) <= groups:
            return found[0]
        case "e" if found["e"] in "bBdDwW":
            return found[0]
        case "e" if found["e"] in "sS":
            return f"[{'^' * found['e'].isupper()}{_SPACES}]"
        case "e" if found["e"] == "k" and "(?<" in found.string:
            return found[0]
    return "".join(one if len(one) > 1 else _literal(one) for one in _characters(found))


def _characters(found: re.Match[str]) -> Iterator[str]:
    """The characters that an escape is, one by one; a class of Unicode as RE2 writes it."""
    match found.lastgroup:
        case "pair":
            yield found[0].encode().decode("unicode-escape").encode("utf-16", "surrogatepass").decode("utf-16")
        case "u" | "x":
            yield chr(int(found[found.lastgroup], 16))
        case "c":
            yield chr(ord(found["c"]) % 32)
        case "p":
            yield found[0]
        case "n":
            octal = _OCTAL.match(found["n"])
            code = octal[0] if octal else ""
            yield from (chr(int(code, 8)), *found["n"][len(code) :]) if code else found["n"]
        case "e" if found["e"] == "c":
            yield from ("\\", "c")
        case _:
            yield _CONTROLS.get(found["e"] or "", found["e"] or found[0])


def _literal(char: str, specials: str = "\\^$.|?*+()[]{}") -> str:
    """A character itself."""
    if char in specials:
        return f"\\{char}"
    return char if char.isprintable() else f"\\x{{{ord(char):x}}}"


def _set(inner: str) -> str:
    """A set in brackets. A range from or to a class is the class, the character, and a minus sign."""
    sign, inner = ("^", inner[1:]) if inner.startswith("^") else ("", inner)
    if not inner:
        return f"[{'' if sign else '^'}{_ANY}]"
    members = [member for found in _MEMBER.finditer(inner) for member in _members(found)]
    written, place = "", 0
    while place < len(members):
        first, *rest = members[place : place + 3]
        has_two = len(rest) == 2 and rest[0] == _RANGE
        is_range = has_two and max(len(first), len(rest[1])) < 2
        written += _member(first)
        written += ("-" if is_range else r"\-") + _member(rest[1]) if has_two else ""
        place += 3 if has_two else 1
    return f"[{sign}{written}]"


def _members(found: re.Match[str]) -> Iterator[str]:
    """What a part of a set is: characters, a class, or `_RANGE`."""
    escaped = found["e"]
    if found[0] == "-":
        yield _RANGE
    elif escaped in _CLASSES:
        yield _CLASSES[escaped]
    elif escaped == "b":
        yield "\b"
    else:
        yield from _characters(found)


def _member(member: str) -> str:
    return member if len(member) > 1 else _literal(member or "-", _SET)
