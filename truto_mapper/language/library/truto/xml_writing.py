"""Writes XML as the npm package `xml-js` does: $jsToXml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from truto_mapper.language.library.truto.ecmascript import exact_text, is_falsy, is_nothing, ordered, refuse_value
from truto_mapper.language.library.truto.objects import fields_of
from truto_mapper.language.library.truto.xml_reading import FLAGS, keys_of, options_of
from truto_mapper.language.runtime.values import MISSING, Native, Run, Walk, bounded

_WRITING: Final = FLAGS | {"compact", "spaces", "fullTagEmptyElement", "indentText", "indentCdata"}
_WRITING_TOO: Final = {"indentAttributes", "indentInstruction", "noQuotesForNativeAttributes"}
#: What no name of an element or attribute may have: it would be read as something else.
_NOT_IN_NAMES: Final = re.compile(r"""[\s<>&/"'=]""")


class _Writer:
    """Writes a value as XML."""

    def __init__(self, run: Run, options: dict[str, Any]) -> None:
        self.run, self.options, self.keys = run, options, keys_of(options)
        spaces = options.get("spaces", 0)
        is_count = isinstance(spaces, (int, float)) and not isinstance(spaces, bool)
        self.indent = " " * min(int(spaces), 100) if is_count else spaces if isinstance(spaces, str) else ""
        self.walk = Walk(run)

    def has(self, option: str) -> bool:
        return not is_falsy(self.options.get(option, False))

    def line(self, depth: int, *, first: bool = False) -> str:
        """The end of a line and the spaces of the next."""
        return ("\n" if self.indent and not first else "") + self.indent * depth

    def text(self, value: Any) -> str:
        if self.has("ignoreText"):
            return ""
        text = exact_text(self.run, value).replace("&amp;", "&")
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def name(self, text: Any) -> str:
        name = exact_text(self.run, text)
        if not name or _NOT_IN_NAMES.search(name):
            refuse_value("jsToXml", 1, "an object whose keys can be names of XML", name)
        return name

    def attributes(self, given: Any, depth: int) -> str:
        if self.has("ignoreAttributes") or not isinstance(given, dict):
            return ""
        between = self.line(depth + 1) if self.indent and self.has("indentAttributes") else " "
        parts = []
        for name, value in ordered(given).items():
            if not is_nothing(value):
                quote = "" if self.has("noQuotesForNativeAttributes") and not isinstance(value, str) else '"'
                text = exact_text(self.run, value).replace('"', "&quot;")
                parts.append(f"{between}{self.name(name)}={quote}{text}{quote}")
        end = self.line(depth) if given and self.indent and self.has("indentAttributes") else ""
        return "".join(parts) + end

    def declaration(self, given: Any, depth: int) -> str:
        held = given.get(self.keys.attributes) if isinstance(given, dict) else None
        return "" if self.has("ignoreDeclaration") else f"<?xml{self.attributes(held, depth)}?>"

    def instruction(self, given: Any, depth: int) -> str:
        if self.has("ignoreInstruction") or not isinstance(given, dict) or not given:
            return ""
        name, value = next(iter(given.items()))
        if isinstance(value, dict):
            return f"<?{self.name(name)}{self.attributes(value.get(self.keys.attributes), depth)}?>"
        body = "" if is_falsy(value) else " " + self.without(exact_text(self.run, value), "?>")
        return f"<?{self.name(name)}{body}?>"

    def comment(self, value: Any) -> str:
        text = self.without(exact_text(self.run, value), "-->")
        return "" if self.has("ignoreComment") else f"<!--{text}-->"

    def cdata(self, value: Any) -> str:
        text = exact_text(self.run, value).replace("]]>", "]]]]><![CDATA[>")
        return "" if self.has("ignoreCdata") else f"<![CDATA[{text}]]>"

    def doctype(self, value: Any) -> str:
        text = self.without(exact_text(self.run, value), ">")
        return "" if self.has("ignoreDoctype") else f"<!DOCTYPE {text}>"

    def without(self, text: str, end: str) -> str:
        """A text that does not end what it is in."""
        return refuse_value("jsToXml", 1, f"an object without `{end}` in its text", text) if end in text else text

    # The compact form: elements by name.

    def compact(self, holder: Any, depth: int, *, first: bool, level: int) -> str:
        """What is in an element."""
        parts: list[str] = []
        inner = self.walk.enter(level, holder) if isinstance(holder, (dict, list)) else level
        for key, value in ordered(fields_of(holder)).items():
            for one in value if isinstance(value, list) else [value]:
                parts.append(self.member(key, one, depth, first=first and not parts, level=inner))
                self.walk.write(len(parts[-1]))
        return "".join(parts)

    def member(self, key: str, value: Any, depth: int, *, first: bool, level: int) -> str:
        keys, line = self.keys, self.line(depth, first=first)
        if key in (keys.attributes, keys.parent):
            return ""
        if key == keys.declaration:
            return self.declaration(value, depth)
        if key == keys.instruction:
            return (line if self.has("indentInstruction") else "") + self.instruction(value, depth)
        if key == keys.text:
            return (line if self.has("indentText") else "") + self.text(value)
        if key == keys.cdata:
            return (line if self.has("indentCdata") else "") + self.cdata(value)
        if key in (keys.doctype, keys.comment):
            return line + (self.doctype(value) if key == keys.doctype else self.comment(value))
        return line + self.element(key, value, depth, level)

    def element(self, key: str, value: Any, depth: int, level: int) -> str:
        name = self.name(key)
        if isinstance(value, Native):
            value = value.held.written()
        if value is None or value is MISSING or value == "":
            return f"<{name}></{name}>" if self.has("fullTagEmptyElement") else f"<{name}/>"
        if not isinstance(value, (dict, list)):
            return f"<{name}>{self.text(value)}</{name}>"
        held = value.get(self.keys.attributes) if isinstance(value, dict) else None
        start = f"<{name}{self.attributes(held, depth)}"
        keeps = isinstance(held, dict) and held.get("xml:space") == "preserve"
        if not (self.is_filled(value, anything=True) or keeps or self.has("fullTagEmptyElement")):
            return f"{start}/>"
        body = self.compact(value, depth + 1, first=False, level=level)
        end = self.line(depth) if self.is_filled(value, anything=False) else ""
        return f"{start}>{body}{end}</{name}>"

    def is_filled(self, holder: Any, *, anything: bool) -> bool:
        """Whether an element has something that stands in a line of its own, or anything but attributes."""
        inline = {self.keys.text: "indentText", self.keys.cdata: "indentCdata"}
        inline[self.keys.instruction] = "indentInstruction"
        names = (name for name in fields_of(holder) if name not in (self.keys.attributes, self.keys.parent))
        return any(anything or self.has(inline.get(name, "")) or name not in inline for name in names)

    # The other form: a tree of elements.

    def tree(self, elements: Any, depth: int, *, first: bool, level: int) -> str:
        found = ""
        for one in elements if isinstance(elements, list) else ():
            found += "".join(self.node(one, depth, first=first and not found, level=self.walk.enter(level, elements)))
            bounded(len(found))
        return found

    def node(self, one: Any, depth: int, *, first: bool, level: int) -> Iterator[str]:
        keys, line = self.keys, self.line(depth, first=first)
        kind = one.get("type") if isinstance(one, dict) else None
        match kind:
            case "element":
                yield line + self.branch(one, depth, level)
            case "comment":
                yield line + self.comment(one.get(keys.comment))
            case "doctype":
                yield line + self.doctype(one.get(keys.doctype))
            case "cdata":
                yield (line if self.has("indentCdata") else "") + self.cdata(one.get(keys.cdata))
            case "text":
                yield (line if self.has("indentText") else "") + self.text(one.get(keys.text, MISSING))
            case "instruction":
                held = one if one.get(keys.attributes) else one.get(keys.instruction)
                written = self.instruction({exact_text(self.run, one.get(keys.name)): held}, depth)
                yield (line if self.has("indentInstruction") else "") + written
            case _:
                self.refuse_node(one)

    def refuse_node(self, one: Any) -> NoReturn:
        wanted = "a tree of nodes with the type element, text, cdata, comment, doctype or instruction"
        refuse_value("jsToXml", 1, wanted, one)

    def branch(self, one: dict[str, Any], depth: int, level: int) -> str:
        name, held = self.name(one.get("name")), one.get(self.keys.attributes)
        start, inner = f"<{name}{self.attributes(held, depth)}", one.get(self.keys.elements)
        keeps = isinstance(held, dict) and held.get("xml:space") == "preserve"
        if not inner and not keeps and not self.has("fullTagEmptyElement"):
            return f"{start}/>"
        inline = {"text": "indentText", "cdata": "indentCdata", "instruction": "indentInstruction"}
        kinds = [child.get(self.keys.type) for child in inner or () if isinstance(child, dict)]
        is_block = any(kind not in inline or self.has(inline[kind]) for kind in kinds)
        end = "\n" + self.indent * depth if self.indent and is_block else ""
        return f"{start}>{self.tree(inner, depth + 1, first=False, level=level)}{end}</{name}>"


def js_to_xml(run: Run, value: Any = MISSING, options: Any = MISSING) -> str:
    """An object as XML, indented by four spaces if nothing else is asked for: the reverse of $xmlToJs."""
    writer = _Writer(run, options_of("jsToXml", 2, options, frozenset(_WRITING | _WRITING_TOO)))
    if writer.has("compact"):
        return run.grown(writer.compact(value, 0, first=True, level=0))  # type: ignore[no-any-return]
    if not isinstance(value, dict):
        return ""
    held = value.get(writer.keys.declaration)
    start = writer.declaration(held, 0) if not is_falsy(held) else ""
    tree = writer.tree(value.get(writer.keys.elements), 0, first=not start, level=0)
    return run.grown(start + tree)  # type: ignore[no-any-return]
