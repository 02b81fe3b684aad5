"""What the message of a refusal says of the parameters that it names: which are there, and which are not.

A message that is not understood says nothing, so that nothing is held against it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence

from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.record import NamedTuple

#: A name and several, as `_marked` writes them: `a <search>, the <from> or <to>`.
_NAME = r"(?:(?:an?|the|its|their|any|some|one|both|either|all|of|at least|exactly|new|another) )*<\w+>"
_LIST = rf"{_NAME}(?:(?:,? (?:or|and|nor)|,) {_NAME})*"
#: A list as a subject: `the <employee> of an absence`.
_SUBJECT = rf"(?P<second>{_LIST})(?: of (?:an?|the) \w+)?"
_CANNOT = r"(?:cannot|can't|can not|must not|may not|should not)"
_DO_NOT = rf"(?:{_CANNOT}|does not|do not|doesn't|don't|never)"
_GIVE = r"(?:give|send|provide|set|pass|specify|add)"
_GIVEN = r"(?:given|set|sent|present|there|provided|passed|specified)"
_ACCEPTED = r"(?:supported|allowed|accepted|possible|available|known|taken|permitted|used|wanted|changed|changeable)"

#: After `does not`, what says that something is not there, and what is about something else than what follows it.
_LACKING = r"(?:have|has|find|need|require|know|give|say|tell|name|contain|include|send|set|specify)\b"
_LEADING = r"(?:which|what|whose|whether|before|after|than|above|below|since|until|between|without|no)\b"
#: Names that are more often other words where nothing quotes them.
_LITTLE = frozenset(
    "to from by at in on of for is as with and or not no a an the one only give set needs".split()  # noqa: SIM905
)
#: What leaves open what a clause says.
_UNCLEAR = lazy_pattern(
    r"\b(?:but|except|only(?! one of)|alone|instead|otherwise|other than|apart|empty|nothing)\b", re.IGNORECASE
)
#: What only says when the rest holds.
_ASIDE = lazy_pattern(r",?\s*\b(?:if|when|where|while|unless|because)\b[^,]*", re.IGNORECASE)
_NOT_TOGETHER = lazy_pattern(
    r"\bnot both\b|\bnever both\b|\b(?:only|at most|exactly|just) one of\b|\bexclude each other\b"
    rf"|\bmutually exclusive\b|\b{_DO_NOT}\b.*\b(?:together|both|combined?|at once|at the same time)\b",
    re.IGNORECASE,
)
_TOGETHER = lazy_pattern(r"\b(?:go|come|belong|given|set|sent|needed|used) together\b", re.IGNORECASE)
_ONE_OF = lazy_pattern(rf"\b(?:{_GIVE}|needs?|requires?|exactly|either|must)\b", re.IGNORECASE)
_COMBINED = lazy_pattern(
    rf"(?P<first>{_LIST})[^<>]*\b(?:{_DO_NOT}|is not|are not)\b[^<>]*\bwith (?P<second>{_LIST})", re.IGNORECASE
)
_WITHOUT = lazy_pattern(
    rf"(?P<first>{_LIST})?[^<>]*?\b(?:{_DO_NOT}|is not|are not|no)\b[^<>]*\bwithout (?P<second>{_LIST})", re.IGNORECASE
)
_NEEDS = lazy_pattern(
    rf"(?P<first>{_LIST})?(?P<between>[^<>]*?)\b(?:needs?|requires?|must (?:have|give|name|contain|include)|lacks?"
    rf"|{_GIVE}|(?:account|request|query|body|caller) has no) (?P<second>{_LIST})",
    re.IGNORECASE,
)
_NEEDED = lazy_pattern(
    rf"{_SUBJECT} (?:(?:is|are)(?: always| both| all)? (?:required|missing|needed|mandatory|absent)"
    rf"|(?:is|are) not {_GIVEN}|(?:must|has to|have to|needs? to|should) be {_GIVEN}"
    rf"|{_CANNOT} be (?:left out|missing|absent|omitted))\b",
    re.IGNORECASE,
)
_REFUSED = [
    lazy_pattern(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:takes?|knows?|supports?|accepts?|allows?|has|have|filters?|with) (?:no|neither) (?P<second>{_LIST})",
        rf"{_SUBJECT} (?:(?:is|are) (?:not|never)|isn't|aren't) {_ACCEPTED}\b",
        rf"{_SUBJECT} (?:is|are) (?:unsupported|forbidden|unknown|read-only|refused)\b",
        rf"{_SUBJECT} {_CANNOT} be (?:{_ACCEPTED}|{_GIVEN}|asked|filtered|read|written|searched|chosen)\b",
        rf"\b{_DO_NOT} (?!{_LACKING})(?:(?!{_LEADING})[\w']+ ){{1,6}}(?P<second>{_LIST})",
        rf"\b(?:leave|omit|remove|drop)(?: out)? (?P<second>{_LIST})",
    )
]
_NEGATION = lazy_pattern(r"\b(?:not?|never|cannot|nor)\b|n't\b", re.IGNORECASE)


class Claim(NamedTuple):
    """What a message says of some names: whether it may be given where some of them are there."""

    names: frozenset[str]
    holds: Callable[[Collection[str]], bool]


def claims(message: str, tested: Collection[str], known: Collection[str]) -> list[Claim]:
    """What a message says of the names that its condition knows; of those, some are only `tested` for presence.

    The message is right where one of the claims holds.
    """
    marked = _marked(message, known)
    clauses = re.split(r"[.;:!?](?:\s+|$)|\n", marked)
    return [one for clause in clauses for one in _of_clause(clause, frozenset(tested), frozenset(known))]


def _marked(message: str, known: Collection[str]) -> str:
    """A message whose names are marked: those in quotes, or else the words that are names."""
    quoted = re.findall(r"[`'\"](\w+)(?:\.\w+)*[`'\"]", message)
    if not known or set(quoted) & set(known):
        return re.sub(r"[`'\"](\w+)(?:\.\w+)*[`'\"]", r"<\1>", message)
    each = sorted(set(known) - _LITTLE, key=len, reverse=True)
    if not each:
        return message
    words = "|".join(re.escape(one).replace("_", "[ _-]") for one in each)
    return re.sub(rf"(?<![\w.-])(?:{words})(?![\w-])", lambda one: f"<{re.sub('[ -]', '_', one[0].lower())}>", message)


def _of_clause(clause: str, tested: frozenset[str], known: frozenset[str]) -> Iterator[Claim]:
    if "<" not in clause or _UNCLEAR.search(clause):
        return
    clause = _ASIDE.sub("", clause)
    if any(one.search(clause) for one in (_NOT_TOGETHER, _TOGETHER, _COMBINED)):
        yield from _of_several(clause, tested, known)
    elif needed := _WITHOUT.search(clause) or _NEEDED.search(clause) or _needs(clause):
        yield from _of_needed(needed, tested, known)
    else:
        found = [one for pattern in _REFUSED for one in pattern.finditer(clause)]
        names = _names(*[one["second"] for one in found]) & known
        yield from [Claim(names, lambda given: not names.isdisjoint(given))] if names else []


def _names(*texts: str | None) -> frozenset[str]:
    return frozenset(one for text in texts for one in re.findall(r"<(\w+)>", text or ""))


def _of_several(clause: str, tested: frozenset[str], known: frozenset[str]) -> Iterator[Claim]:
    """Names of which not all are there together, or none without the others."""
    combined = _COMBINED.search(clause)
    if combined is not None:
        sides = [names for key in ("first", "second") if (names := _names(combined[key]) & known)]
        yield from [Claim(frozenset().union(*sides), _each(sides))] if sides else []
        return
    names = _names(clause)
    if len(names) < 2 or not names <= tested:
        return
    if not _NOT_TOGETHER.search(clause):
        yield Claim(names, lambda given: 0 < len(names.intersection(given)) < len(names))
    elif _ONE_OF.search(clause):
        yield Claim(names, lambda given: len(names.intersection(given)) != 1)
    else:
        yield Claim(names, lambda given: len(names.intersection(given)) > 1)


def _each(sides: Sequence[frozenset[str]]) -> Callable[[Collection[str]], bool]:
    """Whether one name of each side is there."""
    return lambda given: all(not side.isdisjoint(given) for side in sides)


def _needs(clause: str) -> re.Match[str] | None:
    """What a clause says that something needs, without a `not` before it."""
    found = _NEEDS.search(clause)
    before = clause[: found.start("second")] if found is not None else ""
    before = re.sub(r"(?:account|request|query|body|caller) has no ", "", before, flags=re.IGNORECASE)
    return None if _NEGATION.search(before) else found


def _of_needed(needed: re.Match[str], tested: frozenset[str], known: frozenset[str]) -> Iterator[Claim]:
    """Names one of which is needed, or all of which are, for others that are there."""
    wanted, users = _names(needed["second"]), _names(needed.groupdict().get("first")) & known
    is_any = _is_any(needed["second"])
    if is_any is None or not wanted & known or not wanted <= tested:
        return

    def holds(given: Collection[str]) -> bool:
        lacks = wanted.isdisjoint(given) if is_any else not wanted.issubset(given)
        return lacks and (not users or not users.isdisjoint(given))

    yield Claim(wanted | users, holds)


def _is_any(several: str) -> bool | None:
    """Whether one of several names is enough; None if that depends on which."""
    joins = {one.lower() for one in re.findall(r"\b(?:or|and|(?:one|any) of)\b", several, re.IGNORECASE)}
    chosen = {one for one in joins if one.endswith(" of")}
    begins = re.match(r"(?:(?:at least|either|any) )*(?:one|any) of\b", several, re.IGNORECASE)
    if (chosen and begins is None) or {"or", "and"} <= joins:
        return None
    return bool(chosen) or "or" in joins
