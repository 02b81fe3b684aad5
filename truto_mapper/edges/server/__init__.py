"""The service: accounts with sealed credentials, API tokens, and the unified endpoints over HTTP."""

from truto_mapper.edges.server.app import app
from truto_mapper.edges.server.errors import StoreError
from truto_mapper.edges.server.keys import Keys, read_keys
from truto_mapper.edges.server.store import Store

__all__ = ["Keys", "Store", "StoreError", "app", "read_keys"]
