"""What is beside the unified endpoints: health, metrics, the OpenAPI document, and the page to try the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send
from swagger_ui_bundle import swagger_ui_path

from truto_mapper.edges.server import answers
from truto_mapper.edges.server.calls import KEY
from truto_mapper.edges.server.refusals import Headers, Refused

JSON, HTML = "application/json", "text/html; charset=utf-8"

#: The files that the page needs, those of Swagger UI and its own, and their types.
ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
    "start.js": "text/javascript; charset=utf-8",
    "start.css": "text/css; charset=utf-8",
}

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Unified API: try it</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/start.css">
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript. The API is described in <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

#: The format chooses the media type of an answer, so the page accepts any.
START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    request.headers.accept = "*/*";
    return request;
  },
  presets: [SwaggerUIBundle.presets.apis],
});
"""

#: There is one server. Errors are all alike, so each is one line: what it means.
STYLE = """.swagger-ui .servers-title, .swagger-ui .servers, .swagger-ui .response-col_links,
.swagger-ui .response-control-media-type__accept-message { display: none; }
.swagger-ui .scheme-container { margin: 0; padding: 0 0 20px; box-shadow: none; }
.swagger-ui .information-container .info { margin: 30px 0 0; }
.swagger-ui textarea { min-height: 90px; }
.swagger-ui .responses-table:not(.live-responses-table) .response:not([data-code^="2"]) .response-col_description
  > :not(.response-col_description__inner) { display: none; }
.swagger-ui .responses-table:not(.live-responses-table) .response td { padding: 6px 0; }
"""

OWN = {"start.js": START, "start.css": STYLE}

#: What the page may load: its own files and nothing else. Swagger UI writes styles into elements.
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = [(b"content-security-policy", _POLICY), (b"referrer-policy", b"no-referrer"), *answers.PRIVATE]
_ASSET = [(b"cache-control", b"public, max-age=86400"), (b"x-content-type-options", b"nosniff")]

#: Gives the body of an answer, its content type, and its headers.
Give = Callable[[Scope], Awaitable[tuple[bytes, str, Headers]]]


@lru_cache(len(ASSETS))
def _file(name: str) -> tuple[bytes, bytes]:
    """A file of Swagger UI, and its compressed form: to compress it for everybody who asks takes long."""
    data = (Path(str(swagger_ui_path)) / name).read_bytes()
    return data, answers.compressed(data)


class Given:
    """A route that answers GET with what a function gives."""

    def __init__(self, path: str, give: Give) -> None:
        self.path, self.give = path, give

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        scope[KEY].route = self.path
        allow = [(b"allow", b"GET, HEAD, OPTIONS")]
        if scope["method"] == "OPTIONS":
            await answers.respond(scope, send, b"", None, status=204, headers=allow)
            return
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused(405, f"{self.path} can only be read", allow)
        body, kind, headers = await self.give(scope)
        await answers.respond(scope, send, body, kind, headers=headers)


async def nothing(scope: Scope, _: Receive, send: Send) -> None:
    """The answer for a path that does not exist."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
    elif scope["type"] == "http":
        raise Refused(404, f"there is nothing at {scope['path'][:200]}; /openapi.json lists what there is")


def routes(document: Callable[[str], bytes], ready: Callable[[], Awaitable[None]], told: Give) -> list[BaseRoute]:
    """The routes. `document` gives the OpenAPI document of a service below a path, `ready` raises what is not."""

    async def healthy(_: Scope) -> tuple[bytes, str, Headers]:
        return b'{"status":"ok"}', JSON, answers.PRIVATE

    async def is_ready(_: Scope) -> tuple[bytes, str, Headers]:
        await ready()
        return b'{"status":"ready"}', JSON, answers.PRIVATE

    async def described(scope: Scope) -> tuple[bytes, str, Headers]:
        return document(scope.get("root_path", "")), JSON, answers.PRIVATE

    async def page(_: Scope) -> tuple[bytes, str, Headers]:
        return PAGE.encode(), HTML, _PAGE

    async def asset(scope: Scope) -> tuple[bytes, str, Headers]:
        name = scope["path_params"]["name"]
        if name in OWN:
            return OWN[name].encode(), ASSETS[name], _ASSET
        if name not in ASSETS:
            raise Refused(404, "the page to try the API has no such file")
        plain, compressed = _file(name)
        if answers.takes_gzip(scope):
            return compressed, ASSETS[name], [*_ASSET, *answers.COMPRESSED]
        return plain, ASSETS[name], _ASSET

    given = {
        "/healthz": healthy,
        "/readyz": is_ready,
        "/metrics": told,
        "/openapi.json": described,
        "/": page,
        "/docs": page,
        "/docs/{name}": asset,
    }
    return [Route(path, Given(path, give)) for path, give in given.items()]
