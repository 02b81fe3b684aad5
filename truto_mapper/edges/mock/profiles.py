"""The users as Gong's users API shows them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from truto_mapper.edges.mock.company import Company
from truto_mapper.edges.mock.people import User
from truto_mapper.text.timestamps import instant

JSON = dict[str, Any]

_LANGUAGES = ("en-US", "de-DE", "es-ES", "fr-FR", "pt-BR")


def created(company: Company, user: User) -> datetime:
    """When a user was added: in the morning of the first day."""
    morning = time(8 + user.dice % 3, user.dice % 60, user.dice % 59)
    return datetime.combine(datetime.fromordinal(user.hired), morning, company.zone)


def added_in(company: Company, asked: JSON) -> Callable[[User], bool]:
    """Tells of a user whether it was added in the time that a filter names."""
    since, until = (instant(asked[name]) if name in asked else None for name in _BETWEEN)
    if since is None and until is None:
        return lambda _: True
    first, last = since or datetime.min.replace(tzinfo=UTC), until or datetime.max.replace(tzinfo=UTC)
    return lambda user: first <= created(company, user) < last


_BETWEEN = ("createdFromDateTime", "createdToDateTime")


def profile(company: Company, user: User, today: int) -> JSON:
    """A user in full."""
    manager = company.users[user.number // 8] if 0 < user.number < company.size else None
    return {
        "id": user.id,
        "emailAddress": user.address,
        "created": created(company, user).isoformat(),
        "active": user.is_active(today),
        "emailAliases": user.aliases,
        "trustedEmailAddress": user.trusted_address,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "title": user.title,
        "phoneNumber": user.phone,
        "extension": None,
        "personalMeetingUrls": [f"https://meet.example/{user.number}"] if user.dice & 4 else [],
        "settings": _settings(user),
        "managerId": manager.id if manager else None,
        "meetingConsentPageUrl": f"https://join.example/{user.number}",
        "conferencingProviders": [{"provider": "zoom", "isDefault": True}],
        "spokenLanguages": _languages(user),
    }


def _languages(user: User) -> list[JSON]:
    more = _LANGUAGES[user.dice % len(_LANGUAGES)]
    spoken = dict.fromkeys(("en-US", more))
    return [{"language": language, "primary": language == "en-US"} for language in spoken]


def _settings(user: User) -> JSON:
    records = user.role not in ("quiet", "avatar")
    return {
        "webConferencesRecorded": records,
        "preventWebConferenceRecording": False,
        "telephonyCallsImported": records,
        "emailsImported": bool(user.dice & 8),
        "preventEmailImport": False,
        "nonRecordedMeetingsImported": bool(user.dice & 16),
        "gongConnectEnabled": bool(user.dice & 32),
    }
