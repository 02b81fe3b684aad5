"""What names tell: values that are swapped, copied from the line above, or left out, by the words of their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.namings import Group, Naming, Namings, Source
from truto_mapper.authoring.check.words import Words, are_kin, are_opposites, kin, letters, parts, words, words_of
from truto_mapper.authoring.sources import innermost
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language import nodes, types
from truto_mapper.language.names import NamePath
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import leaves
from truto_mapper.mapping.overlay import removed
from truto_mapper.resource.field import REMOTE_DATA, Field
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted

#: With fewer fields beside each other than this, a word that most of them have still tells something.
_MANY = 4

#: Words that say only what kind of value it is.
_KINDS = words_of(["time", "date", "count", "number", "ts", "timestamp", "millis", "ms", "epoch", "unix", "utc"])

_UNITS = words_of(["seconds", "secs", "ms", "millis", "minutes", "mins", "hours", "days", "cents", "bytes", "kb", "mb"])

#: How many words of a name surely tell one field from all others.
_LONG = 2

#: Who leaves out more fields than this knows why.
_FORGOTTEN = 2
_CURSOR = ("cursor",)

#: Parameters of the page that is asked for, which a reply repeats.
_REPEATED = frozenset({"page", "pagenumber", "offset", "skip", "start", "startat", "from", "index"})

#: The last words of the names of moments.
_OF_MOMENTS = frozenset({"at", "on", "date", "time", "timestamp"})

_PARTS_OF_ERRORS = ("message", "request_id", "retry_after")


def namesakes(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """C231 to C233 for the endpoints of a mapping."""
    for one in named:
        yield from one.read_otherwise()
        yield from one.left_out(named)
        yield from one.apart()
        yield from one.other_cursor()
        yield from one.without_dollar()
        yield from one.by_text()
        yield from _bare_words(one.types)
    yield from _of_errors(named[0].mapper)
    yield from _different(named)


def _bare_words(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C219: `kind: busy`, where no schema says that there is such a field, and the unified field has that value."""
    for _, field, one in leaves(typed.endpoint.response, typed.mapper.resource.record):
        if field is not None and field.enum and one.text.strip() in field.enum:
            kind = typed.kind(one.node)
            if kind.path is None and kind.kinds == types.KINDS:
                message = f"`{one.line}` is the name of a field, not a text"
                hint = f"text needs quotes of its own: '\"{one.line}\"'"
                yield one.diagnostic("C219", message, severity="warning", hint=hint)


def _without_unit(name: str) -> Words:
    """The words of a name, without those of a unit beside others: `talk_seconds`."""
    return words(name) - _UNITS or words(name)


def _exchanged(group: Group) -> Iterator[tuple[Naming, Diagnostic]]:
    """C232: a name that reads what another one beside it is named after, which reads something else there."""
    single = [one for one in group.namings if len(one.sources) == 1 and one.path]
    for one, other in permutations(single if group.kind in ("record", "object") else (), 2):
        source, theirs, last = one.sources[0], other.sources[0], _without_unit(other.path[-1])
        if source.path == theirs.path or one.path[:-1] != other.path[:-1] or _without_unit(source.name) != last:
            continue
        mine = _without_unit(one.path[-1])
        is_same_place = source.path[:-1] == theirs.path[:-1]
        is_apart = last.isdisjoint(theirs.words | mine) and mine.isdisjoint(source.words)
        if last and mine and is_same_place and is_apart and kin(theirs.name).isdisjoint(kin(other.path[-1])):
            message = f"`{one.name}` reads `{source.text}`, which has the name of `{other.name}`"
            yield one, one.diagnostic("C232", message)


def _of_errors(mapper: Mapper) -> Iterator[Diagnostic]:
    """C232: a part of `error_mapping` that reads what another one is named after."""
    for one in Namings.of_errors(mapper.mapping.errors).of("errors"):
        others = [words(name) for name in _PARTS_OF_ERRORS if name != one.name]
        for source in one.sources:
            if not one.words & source.words and any(other <= source.words for other in others):
                yield one.diagnostic("C232", f"`{one.name}` reads `{source.text}`, which has the name of another part")


