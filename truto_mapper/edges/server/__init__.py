"""The service: accounts with sealed credentials, API tokens, and the unified endpoints over HTTP."""
