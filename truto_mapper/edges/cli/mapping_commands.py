"""The commands that run a mapping or an expression: map, plan, show, eval."""

from __future__ import annotations

from typing import Annotated, Any

from typer import Argument, Option

from truto_mapper import load
from truto_mapper.edges.cli import options
from truto_mapper.edges.cli.input import read_json, read_reply
from truto_mapper.edges.cli.output import print_json, report, reported, write
from truto_mapper.engine import rendering
from truto_mapper.engine.page import SENT
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING

ON_INVALID = ("raise", "discard_value", "discard_record")


def map_(
    name: options.MappingName,
    payload: options.Payload,
    query: options.ReplyQuery = None,
    method: options.Method = None,
    id_: options.Id = None,
    body: options.Body = None,
    context: options.Context = None,
    overlays: options.Overlays = None,
    now: options.Now = None,
    status: options.Status = 200,
    joined: options.Joined = None,
    headers: options.Headers = None,
    format_: Annotated[str | None, options.choice("--format", rendering.FORMATS, "; by default the query's")] = None,
    on_invalid: Annotated[
        str, options.choice("--on-invalid", ON_INVALID, ": what to do with invalid values")
    ] = "raise",
) -> None:
    """Map a provider's reply to unified records."""
    with reported():
        mapper = load(options.located(name), overlays=overlays or ())
        if format_ == "raw":  # the records do not matter
            query, on_invalid = _for_raw(query), "discard_record"
        about: dict[str, Any] = {"context": options.settings(context), "now": options.moment(now)}
        asked = options.of_one(method, id_, body)
        page = mapper.map(
            read_reply(payload, mapper, status),
            query=mapper.plan(query or "", **asked, **about).query if asked else query,
            **about,
            status=status,
            headers=options.headers(headers),
            on_invalid=on_invalid,  # type: ignore[arg-type]  # checked above
            **options.joined(joined),
        )
        report(mapper.diagnostics + page.diagnostics)
        shown = page.render(format_)  # type: ignore[arg-type]  # checked above
        write(shown) if isinstance(shown, str) else print_json(shown)


def _for_raw(query: str | None) -> str | None:
    """A query that asks for no records; without one the records are mapped, but none has to be valid."""
    return query if query is None or "truto_response_format" in query else f"{query}&truto_response_format=raw"


def plan(
    name: options.MappingName,
    query: Annotated[str, Option(metavar="QS", help=options.QUERY)] = "",
    method: options.Method = None,
    id_: options.Id = None,
    body: options.Body = None,
    context: options.Context = None,
    overlays: options.Overlays = None,
    now: options.Now = None,
) -> None:
    """Show the request that answers a unified query."""
    with reported():
        mapper = load(options.located(name), overlays=overlays or ())
        asked = options.of_one(method, id_, body)
        request = mapper.plan(query, **asked, context=options.settings(context), now=options.moment(now))
        report(mapper.diagnostics + request.diagnostics)
        print_json({part: getattr(request, part) for part in SENT})


def show(name: options.MappingName, overlays: options.Overlays = None) -> None:
    """Show the Python that a mapping is compiled to."""
    with reported():
        mapper = load(options.located(name), overlays=overlays or ())
        report(mapper.diagnostics)
        write(mapper.show())


def eval_(
    expression: Annotated[str, Argument(metavar="EXPRESSION", help="A JSONata expression.")],
    data: Annotated[str | None, Argument(metavar="INPUT", help="A JSON file or -.")] = None,
) -> None:
    """Evaluate a JSONata expression. An undefined value prints nothing."""
    from truto_mapper.authoring.check.slips import slips  # no other command of these needs it

    with reported():
        parsed = Expression(expression)
        report(list(slips(parsed)))
        value = parsed.evaluate(MISSING if data is None else read_json(data))
        if value is not MISSING:
            print_json(value)
