"""Processes that use a store are killed in the middle of it, again and again; each time the store is looked at.

python tests/killing.py sqlite:////tmp/store.db --tries 1000 --seed 1
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import time
from collections.abc import Callable
from itertools import count

from truto_mapper.edges.server.errors import StoreError
from truto_mapper.edges.server.keys import Keys, new_key, parse_keys
from truto_mapper.edges.server.store import Store


def credentials(number: int) -> dict[str, str]:
    return {"type": "basic", "username": "key", "password": f"secret {number}"}


def ring(*keys: str) -> Keys:
    return parse_keys(",".join(keys), "a test")


def killed(work: Callable[[Callable[[str], object]], None], lines: int, seconds: float) -> list[str]:
    """What a process said, which is killed some time after so many lines, unless it ends."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        code = 1
        try:
            work(lambda text: os.write(writer, f"{text}\n".encode()))
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as said:
        found = [line for _ in range(lines) if (line := said.readline())]
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, "the process failed"
        return "".join([*found, said.read()]).splitlines()


def begin_at_once(url: str, processes: int) -> None:
    """Several processes make the same store, all with one key: all of them can use it."""
    keys, pids = ring(new_key()), []
    begin = time.time() + 0.05
    for number in range(processes):
        pids.append(os.fork())
        if pids[-1] == 0:
            try:
                time.sleep(max(0, begin - time.time()))
                Store.open(url, keys).add_account("gong", "https://api.gong.io", credentials(number))
                os._exit(0)
            finally:
                os._exit(1)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    store = Store.open(url, keys)
    assert (codes, len(store.accounts())) == ([0] * processes, processes)
    for one in store.accounts():
        store.remove_account(one.id)
    store.close()
    rotate_empty(url, keys)


def rotate_empty(url: str, old: Keys) -> None:
    """Give an empty store to the key of the next part."""
    for _ in Store.open(url, Keys([*KEYS._keys.values(), *old._keys.values()])).reseal():
        pass


KEYS = ring(new_key())


def write(url: str, chance: random.Random, tries: int) -> None:
    """Writes are killed: what was answered is stored, and what was not is stored whole or not at all."""
    answered: dict[str, str] = {}
    seen: set[str] = set()
    for number in range(tries):

        def work(say: Callable[[str], object], number: int = number) -> None:
            store = Store.open(url, KEYS)
            while True:
                account_id = store.add_account("gong", "https://api.gong.io", credentials(number))
                say(f"added {account_id}")
                store.remember(account_id, {"time_zone": "UTC"})
                say(f"remembered {account_id}")
                store.add_token("t", accounts=[account_id])
                store.remove_account(account_id)
                say(f"removed {account_id}")

        for line in killed(work, chance.randrange(8), chance.uniform(0, 0.008)):
            word, _, account_id = line.partition(" ")
            answered[account_id] = word
            seen.add(word)
        store = Store.open(url, KEYS)
        there = {one.id: store.account(one.id) for one in store.accounts()}
        for account_id, word in answered.items():
            found = there.pop(account_id, None)
            if word == "removed":
                assert found is None
            elif found is not None:  # else it was being removed
                assert word == "added" or found.entry.context == {"time_zone": "UTC"}
            else:
                assert word == "remembered"
        assert len(there) <= 1, "one account may be stored whose answer did not arrive"
        tokens = store.tokens()
        assert all(len(one.accounts or ()) <= 1 for one in tokens)
        for one in store.accounts():
            store.remove_account(one.id)
        for token in tokens:
            store.remove_token(token.token)
        answered.clear()
        store.close()
    assert tries < 10 or seen == {"added", "remembered", "removed"}


def rotate(url: str, chance: random.Random, tries: int, accounts: int = 6) -> None:
    """Rotations are killed: every account opens, with the keys that the store asks for and with no others."""
    old, done = KEYS, 0
    store = Store.open(url, old)
    wanted = {store.add_account("gong", "https://api.gong.io", credentials(n)): n for n in range(accounts)}
    store.close()
    new = ring(new_key())
    for number in count():
        if number >= tries and done:
            break
        both = Keys([*new._keys.values(), *old._keys.values()])

        def work(say: Callable[[str], object], both: Keys = both) -> None:
            for account_id in Store.open(url, both).reseal():
                say(account_id)

        killed(work, chance.randrange(accounts + 1), chance.uniform(0, 0.008))
        store = Store.open(url, both)
        assert {one: store.account(one).credentials for one in wanted} == {
            one: credentials(number) for one, number in wanted.items()
        }
        used = {one.key for one in store.accounts()}
        store.close()
        assert opens(url, old) is False or used == {old.first}
        if opens(url, new):
            assert used == {new.first}
            old, new, done = new, ring(new_key()), done + 1


def opens(url: str, keys: Keys) -> bool:
    try:
        Store.open(url, keys).close()
    except StoreError as error:
        if error.code != "S803":
            raise
        return False
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    random_ = random.Random(given.seed)
    begin_at_once(given.url, 6)
    write(given.url, random_, given.tries)
    rotate(given.url, random_, given.tries)
