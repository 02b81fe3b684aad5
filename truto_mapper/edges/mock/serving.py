"""Runs a mock on a port of this machine, until it is interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from socket import create_server, socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from truto_mapper.edges.mock.faults import with_connection

#: Only this machine reaches the mock.
HOST = "127.0.0.1"


class _Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes
    """HTTP whose app knows the connection, so that it can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.app = with_connection(self.config.loaded_app, transport)


def listening(port: int) -> socket:
    """A socket that listens on a port, 0 for any that is free. Raises `OSError` if it is taken."""
    return create_server((HOST, port))  # calls wait there until the server runs


def server(app: ASGIApp, **more: Any) -> uvicorn.Server:
    """A server of an app; `serve(sockets=[…])` runs it."""
    at_once = {"timeout_graceful_shutdown": 1} | more  # a slow answer does not keep it from ending
    return uvicorn.Server(uvicorn.Config(app, http=_Protocol, log_level="critical", lifespan="off", **at_once))


def serve(app: ASGIApp, at: socket, on_start: Callable[[str], None]) -> None:
    """Answer calls at a socket until the process is told to end; `on_start` is given the URL."""
    on_start(f"http://{HOST}:{at.getsockname()[1]}")
    server(app).run(sockets=[at])
