"""Providers that run locally: a Gong over one company, and any other mapping from its golden cases and schemas."""

from truto_mapper.edges.mock.gong import gong
from truto_mapper.edges.mock.requests import KEY, SCOPES, SECRET, TOKEN, Credential
from truto_mapper.edges.mock.serving import listening, serve, server

__all__ = ["KEY", "SCOPES", "SECRET", "TOKEN", "Credential", "gong", "listening", "serve", "server"]