def _swapped(group: Group) -> Iterator[tuple[Naming, Diagnostic]]:
    """C231: two names that read what the other is named after."""
    for one, other in combinations(group.namings, 2):
        if _are_swapped(one, other):
            first, second = (
                f"`{naming.name}` reads `{_best(naming, beside)}`" for naming, beside in ((one, other), (other, one))
            )
            for naming in (one, other):
                yield naming, naming.diagnostic("C231", f"{first} and {second}: are they swapped?")


def _are_swapped(one: Naming, other: Naming) -> bool:
    """Whether each of two names has a word of what the other reads, and none of what it reads itself.

    What names of `let` are made of is looked at where their own names say nothing.
    """
    if one.reads(other) or other.reads(one) or one.roots.isdisjoint(other.roots):
        return False
    mine, theirs = one.words - other.words, other.words - one.words
    for first, second in ((one.read, other.read), (one.placed, other.placed)) if mine and theirs else ():
        if mine & (first - second) or theirs & (second - first):
            return False
        is_mine, is_theirs = mine & (second - first) or second == one.words, theirs & (first - second)
        if is_mine and (is_theirs or first == other.words):
            return True
    return False


def _best(naming: Naming, beside: Naming) -> str:
    """The source of a name that has the most of the words of another name."""
    return max(naming.sources, key=lambda source: len(source.words & (beside.words - naming.words))).text


