"""Recording a golden case of a provider's reply, with aliases for the people in it.

An alias may change what a mapping does: it tests words, sorts names, cuts texts. So the outcome with aliases must be
that without them but for the aliases, and a value whose alias makes a difference keeps its text.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_plus

from truto_mapper.authoring.aliases import Aliases, Matches
from truto_mapper.authoring.golden.cases import Case, Settings, read
from truto_mapper.authoring.golden.runs import Result, failure, run
from truto_mapper.authoring.golden.values import as_json, same, value_in
from truto_mapper.authoring.golden.writing import write
from truto_mapper.engine.cursor import MARK
from truto_mapper.engine.mapper import Mapper, load
from truto_mapper.engine.page import Response
from truto_mapper.language.nodes import Node, Regex, String, walk
from truto_mapper.mapping.linked import every
from truto_mapper.resource.field import Field
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MapperError, MappingError
from truto_mapper.text.regex import compile_pattern
from truto_mapper.text.shape import shaped
from truto_mapper.text.source import Source

#: The settings that have files of their own.
_FILES = ("body", "joined")

#: How many values may keep their text before a case is refused.
MOST_KEPT = 20


@dataclass(frozen=True, slots=True)
class Recorded:
    """A new case; `aliased` says how many texts got an alias, by their path, `kept` which ones had to stay."""

    case: Case
    aliased: dict[str, int] = field(default_factory=dict)
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Made:
    """A payload and settings, what they give, and the aliases in them."""

    payload: Any
    settings: dict[str, Any]
    result: Result
    aliases: Aliases


def record(
    mapping: Path,
    name: str,
    payload: Any,
    settings: dict[str, Any],
    *,
    salt: str | None = "",
    words: Collection[str] = (),
) -> Recorded:
    """Make a case of a provider's reply that expects what it gives now; for a person to read and commit.

    The people in it get aliases, the same ones for the same `salt`; None keeps the payload as it is. The texts in
    `words` have none. Raises `MappingError`: G704 if there is such a case, G706 if aliases change too much of what the
    mapping does, and M106 for invalid settings. `settings` are those of `case.yaml`, the
    caller's `body`, and in `joined` the replies to joins.
    """
    folder = mapping.with_suffix("") / name
    if folder.exists():
        hint = "choose another name, or remove the folder"
        raise MappingError(Diagnostic("G704", f"there is already a case {excerpt(name)}: {folder}", hint=hint))
    trial = _Trial(load(mapping), mapping, folder, words)
    made, kept = _Made(payload, settings, trial.result(payload, settings), Aliases("")), list[str]()
    if salt is not None:
        made, kept = trial.disguised(made, salt)
    text, body = _yaml(made.settings), made.settings.get("body")
    if made.result.error is not None:
        text += yaml_tree.written({"raises": _stated(made.result.error)})
    folder.mkdir(parents=True)
    reply = (
        {"payload.txt": made.payload.decode()}
        if isinstance(made.payload, bytes)
        else {"payload.json": as_json(made.payload)}
    )
    given = {"case.yaml": text, **reply}
    given |= {} if body is None else {"body.json": as_json(body)}
    for name_, replies in made.settings.get("joined", {}).items():
        given |= {f"{name_}-{n}.payload.json": as_json(one) for n, one in enumerate(replies, 1)}
    for file, content in (given | made.result.files).items():
        write(folder / file, content)
    return Recorded(read(folder), {path: n for path, n in made.aliases.counts.items() if n}, tuple(kept))


def _stated(error: MapperError) -> dict[str, Any]:
    """What a case states about its error."""
    about = failure(error)
    details = ("status", "retry_after", "request_id") if about["error"] == "ProviderError" else ("codes",)
    return {name: about[name] for name in ("error", *details)}


def _yaml(settings: dict[str, Any]) -> str:
    return yaml_tree.written({key: value for key, value in settings.items() if value is not None and key not in _FILES})


@dataclass(frozen=True)
class _Trial:
    """Runs a case that has no files yet."""

    mapper: Mapper
    mapping: Path
    folder: Path
    words: Collection[str]

    def result(self, payload: Any, settings: dict[str, Any]) -> Result:
        node = yaml_tree.parse(Source(str(self.folder / "case.yaml"), _yaml(settings)))
        given = settings.get("joined", {}).items()
        joined = {(name, n): Response(one) for name, replies in given for n, one in enumerate(replies, 1)}
        return run(
            Case(self.folder, self.mapping, shaped(node, Settings), node, payload, settings.get("body"), {}, joined),
            self.mapper,
        )

    def disguised(self, plain: _Made, salt: str) -> tuple[_Made, list[str]]:
        """The same with aliases, and the texts that had to stay. Raises `MappingError` G706."""
        kept: list[str] = []
        while True:
            made = self.attempt(plain, salt, kept)
            if _is_alike(plain.result, made.result, made.aliases):
                return made, kept
            texts = [text for text, alias in made.aliases.known.items() if text != alias]
            if len(kept) == MOST_KEPT or not texts:
                shown = ", ".join(excerpt(text, 30) for text in kept[:3])
                message = f"aliases change what the mapping does with this payload, of {shown} and others"
                raise MappingError(Diagnostic("G706", message, hint="record a smaller payload, or use --raw"))
            kept.append(texts[self._culprit(plain, salt, kept, texts)])

    def attempt(self, plain: _Made, salt: str, kept: Sequence[str]) -> _Made:
        """The same with aliases for all but these texts."""
        aliases = Aliases(salt, self._words | {*self.words, *kept}, self._matches, self._sentences(plain))
        payload, settings = aliases.of(plain.payload), _settings(aliases, plain.settings, self.mapper)
        return _Made(payload, settings, self.result(payload, settings), aliases)

    def _culprit(self, plain: _Made, salt: str, kept: list[str], texts: list[str]) -> int:
        """The index of the text that must stay for the outcome to be the same, if all before it stay too."""
        low, high = 0, len(texts) - 1
        while low < high:
            middle = (low + high) // 2
            made = self.attempt(plain, salt, [*kept, *texts[: middle + 1]])
            low, high = (low, middle) if _is_alike(plain.result, made.result, made.aliases) else (middle + 1, high)
        return low

    @cached_property
    def _nodes(self) -> list[Node]:
        expressions = [one for endpoint in self.mapper.mapping.endpoints for _, one in every(endpoint)]
        return [node for one in (*expressions, *self.mapper.mapping.errors.values()) for node in walk(one.node)]

    @cached_property
    def _words(self) -> frozenset[str]:
        """The texts that the mapping knows by name: those in its expressions, and those its schemas list."""
        found = {node.value for node in self._nodes if isinstance(node, String)}
        for field_ in (*self.mapper.resource.fields.values(), *self.mapper.resource.parameters.values()):
            found |= _listed(field_)
        for endpoint in self.mapper.mapping.endpoints:
            for node in yaml_tree.parse(endpoint.source).walk() if endpoint.source is not None else ():
                listed = node.value.get("enum") or node.value.get("const") if isinstance(node.value, dict) else None
                found |= {n.value for n in listed.walk() if isinstance(n.value, str)} if listed is not None else set()
        return frozenset(found)

    @cached_property
    def _patterns(self) -> list[Any]:
        given = dict.fromkeys((node.pattern, node.flags) for node in self._nodes if isinstance(node, Regex))
        return [compile_pattern(pattern, flags) for pattern, flags in given]

    def _matches(self, text: str) -> Matches:
        """Where the mapping's regular expressions match a text."""
        try:
            return tuple((found := one.search(text)) and found.span() for one in self._patterns)
        except UnicodeError:  # half of a surrogate pair
            return ()

    def _sentences(self, plain: _Made) -> frozenset[str]:
        """The provider's own words, if it refused: the texts that `error_mapping.message` reads."""
        message, status = self.mapper.mapping.errors.get("message"), plain.settings.get("status") or 200
        if message is None or (200 <= status < 300 and plain.result.error is None):
            return frozenset()
        try:
            said = message.evaluate(plain.payload, {"response": plain.payload, "status": status, "headers": {}})
        except MapperError:
            return frozenset()
        return frozenset(one for one in (said if isinstance(said, list) else [said]) if isinstance(one, str))


