"""Reads XML as the npm package `xml-js` does: $xmlToJs. Entities are not declared, so that none can expand."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NoReturn
from xml.parsers import expat

from truto_mapper.language.library.truto.ecmascript import UNUSABLE, is_falsy, number_of, refuse_value, utf8
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.values import MAX_DATA_NESTING, MISSING, Run, as_number, bounded, fail
from truto_mapper.text.record import NamedTuple

_PART: Final = 1 << 16
#: The bytes that an element, an attribute or a text takes besides its characters.
_NODE: Final = 400


class Keys(NamedTuple):
    """The fields that hold what is not an element."""

    declaration: str
    instruction: str
    attributes: str
    text: str
    comment: str
    cdata: str
    doctype: str
    type: str
    name: str
    elements: str
    parent: str


FLAGS: Final = frozenset(
    f"ignore{one}" for one in ("Declaration", "Instruction", "Attributes", "Text", "Comment", "Cdata", "Doctype")
)
_READING: Final = FLAGS | {"compact", "trim", "nativeType", "nativeTypeAttributes", "alwaysArray", "alwaysChildren"}
_READING_TOO: Final = {"captureSpacesBetweenElements", "instructionHasAttributes", "spaces"}


def options_of(name: str, index: int, given: Any, known: frozenset[str]) -> dict[str, Any]:
    """The options of a function; without any, the compact form with four spaces. Raises for unknown ones."""
    if given is MISSING:
        return {"compact": True, "spaces": 4}
    if given is not None and not isinstance(given, dict):
        refuse("T0410", name, index, "an object of options", given)
    every = known | {f"{one}Key" for one in Keys._fields}
    if given and not given.keys() <= every:
        odd = next(one for one in given if one not in every)
        refuse_value(name, index, f"an object of the options {', '.join(sorted(known))}, and names of keys", odd)
    return given or {}


def keys_of(options: dict[str, Any]) -> Keys:
    """The names of the fields: `_text` in the compact form, `text` in the other, or what the options say."""
    line = "_" if not is_falsy(options.get("compact", False)) else ""
    names = {one: options.get(f"{one}Key") for one in Keys._fields}
    return Keys(**{one: name if isinstance(name, str) else line + one for one, name in names.items()})


class _Reader:
    """Builds the value of an XML text."""

    def __init__(self, run: Run, options: dict[str, Any]) -> None:
        self.run, self.options, self.keys = run, options, keys_of(options)
        self.is_compact = self.has("compact")
        self.root: dict[str, Any] = {}
        self.open: list[dict[str, Any]] = [self.root]
        self.texts: list[str] = []
        self.is_begun = False

    def has(self, option: str) -> bool:
        return not is_falsy(self.options.get(option, False))

    def is_list(self, name: str) -> bool:
        always = self.options.get("alwaysArray", False)
        return name in always if isinstance(always, list) else not is_falsy(always)

    def put(self, name: str, value: Any) -> None:
        """Add a value to the open element, in the compact form; a second one of its name makes a list of them."""
        holder = self.open[-1]
        if name not in holder:
            holder[name] = [value] if self.is_list(name) else value
        elif isinstance(holder[name], list):
            holder[name].append(value)
        else:
            holder[name] = [holder[name], value]
        self.run.spend(_NODE)

    def add(self, kind: str, value: Any) -> None:
        """Add a text, a comment or the like to the open element."""
        name = getattr(self.keys, kind)
        if self.is_compact:
            self.put(name, value)
        else:
            self.append({self.keys.type: kind, name: value})

    def append(self, node: dict[str, Any]) -> None:
        self.open[-1].setdefault(self.keys.elements, []).append(node)
        self.run.spend(_NODE)

    # What expat calls:

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.finish_text()
        if len(self.open) > MAX_DATA_NESTING // 2:
            fail("D407", f"the XML is nested more than {MAX_DATA_NESTING // 2} levels deep")
        if not self.is_begun:
            self.is_begun = True
            return
        self.run.tick()
        element: dict[str, Any] = {} if self.is_compact else {self.keys.type: "element", self.keys.name: name}
        if attributes and not self.has("ignoreAttributes"):
            element[self.keys.attributes] = self.attributes(attributes)
        if not self.is_compact and self.has("alwaysChildren"):
            element[self.keys.elements] = []
        if self.is_compact:
            self.put(name, element)
        else:
            self.append(element)
        self.open.append(element)

    def end(self, _: str) -> None:
        self.finish_text()
        if len(self.open) > 1:
            self.open.pop()

    def attributes(self, given: dict[str, str]) -> dict[str, Any]:
        self.run.spend(_NODE * len(given))
        trimmed = {name: one.strip() if self.has("trim") else one for name, one in given.items()}
        has_types = self.has("nativeTypeAttributes")
        return {name: self.native(one) if has_types else one for name, one in trimmed.items()}

    def native(self, text: str) -> Any:
        number = number_of(self.run, text)
        if number == number:  # noqa: PLR0124  (NaN)
            return as_number(float(number)) if isinstance(number, float) else number
        return {"true": True, "false": False}.get(text.lower(), text)

    def text(self, text: str) -> None:
        self.texts.append(text)

    def finish_text(self) -> None:
        """Add the text that was read since the last element."""
        text, self.texts = "".join(self.texts), []
        if not text or self.has("ignoreText") or (not text.strip() and not self.has("captureSpacesBetweenElements")):
            return
        if len(self.open) == 1 and text.strip():
            refuse_value("xmlToJs", 1, "XML, with all text in elements", text.strip())
        text = text.strip() if self.has("trim") else text
        self.add("text", self.native(text) if self.has("nativeType") else text)

    def other(self, kind: str, text: str) -> None:
        """Add a comment, a section of CDATA or a document type."""
        if not self.has(f"ignore{kind.title()}"):
            self.add(kind, text.strip() if self.has("trim") else text)

    def comment(self, text: str) -> None:
        self.finish_text()
        self.other("comment", text)

    def start_cdata(self) -> None:
        self.finish_text()

    def end_cdata(self) -> None:
        text, self.texts = "".join(self.texts), []
        self.other("cdata", text)

    def instruction(self, name: str, body: str) -> None:
        self.finish_text()
        if self.has("ignoreInstruction"):
            return
        attributes = self.pseudo_attributes(body) if self.has("instructionHasAttributes") else {}
        content: Any = {self.keys.attributes: attributes} if attributes else body.strip() if self.has("trim") else body
        if self.is_compact:
            self.put(self.keys.instruction, {name: content})
            return
        key, value = (self.keys.attributes, attributes) if attributes else (self.keys.instruction, content)
        self.append({self.keys.type: "instruction", self.keys.name: name, key: value})

    def pseudo_attributes(self, body: str) -> dict[str, Any]:
        found = re.findall(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|(\w+))""", body)
        return self.attributes({name: one or two or three for name, one, two, three in found})

    def declaration(self, body: str) -> None:
        if not self.has("ignoreDeclaration"):
            attributes = self.pseudo_attributes(body)
            self.root[self.keys.declaration] = {self.keys.attributes: attributes} if attributes else {}