@dataclass(frozen=True)
class Named:
    """The namings of an endpoint, with the types of what they read."""

    types: EndpointTypes

    @property
    def mapper(self) -> Mapper:
        return self.types.mapper

    @cached_property
    def namings(self) -> Namings:
        return Namings.of_endpoint(self.types.endpoint)

    @cached_property
    def read(self) -> set[NamePath]:
        return self.types.inference.paths | self.types.inference.whole

    @cached_property
    def fields(self) -> dict[NamePath, Field]:
        """The innermost fields of a record."""
        return dict(_leaves(self.mapper.resource.fields, ()))

    def variables(self, naming: Naming) -> list[str]:
        """The names of `for_each` and `let` that are bound where a naming is."""
        lets = list(self.namings.of("let"))
        before = lets[: next((at for at, one in enumerate(lets) if one is naming), len(lets))]
        return [*(one for one, _ in self.types.endpoint.for_each), *(one.name for one in before)]

    @cached_property
    def used(self) -> Counter[NamePath]:
        """How many names are made of each source."""
        return self._counted("let", "record", "items")

    @cached_property
    def used_in_objects(self) -> Counter[NamePath]:
        """How many keys of objects within expressions are."""
        return self._counted("object")

    def _counted(self, *kinds: str) -> Counter[NamePath]:
        groups = [group for group in self.namings.groups if group.kind in kinds]
        return Counter(source.path for group in groups for one in group.namings for source in one.sources)

    @cached_property
    def names(self) -> dict[NamePath, Words]:
        """The words of the innermost fields."""
        return {path: words_of(path) for path in self.fields}

    def beside(self, source: Source, naming: Naming) -> Mapping[str, bool]:
        """The names that could be in the place of a source's last name, each with whether something reads it."""
        root, *below = source.path
        if not below:
            return dict.fromkeys(self.variables(naming) if root in self.variables(naming) else (), True)
        if root in ("query", "context", "body") and len(below) == 1:
            given = self.types.scope.variables.get(root, types.ANY).properties or {}
            return dict.fromkeys(given, True)
        places = [place for place in source.places if place[0] == "$" and len(place) > 1]
        if len(places) != 1:
            return {}
        above = places[0][1:-1]
        known = self.types.properties(above)
        if known and source.name not in known:  # it is told already (C206)
            return {source.name: True}
        kinds, own = known.get(source.name, types.ANY).solid, words(naming.path[-1])
        names = {name: (*above, name) in self.read for name, kind in known.items() if kind.solid & kinds}
        written = types.NUMBER.kinds | types.STRING.kinds
        if kinds <= written and naming not in self.namings.of("page"):  # a number may be written as a text
            others = (name for name, kind in known.items() if kind.solid and kind.solid <= written)
            names |= {one: False for one in others if words(one) <= own and (*above, one) not in self.read}
        return names

    def elsewhere(self, source: Source, naming: Naming) -> Iterator[NamePath]:
        """The paths that differ from a source in one name before the last, and exist."""
        root, *below = source.path
        if not below or root in ("query", "context", "body"):
            return
        variables = [] if root == "$" else self.variables(naming)
        yield from ((one, *below) for one in variables if one != root and self.has(self.namings.places(one), below))
        for at in range(1, len(below)):
            above = self.namings.places(root, *below[: at - 1])
            names = self.types.properties(above[0][1:]) if len(above) == 1 and above[0][0] == "$" else ()
            for name in names:
                path = (root, *below[: at - 1], name, *below[at:])
                if name != below[at - 1] and self.has(self.namings.places(root), path[1:]):
                    yield path

    def unread_elsewhere(self, source: Source, naming: Naming) -> Iterator[NamePath]:
        """Those of `elsewhere` that the name is not made of, too."""
        taken = {place for one in naming.sources for place in one.places}
        return (path for path in self.elsewhere(source, naming) if taken.isdisjoint(self.namings.places(*path)))

    def far_namesake(self, naming: Naming, source: Source) -> NamePath | None:
        """The only unread field of the row whose two last names have the words of a name, of which it reads none."""
        own = words(naming.path[-1])
        if len(own) < _LONG or own & source.words or not naming.path:
            return None
        found = [path for path, said in self._far.items() if said == own]
        return found[0] if len(found) == 1 else None

    @cached_property
    def _far(self) -> dict[NamePath, Words]:
        """The fields of a row that are in an object and that nothing reads, with the words of their two last names."""
        rows = [place[1:] for place in self.namings.places("$") if place[0] == "$"]
        known = [one.path for one in innermost(self.types.body) if one.path and one.path not in self.read]
        return {one: words_of(one[-2:]) for one in known if any(one[: len(row)] == row for row in rows) and one[1:]}

    def has(self, places: Sequence[NamePath], below: Sequence[str]) -> bool:
        """Whether there is one place in the reply, and a field below it."""
        known = [place for place in places if place[0] == "$"]
        path = (*known[0][1:], *below) if len(known) == len(places) == 1 else ()
        return bool(path) and path[-1] in self.types.properties(path[:-1])

    def read_otherwise(self) -> Iterator[Diagnostic]:
        """C231 and C232: names that read what others are named after."""
        for group in self.namings.groups:
            swapped = {id(naming): found for naming, found in (*_exchanged(group), *_swapped(group))}
            yield from swapped.values()
            for naming in group.namings:
                yield from () if id(naming) in swapped else self.misread(naming, group)

    def misread(self, naming: Naming, group: Group) -> Iterator[Diagnostic]:
        """C232: a name that reads what another one is named after, or not what it is named after itself."""
        others = [one.words for one in group.namings if one is not naming]
        others += [found for path, found in self.names.items() if path != naming.path] if group.kind == "record" else []
        near_by = group.namings if group.kind == "block" else (naming,)
        taken = {place for each in near_by for one in each.sources for place in one.places}
        for source in naming.sources if not _computes(naming.node) else ():
            beside, reads = self.beside(source, naming), f"`{naming.name}` reads `{source.text}`"
            near = others if source.path[1:] or group.kind == "record" else []
            test = _Choice(naming, source, near, group.kind == "page", self.is_shared(naming))
            left = [name for name in beside if taken.isdisjoint((*place[:-1], name) for place in source.places)]
            better = [name for name in left if test.is_better(name, is_read=beside[name])]
            if better:
                meant = max(better, key=lambda name: len(words(name) & naming.words))
                yield naming.diagnostic("C232", f"{reads}, but `{meant}` has its name", source.meaning(meant))
            elif path := next(filter(test.is_better_path, self.unread_elsewhere(source, naming)), None):
                text = Source(path, (), frozenset()).text
                yield naming.diagnostic("C232", f"{reads}, but `{text}` has its name", f"did you mean `{text}`?")
            elif path := self.far_namesake(naming, source):
                text = Source(("$", *path), (), frozenset()).text
                yield naming.diagnostic("C232", f"{reads}, but `{text}` has its name", f"did you mean `{text}`?")
            elif not beside and test.contradicts():
                yield naming.diagnostic("C232", f"{reads}, which has the name of another one")

    def alike(self, kind: Type) -> Iterator[NamePath]:
        """The values of the same type beside one in the reply that nothing reads."""
        above = (kind.path or ())[:-1]
        for name, other in self.types.properties(above).items() if kind.path else ():
            like = (_plain(other), other.format, other.values) == (_plain(kind), kind.format, kind.values)
            if like and self.is_unread((*above, name)) and above not in self.types.inference.whole:
                yield (*above, name)

    def other_moments(self, kind: Type) -> Iterator[NamePath]:
        """The values beside one in the reply whose names say that they are moments, and that nothing reads."""
        above = (kind.path or ())[:-1]
        for name in self.types.properties(above) if kind.path else ():
            if _OF_MOMENTS & set(parts(name)[-2:]) and self.is_unread((*above, name)):
                yield (*above, name)

    def by_text(self) -> Iterator[Diagnostic]:
        """C232: a field that selects by a text which is the name of another field: `[name = "Patience"]`."""
        written = {one.path: one for one in self.namings.of("record")}
        for path, naming in written.items():
            others = [one for one in written if one[:-1] == path[:-1] and one != path]
            for text in _compared_texts(naming.node):
                other = next((one for one in others if words(one[-1]) == words(text)), None)
                if other is not None and not words(text) <= naming.words:
                    yield naming.diagnostic("C232", f'`{naming.name}` selects "{text}", the name of `{dotted(other)}`')

    def apart(self) -> Iterator[Diagnostic]:
        """C232: a field of an object that is read from another object than those beside it, which has it, too."""
        objects: dict[NamePath, list[tuple[Naming, NamePath]]] = {}
        for naming in self.namings.of("record"):
            places = [place for source in naming.sources for place in source.places]
            if len(places) == 1 and len(places[0]) > 1:
                objects.setdefault(naming.path[:-1], []).append((naming, places[0]))
        used = Counter(place[:-1] for group in objects.values() for _, place in group)
        for group in (group for above, group in objects.items() if above):
            above = Counter(place[:-1] for _, place in group)
            for naming, place in group:
                near = next((one for one in above if one != place[:-1]), ())
                alone = len(above) == len((near, place)) and above[place[:-1]] == 1 < used[place[:-1]]
                path = (*near[1:], place[-1])
                if alone and near[0] == "$" and (self.is_unread(path) or self.is_of_another(naming, path)):
                    reads = f"`{naming.name}` reads `{naming.sources[0].text}`"
                    message = f"{reads}, and what is beside it reads from `{near[-1]}`"
                    yield naming.diagnostic("C232", message, f"did you mean `{dotted((*near[1:], place[-1]))}`?")

    def other_cursor(self) -> Iterator[Diagnostic]:
        """C232: a cursor read beside a field of the name under which it is sent, which nothing reads."""
        sent = [one.path[-1] for one in self.namings.of("request") if [s.path for s in one.sources] == [_CURSOR]]
        pages = self.types.endpoint.pagination
        sent += [pages.parameter] if pages is not None and pages.parameter else []
        keys = [letters(key) for key in sent if letters(key) not in _REPEATED]
        for naming in self.namings.of("page"):
            has_key = any(key in letters(one.name) for one in naming.sources for key in keys)
            if naming.path != _CURSOR or has_key or _computes(naming.node):
                continue
            for source, place in ((one, place) for one in naming.sources for place in one.places if place[1:]):
                for name in self.types.properties(place[1:-1]):
                    is_other = "next" in words(source.name) - words(name) or not self.is_unread((*place[1:-1], name))
                    if not is_other and any(key in letters(name) for key in keys):
                        message = f"`next_cursor` reads `{source.text}`, and `{name}` has the name of what sends it"
                        yield naming.diagnostic("C232", message, source.meaning(name))

    def is_unread(self, path: NamePath) -> bool:
        """Whether the reply has a field that nothing reads."""
        return path[-1] in self.types.properties(path[:-1]) and path not in self.read

    def is_shared(self, naming: Naming) -> bool:
        """Whether a name is made of one field, and another name of the same."""
        path = naming.sources[0].path if len(naming.sources) == 1 else ()
        return min(len(path), max(self.used[path], self.used_in_objects[path])) > 1

    def is_of_another(self, naming: Naming, path: NamePath) -> bool:
        """Whether the reply has a field, and another name is made of what a name reads."""
        return path[-1] in self.types.properties(path[:-1]) and self.is_shared(naming)

    def without_dollar(self) -> Iterator[Diagnostic]:
        """C219: a path that begins with the name of a variable, where no schema says what a row has."""
        if self.types.body != types.ANY:
            return
        namings = [*self.namings.of("let"), *self.namings.of("record")]
        below = {(source.path[0], source.path[1]) for one in namings for source in one.sources if len(source.path) > 1}
        bound = {root for root, name in below if root not in ("$", "query", "context") and root != name}
        for one in namings:
            for source in one.sources:
                root, *names = source.path
                if root == "$" and len(names) > 1 and names[0] in bound:
                    message = f"`{names[0]}` is the name of a field; a variable begins with `$`"
                    yield one.diagnostic("C219", message, f"write `${source.text}`")

    def left_out(self, every: Sequence[Named]) -> Iterator[Diagnostic]:
        """C233: fields that get no value, although the reply has a field of their name beside others that are read.

        A field that another endpoint reads for it has its name, too.
        Where most fields of an object are left out, that is what its author wants, as with those an overlay removes.
        """
        written = {one.path: one for one in self.namings.of("record")}
        meant = {*written, *self._removed}
        others = [one for other in every for one in other.namings.of("record") if len(one.sources) == 1]
        read = [(one.path, one.sources[0].name) for one in others]
        left: dict[NamePath, dict[NamePath, NamePath]] = {}
        for path in self.fields if isinstance(self.types.endpoint.response, dict) else ():
            if not any(path[:end] in meant for end in range(1, len(path) + 1)) and self._is_supported(path):
                near = [one for other, one in written.items() if other[:-1] == path[:-1]]
                found = next(self.unread(path, near, [name for other, name in read if other == path]), None)
                left.setdefault(path[:-1], {}).update({path: found} if found else {})
        beside = Counter(path[:-1] for path in written)
        few = {above: some for above, some in left.items() if len(some) <= max(beside[above] // 3, beside[above] > 1)}
        names = {path: found for some in few.values() for path, found in some.items()}
        if names:
            at, endpoint = self.mapper.mapping.root.value["endpoints"], self.types.endpoint.name
            fields, unread = (", ".join(f"`{dotted(path)}`" for path in some) for some in (names, names.values()))
            message = f"`{endpoint}` gives no value to {fields}, and nothing reads {unread}"
            severity = "warning" if len(names) <= _FORGOTTEN else "note"
            hint = "add it to response_mapping"
            yield at.diagnostic("C233", message, key=endpoint, severity=severity, hint=hint)

    @property
    def _removed(self) -> Iterator[NamePath]:
        """The fields that an overlay removes."""
        place = ("endpoints", self.types.endpoint.name, "response_mapping")
        return (path[3:] for path in removed(self.mapper.sources) if path[:3] == place)

    def _is_supported(self, path: NamePath) -> bool:
        field = self.fields[path]
        return not field.supported_in or self.mapper.mapping.integration in field.supported_in

    def unread(
        self,
        path: NamePath,
        near: Sequence[Naming],
        others: Sequence[str],
        *,
        by_kin: bool = False,
        truth: bool = False,
    ) -> Iterator[NamePath]:
        """The unread fields of the reply that have the name of a field, beside those that the fields near it read.

        `by_kin` counts words that often stand for those of the name, too. Of a `truth` one word is enough.
        """
        places = [place for one in near for source in one.sources[:1] for place in source.places if len(place) > 1]
        for above in dict.fromkeys(place[1:-1] for place in places if place[0] == "$"):
            beside = self.types.properties(above)
            usual = _usual(beside) | _KINDS | _UNITS
            wanted = [words_of(names) - usual for names in (path[-1:], path)]
            for name in beside:
                is_read = any((*above, name)[:end] in self.read for end in range(1, len(above) + 2) if end > len(above))
                has_name = (found := words(name) - usual) and found in wanted
                if truth and beside[name].solid == {"boolean"}:
                    has_name = has_name or found & wanted[0]
                if not is_read and (has_name or name in others or (by_kin and are_kin(path[-1], name))):
                    yield (*above, name)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A name and one of its sources, with the words of the other names in its group."""

    naming: Naming
    source: Source
    others: Sequence[Words]
    is_of_page: bool
    is_shared: bool

    def is_better_path(self, path: NamePath) -> bool:
        """Whether a path that differs in a name before the last is plainly what is meant."""
        here, wanted, there = self.source.words, self.naming.words, words_of(path)
        gained = (there - here) - self.naming.read
        if wanted & (here - there) or not wanted & gained or are_opposites(wanted, there):
            return False
        return are_opposites(wanted, here) or self._is_of(here, there)

    def is_better(self, name: str, *, is_read: bool) -> bool:
        """Whether a name in the place of the source's last name is plainly what is meant."""
        here, wanted, own = self.source.words, self.naming.words, words(self.naming.path[-1])
        there = (here - words(self.source.name)) | words(name)
        gained = wanted & (there - here)
        own -= words("number") if self.is_of_page else frozenset()
        if self.is_shared and gained and (words(name) == wanted != own or (own <= there and not is_read)):
            return True
        if self.is_shared and gained and words(name) <= own and own.isdisjoint(here) and not is_read:
            return True
        if not here or wanted & (here - there) or (there - here) & self.naming.read or are_opposites(wanted, there):
            return False
        if are_opposites(wanted, here):
            return bool(gained) or are_opposites(here, there)
        plain = not is_read or (own == there and not own & here)
        if gained and own <= there and (len(own) > 1 or self.is_of_page) and plain:
            return True
        if own <= here and not gained:  # it reads a field with more words, which are of another name
            is_other = self.is_of_page or any((here - there) <= other - wanted for other in self.others)
            return not is_read and there < here and is_other
        return bool(gained) and self._is_of(here, there)

    def contradicts(self) -> bool:
        """Whether the source says the opposite of the name, and has all words of another one."""
        return are_opposites(self.naming.words, self.source.words) and self._is_of(self.source.words, frozenset())

    def _is_of(self, here: Words, there: Words) -> bool:
        """Whether the source has all words that tell another name from this one, and `there` has none of them."""
        more = [other - self.naming.words for other in self.others]
        is_variable = not self.source.path[1:]
        return any(one and (one <= here or (is_variable and here <= one)) and not one & there for one in more)


def _compared_texts(node: nodes.Node) -> Iterator[str]:
    """The texts that predicates compare with."""
    for one in nodes.walk(node):
        test = one.expression if isinstance(one, nodes.Filter) else None
        if isinstance(test, nodes.Binary) and test.operator == "=":
            yield from (side.value for side in (test.left, test.right) if isinstance(side, nodes.String))


def _computes(node: nodes.Node) -> bool:
    """Whether a value is computed, so that its name may say something else."""
    binaries = (one for one in nodes.walk(node) if isinstance(one, nodes.Binary))
    return any(one.operator in ("+", "-", "%") or (one.operator in "*/" and not _scales(one)) for one in binaries)


def scaled(node: nodes.Node) -> nodes.Node:
    """What is multiplied or divided by a constant, or else the node."""
    match node:
        case nodes.Binary(operator="*" | "/", left=one, right=nodes.Number()):
            return one
        case nodes.Binary(operator="*", left=nodes.Number(), right=one):
            return one
    return node


def _scales(node: nodes.Binary) -> bool:
    """Whether a value only gets another unit: `seconds * 1000`."""
    return any(isinstance(side, nodes.Number) for side in (node.left, node.right))


def _different(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """C232: a field that an endpoint reads from another place than all others, which its reply has, too."""
    written = [{one.path: one for one in each.namings.of("record") if len(one.sources) == 1} for each in named]
    for each, own in zip(named, written, strict=True):
        for path, naming in own.items():
            names = [other[path].sources[0].name for other in written if other is not own and path in other]
            source = naming.sources[0]
            agree = len(names) > 1 and len(set(names)) == 1 and names[0] != source.name and source.path[1:]
            if agree and each.beside(source, naming).get(names[0]) is False:
                message = f"`{naming.name}` reads `{source.text}` here, and `{names[0]}` in all other endpoints"
                yield naming.diagnostic("C232", message, source.meaning(names[0]))


def _leaves(fields: Mapping[str, Field], above: NamePath) -> Iterator[tuple[NamePath, Field]]:
    for name, field in fields.items():
        if field.type == "object":
            yield from _leaves(field.fields, (*above, name))
        elif name != REMOTE_DATA or above:
            yield (*above, name), field


def _plain(kind: Type) -> frozenset[str]:
    """The kinds of a type, where an integer is a number."""
    return frozenset("number" if one == "integer" else one for one in kind.solid)


def _usual(names: Mapping[str, Type]) -> Words:
    """The words that most of some names have."""
    counted = Counter(word for name in names for word in words(name))
    return frozenset(word for word, count in counted.items() if len(names) >= _MANY and count * 2 > len(names))
