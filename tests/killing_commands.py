"""Commands that write to a store are killed in the middle: the store has the old state or the new one.

python tests/killing_commands.py sqlite:////tmp/store.db --tries 20 --seed 1
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections import Counter

from truto_mapper.edges.server.keys import new_key, parse_keys
from truto_mapper.edges.server.store import Store

COMMAND = [sys.executable, "-m", "truto_mapper.edges.cli"]
WHERE = ["--integration", "gong", "--base-url", "https://api.gong.io", "--basic", "user", "--secret-env", "SECRET"]


class Killer:
    """Runs commands, and kills them at a random moment of the last part of the time that they take."""

    def __init__(self, url: str, chance: random.Random) -> None:
        self.chance, self.keys = chance, [new_key()]
        self.env = os.environ | {"TRUTO_MAPPER_STORE": url, "SECRET": "a secret"}
        self.url, self.seen = url, Counter[str]()

    def run(self, *words: str, seconds: float | None = None) -> str:
        """What a command wrote until it ended, or was killed after so many seconds."""
        env = self.env | {"TRUTO_MAPPER_KEY": ",".join(self.keys)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        running = subprocess.Popen([*COMMAND, *words], env=env, text=True, **pipes)  # type: ignore[call-overload]
        try:
            out, err = running.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            running.kill()
            return str(running.communicate()[0]).strip()
        assert running.returncode == 0, err
        return str(out).strip()

    def timed(self, *words: str) -> float:
        began = time.monotonic()
        self.run(*words)
        return time.monotonic() - began

    def moment(self, whole: float, *parts: float) -> float:
        return self.chance.uniform(*parts) * whole

    def store(self, *keys: str) -> Store:
        return Store.open(self.url, parse_keys(",".join(keys or self.keys), "a test"))

    def adds(self, tries: int) -> None:
        """Accounts and tokens: whole or absent; what was told to the user is there, and works."""
        whole = self.timed("account", "add", *WHERE)
        for _ in range(tries):
            before = {one.id for one in self.store().accounts()}
            told = self.run("account", "add", *WHERE, seconds=self.moment(whole, 0.85, 1.25))
            store = self.store()
            new = {one.id for one in store.accounts()} - before
            assert new == {told} if told else len(new) <= 1
            for account in new:
                stored = store.account(account)
                assert stored is not None
                assert stored.credentials == {"type": "basic", "username": "user", "password": "a secret"}
            self.seen[f"account: {len(new)} stored, {'told' if told else 'untold'}"] += 1
            self._tokens(min(before), self.moment(whole, 0.85, 1.25))

    def _tokens(self, account: str, seconds: float) -> None:
        before = {one.token for one in self.store().tokens()}
        told = self.run("token", "add", "ours", "--account", account, seconds=seconds)
        store = self.store()
        new = [one for one in store.tokens() if one.token not in before]
        assert len(new) == 1 if told else len(new) <= 1
        assert all((one.accounts, one.methods) == ({account}, {"list", "get"}) for one in new)
        assert not told or store.grant(told) == new[0]
        self.seen[f"token: {len(new)} stored, {'told' if told else 'untold'}"] += 1

    def rotates(self, tries: int) -> None:
        """Keys: every account opens with both, and the store takes one alone only if nothing needs the other."""
        store = self.store()
        for _ in range(300):  # it takes a moment
            store.add_account("gong", "https://api.gong.io", {"type": "bearer", "token": "a token"})
        self.keys = [new_key(), *self.keys]
        whole = self.timed("account", "rotate", "--keys")
        self.keys = self.keys[:1]
        count = len(self.store().accounts())
        for _ in range(tries):
            old, new = self.keys[-1], new_key()
            self.keys = [new, old]
            self.run("account", "rotate", "--keys", seconds=self.moment(whole, 0.5, 0.95))
            store = self.store(new, old)
            used = Counter(one.key for one in store.accounts())
            assert all(store.account(one.id) is not None for one in store.accounts())
            assert sum(used.values()) == count
            self.seen[f"rotation: {'whole' if len(used) == 1 else 'some'} {'new' if store.key in used else 'old'}"] += 1
            self.run("account", "rotate", "--keys")
            assert {one.key for one in self.store(new).accounts()} == {store.key}
            self.keys = [new]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    killer = Killer(given.url, random.Random(given.seed))
    killer.adds(given.tries)
    killer.rotates(given.tries)
    sys.stdout.write("".join(f"{count:4} {what}\n" for what, count in sorted(killer.seen.items())))