def _listed(field_: Field) -> set[str]:
    """The texts that a field or parameter of the resource may be."""
    inner = [*field_.fields.values(), *([field_.items] if field_.items is not None else [])]
    return {one for one in field_.enum if isinstance(one, str)}.union(*map(_listed, inner))


def _settings(aliases: Aliases, settings: dict[str, Any], mapper: Mapper) -> dict[str, Any]:
    """Settings with aliases for what is personal in the query, and for what the payload has too."""
    query = settings.get("query")
    personal = {name for name, one in mapper.resource.parameters.items() if _is_free(name, one)}
    if isinstance(query, str):
        query = "&".join(_part(aliases, part, personal) for part in query.split("&"))
    elif isinstance(query, dict):
        query = {
            n: aliases.of(value, ("query", n)) if n in personal else aliases.known_in(value)
            for n, value in query.items()
        }
    own = {"query": query} | {name: aliases.of(settings[name]) for name in _FILES if name in settings}
    return {**aliases.known_in({key: value for key, value in settings.items() if key not in own}), **own}


def _part(aliases: Aliases, part: str, personal: set[str]) -> str:
    """A part of a query string, `users[]=7,9`, with aliases in its value."""
    name, equals, value = part.partition("=")
    known = unquote_plus(name).partition("[")[0]
    texts = [unquote_plus(one) for one in value.split(",")]
    made = aliases.of(texts, ("query", known)) if known in personal else aliases.known_in(texts)
    return part if made == texts else name + equals + ",".join(quote(one, safe=":/@") for one in made)


def _is_free(name: str, parameter: Field) -> bool:
    """Whether a parameter of a query holds what callers write; not a cursor, which is sealed, nor our own settings."""
    is_ours = name in ("next_cursor", "remote_query") or name.startswith("truto_")
    is_text = parameter.type == "string" and parameter.format is None and not parameter.enum
    return not is_ours and (is_text or parameter.type in ("array", "object"))


def _is_alike(before: Result, after: Result, aliases: Aliases) -> bool:
    """Whether two outcomes are the same but for aliases."""
    was, now = (failure(one.error) if one.error is not None else {} for one in (before, after))
    if before.files.keys() != after.files.keys() or not _same_but(was, now, aliases):
        return False
    pairs = ((value_in(name, text), value_in(name, after.files[name])) for name, text in before.files.items())
    return all(_same_but(old, new, aliases) for old, new in pairs)


def _same_but(old: Any, new: Any, aliases: Aliases) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        named = {aliases.known_in(name): value for name, value in old.items()}
        return named.keys() == new.keys() and all(_same_but(value, new[key], aliases) for key, value in named.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_same_but(*pair, aliases) for pair in zip(old, new, strict=True))
    if isinstance(old, str) and isinstance(new, str):
        return aliases.explain(old, new) or (old.startswith(MARK) and new.startswith(MARK))
    return same(old, new) or (type(old) is type(new) is int and aliases.known.get(str(old)) == str(new))
