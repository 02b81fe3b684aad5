"""The client: calls a provider through a mapper, with retries, limits, and nothing but `MapperError` raised."""

from truto_mapper.edges.client.account import Account
from truto_mapper.edges.client.auth import Auth, Basic, Bearer, OAuth
from truto_mapper.edges.client.client import AsyncClient, Client, Options
from truto_mapper.edges.client.limiter import Limiter
from truto_mapper.edges.client.messages import Failed, Reply, Sent
from truto_mapper.edges.client.retries import Retries

__all__ = [
    "Account",
    "AsyncClient",
    "Auth",
    "Basic",
    "Bearer",
    "Client",
    "Failed",
    "Limiter",
    "OAuth",
    "Options",
    "Reply",
    "Retries",
    "Sent",
]
