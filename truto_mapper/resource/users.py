"""The unified User record as types, generated from schemas/conversational-intelligence/users.yaml."""

from typing import Any, NotRequired, TypedDict


class UserEmail(TypedDict):
    """An address at which the user gets mail."""

    email: NotRequired[str]
    """One address."""
    is_primary: NotRequired[bool]
    """True for the address the user mainly goes by."""


class User(TypedDict):
    """A person with a seat in the tool that records the calls."""

    id: str
    """Identifies the user."""
    name: NotRequired[str]
    """What the user is called."""
    emails: NotRequired[list[UserEmail]]
    """The addresses at which the user gets mail, each once."""
    created_at: NotRequired[str]
    """When the source system made the user."""
    updated_at: NotRequired[str]
    """When the source system last changed the user."""
    remote_data: NotRequired[dict[str, Any]]
    """The provider's own data behind the record, unmapped."""
