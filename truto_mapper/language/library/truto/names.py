"""The functions of Truto's mapping authors by name; the module of each is imported when it is first called."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from truto_mapper.language.runtime.values import Function, Run

#: The module of each function, its name in JSONata, and its signature. The signature is for `check`: as there, a call
#: ignores surplus arguments, never takes the context, and each function decides what it accepts.
_LIBRARY: Final = (
    ("nulls", "firstNonEmpty", "<x+>"),
    ("nulls", "removeEmpty", "<x>"),
    ("nulls", "removeEmptyItems", "<x>"),
    ("nulls", "compact", "<x>"),
    ("nulls", "mapValues", "<xx?x?x?>"),
    ("objects", "pick", "<xx?:o>"),
    ("objects", "omit", "<xx?:o>"),
    ("objects", "keyBy", "<xx?:o>"),
    ("objects", "groupBy", "<xx?:o>"),
    ("objects", "values", "<x>"),
    ("objects", "zipSqlResponse", "<aax?:a>"),
    ("lists", "orderBy", "<xx?x?>"),
    ("lists", "find", "<xx?>"),
    ("lists", "lofilter", "<xx?>"),
    ("lists", "flatten", "<x>"),
    ("lists", "flattenDeep", "<x>"),
    ("lists", "flattenDepth", "<xx?>"),
    ("lists", "difference", "<xx?>"),
    ("lists", "chunk", "<xx?>"),
    ("graphs", "sortNodes", "<as?s?s?:a>"),
    ("graphs", "dependencyGraph", "<ass:o>"),
    ("texts", "jsonParse", "<x>"),
    ("texts", "toNumber", "<x:n>"),
    ("texts", "wrap", "<xx?x?:s>"),
    ("texts", "diceCoefficient", "<xx:n>"),
    ("texts", "mostSimilar", "<sxx?:s>"),
    ("texts", "trutoJoin", "<xx?:s>"),
    ("texts", "trutoBase64encode", "<xx?:s>"),
    ("texts", "trutoBase64decode", "<xx?:s>"),
    ("digests", "digest", "<xs?s?:s>"),
    ("digests", "sign", "<x(sl)?xs?:s>"),
    ("urls", "parseUrl", "<x:o>"),
    ("queries", "parseQuery", "<xx?:o>"),
    ("queries", "stringifyQuery", "<xx?:s>"),
    ("money", "convertCurrencyToSubunit", "<xx?>"),
    ("money", "convertCurrencyFromSubunit", "<xx?>"),
    ("files", "getMimeType", "<x:s>"),
    ("sql", "convertQueryToSql", "<xa?o?o?o?o?:s>"),
    ("tables", "jsonToCsv", "<xx?:s>"),
    ("xml_reading", "xmlToJs", "<xx?:o>"),
    ("xml_writing", "jsToXml", "<xx?:s>"),
    ("dates", "dtFromIso", "<xx?>"),
    ("dates", "dtFromFormat", "<xxx?>"),
)


def _later(module: str, name: str) -> Function:
    """A function whose module is imported when it is called."""

    def body(run: Run, *arguments: Any) -> Any:
        function, most = _loaded(module, name)
        return function(run, *arguments[:most])

    return Function(name, body, 1, runs=True)


@lru_cache(maxsize=64)
def _loaded(module: str, name: str) -> tuple[Callable[..., Any], int | None]:
    """The Python function of a name, and how many arguments it takes; None if any number."""
    found = getattr(import_module(f"{__package__}.{module}"), re.sub("(?=[A-Z])", "_", name).lower())
    takes_more = found.__code__.co_flags & 0x04  # *arguments
    return found, None if takes_more else found.__code__.co_argcount - 1


TRUTO: Final[Mapping[str, Function]] = MappingProxyType({name: _later(module, name) for module, name, _ in _LIBRARY})

#: How calls of them are written, as the signatures of standard functions say it.
SIGNATURES: Final[Mapping[str, str]] = MappingProxyType({name: signature for _, name, signature in _LIBRARY})

#: The functions that give an object with functions as fields, and the names of these.
HOLDING: Final = frozenset(("dtFromIso", "dtFromFormat", "parseUrl", "dependencyGraph"))
_OF_DATES: Final = (
    "plus minus set startOf endOf setZone setLocale reconfigure toUTC toLocal toFormat toISO toISODate toISOTime "
    "toISOWeekDate toRFC2822 toHTTP toSQL toSQLDate toSQLTime toJSDate toMillis valueOf toSeconds toUnixInteger diff "
    "hasSame equals diffNow toRelative toRelativeCalendar toLocaleString"
)
_OF_OTHERS: Final = (
    "toObject as shiftTo normalize negate get getAll has keys values entries toString overallOrder dependenciesOf "
    "dependantsOf hasNode getNodeData clone"
)
DATES: Final = frozenset(_OF_DATES.split())
METHODS: Final = DATES | frozenset(_OF_OTHERS.split())

_BYTES: Final = "map its text or its URL, and let the caller make the file"
_CONVERTED: Final = "map the text as it is, and pass `load(functions=…)` a function that converts it"
_OUTSIDE: Final = "a mapping calls no service: map the text or the URL, and let the caller call it"

_CONVERTERS: Final = (
    "convertHtmlToMarkdown convertMarkdownToAdf convertMarkdownToGoogleDocs convertMarkdownToHtml "
    "convertMarkdownToNotion convertMarkdownToSlack convertNotionToMarkdown convertNotionToMd "
    "recursiveCharacterTextSplitter"
)

#: Functions of theirs that are not for a mapping, and what to do instead.
REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "uuid": "a mapping gives the same for the same reply: make an id of what stays the same, `$digest(a & b)`",
        **dict.fromkeys(("blob", "base64ToBlob", "bufferToString", "getArrayBuffer", "getDataUri"), _BYTES),
        **dict.fromkeys(("teeStream", "jsonToParquet", "convertMdToPdf"), _BYTES),
        **dict.fromkeys(("parseDocument", "generateEmbeddingsCohere"), _OUTSIDE),
        **dict.fromkeys(_CONVERTERS.split(), _CONVERTED),
    }
)