#: The element around the text, which may have several at its top.
_ROOT: Final = "truto-mapper.root"
_START: Final = re.compile(r"\s*<\?xml(\s[^?]*(?:\?(?!>)[^?]*)*)?\?>")
_DOCTYPE: Final = re.compile(r"((?:\s|<!--(?:(?!-->).)*-->|<\?(?:(?!\?>).)*\?>)*)<!DOCTYPE\s([^>\[]*)(\[)?", re.DOTALL)


def xml_to_js(run: Run, text: Any = MISSING, options: Any = MISSING) -> dict[str, Any]:
    """An XML text as an object: elements by name, `_text`, `_attributes`, …; a repeated element is a list."""
    given = options_of("xmlToJs", 2, options, frozenset(_READING | _READING_TOO))
    if text is MISSING:
        refuse("T0410", "xmlToJs", 1, "a text of XML", text)
    if not isinstance(text, str) or not text:
        return {}
    bounded(len(text))
    reader = _Reader(run, given)
    text = text.removeprefix("\ufeff")
    before, rest = _prologue(reader, text)
    parser = _parser(reader)
    try:
        for start in range(0, len(rest), _PART):
            run.budget.check()
            parser.Parse(utf8(rest[start : start + _PART]), False)
        parser.Parse(f"</{_ROOT}>".encode(), True)
    except expat.ExpatError as error:
        _refuse(error, text, before)
    if not reader.is_compact and reader.keys.elements in reader.root:
        reader.root[reader.keys.elements] = reader.root.pop(reader.keys.elements)
    return reader.root


def _prologue(reader: _Reader, text: str) -> tuple[int, str]:
    """How many characters are before the elements, and the rest within one element. The declaration is read."""
    declared = _START.match(text)
    start = 0
    if declared is not None:
        reader.declaration(declared[1] or "")
        start = declared.end()
    found = _DOCTYPE.match(text, start) if "<!DOCTYPE" in text[: start + _PART] else None
    if found is None:
        return start, f"<{_ROOT}>{text[start:]}"
    end = text.find(">", found.end())
    if found[3] or end < 0:
        fail(UNUSABLE, "the XML given to $xmlToJs must have a simple document type, not one with declarations in it")
    reader.other("doctype", found[2].strip())
    return end + 1, f"<{_ROOT}>{found[1]}{text[end + 1 :]}"


def _parser(reader: _Reader) -> Any:
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    handlers: dict[str, Callable[..., None]] = {
        "StartElementHandler": reader.start,
        "EndElementHandler": reader.end,
        "CharacterDataHandler": reader.text,
        "CommentHandler": reader.comment,
        "StartCdataSectionHandler": reader.start_cdata,
        "EndCdataSectionHandler": reader.end_cdata,
        "ProcessingInstructionHandler": reader.instruction,
    }
    for name, handler in handlers.items():
        setattr(parser, name, handler)
    return parser


def _refuse(error: expat.ExpatError, text: str, before: int) -> NoReturn:
    """Fail with the place in the text where it is no XML any more."""
    line = error.lineno + text.count("\n", 0, before)
    column = error.offset + 1 - (len(_ROOT) + 2 if error.lineno == 1 else 0)
    lines = text.splitlines() or [""]
    near = lines[min(line, len(lines)) - 1][max(column - 20, 0) : column + 20]
    reason = expat.ErrorString(error.code) or "it is not well-formed"
    fail(UNUSABLE, f'argument 1 of $xmlToJs must be XML, but there is a problem in line {line} near "{near}": {reason}')
