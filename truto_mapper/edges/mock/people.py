"""The people of the mock's company: who they are, and when they come and go."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Literal

from truto_mapper.text.record import NamedTuple

Role = Literal["seller", "manager", "rare", "quiet", "avatar"]

#: The first day of the company, and the last one on which somebody joins it.
FOUNDED, LAST_HIRED = date(2016, 1, 4), date(2026, 6, 30)

#: Of sixteen people, how many have which role. Those who are quiet are never active.
_ROLES: tuple[Role, ...] = ("seller",) * 9 + ("manager",) * 4 + ("rare",) * 2 + ("quiet",)

_FIRST: tuple[str, ...] = ("Ada", "Amir", "Ana", "Björn", "Carla", "Chen", "Dana", "Emeka", "Élodie", "Farid")
_FIRST += ("Grace", "Hana", "Ines", "Jon", "Kofi", "Lena", "Łukasz", "Maya", "Nadia", "Omar", "Priya", "Rosa")
_FIRST += ("Samir", "Tomás", "Yuki", "Zoë")
_LAST: tuple[str, ...] = ("Abadi", "Berg", "Castro", "Diaz", "Eriksen", "Fischer", "García", "Haddad", "Ito", "Jansen")
_LAST += ("Kaya", "Li", "Müller", "Nguyễn", "Okafor", "Park", "Quinn", "Rossi", "Sato", "Tan", "Ueda", "Vargas")
_LAST += ("Wójcik", "Young")
_TITLES = ("Account Executive", "Sales Development", "Solutions Engineer", "Customer Success", "Enterprise Sales")

#: Ids have 19 digits, more than a double holds. The prime divides none of their number, so that no two are the same.
_LEAST_ID, _IDS, _PRIME = 10**18, 9 * 10**18, 6_364_136_223_846_793_007


class User(NamedTuple):
    """A user. `hired` and `left` are ordinals of days: the first with a seat, and the first without; None while it has.

    `dice` is a number of 64 bits from which the rest of the profile is made.
    """

    number: int
    id: str
    role: Role
    hired: int
    left: int | None
    dice: int

    @property
    def is_avatar(self) -> bool:
        return self.role == "avatar"

    def is_active(self, today: int) -> bool:
        return self.left is None or today < self.left

    @property
    def first_name(self) -> str:
        return _FIRST[self.dice % len(_FIRST)]

    @property
    def last_name(self) -> str:
        return _LAST[(self.dice >> 8) % len(_LAST)]

    @property
    def title(self) -> str:
        return "Support" if self.is_avatar else f"{'Head of ' * (self.role == 'manager')}{_TITLES[self.dice % 5]}"

    @property
    def address(self) -> str | None:
        """The address; about one in 25 has none."""
        return None if self.dice >> 16 & 0xFF < 10 else f"{self._mailbox}@{self._domain}"

    @property
    def aliases(self) -> list[str]:
        """Further addresses, which every fourth has."""
        return [f"{self._mailbox}@old.{self._domain}"] if self.address and self.dice >> 24 & 3 == 0 else []

    @property
    def trusted_address(self) -> str | None:
        return f"{self._mailbox}@login.{self._domain}" if self.address and self.dice >> 26 & 3 == 0 else None

    @property
    def phone(self) -> str | None:
        return f"+1 555-01{self.dice >> 32 & 0x3F:02}" if self.dice >> 28 & 1 else None

    @property
    def _domain(self) -> str:
        return "gong.example" if self.is_avatar else "acme.example"

    @property
    def _mailbox(self) -> str:
        name = unicodedata.normalize("NFKD", f"{self.first_name}.{self.last_name}.{self.number}")
        return name.encode("ascii", "ignore").decode().lower()


def identity(seed: int, number: int) -> int:
    """A number of 19 digits, another one for each number: the ids of users and of calls."""
    return _LEAST_ID + (number + seed * 104_729 + 1) * _PRIME % _IDS


def people(seed: int, size: int) -> Iterator[User]:
    """The users of the company, then its avatars: Gong's own people, one for a hundred users."""
    for index in range(size):
        dice = _dice(seed, index)
        hired = _hired(dice)
        role = _ROLES[dice >> 48 & 15]
        left = hired + 90 + (dice >> 36 & 0x7FF) if dice >> 52 & 7 == 0 else None
        yield User(index, _user_id(seed, index), role, hired, left, dice)
    for index in range(size, size + 1 + size // 100):
        yield User(index, _user_id(seed, index), "avatar", FOUNDED.toordinal(), None, _dice(seed, index))


def _hired(dice: int) -> int:
    first = FOUNDED.toordinal()
    return first + (dice >> 12) % (LAST_HIRED.toordinal() - first + 1)


def _user_id(seed: int, index: int) -> str:
    return str(identity(seed + 1, index))


def _dice(seed: int, index: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{index}".encode(), digest_size=8).digest())
