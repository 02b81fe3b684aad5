"""One limiter for a company: in Redis for several processes, which is a real server here."""

import asyncio
import socket
import subprocess
import sys
import threading
import time

import pytest
import redis_server

from truto_mapper import ProviderError, QueryError
from truto_mapper.edges.client import Limiter
from truto_mapper.edges.client.limiter import MARGIN, SOON
from truto_mapper.mapping.rate_limits import parsed

GONG = parsed("3/second"), parsed("10000/day")


@pytest.fixture(scope="module")
def redis():
    """A Redis server. Who stops it starts it again."""
    with redis_server.running() as server:
        yield server


def taken(take, seconds):
    """When turns were taken in so many seconds, by one who asks again as soon as there may be one."""
    found, end = [], time.time() + seconds
    while time.time() < end:
        wait = take()
        if wait:
            time.sleep(wait)
        else:
            found.append(time.time())
    return found


def most_in_a_second(times):
    times = sorted(times)
    # Each time is taken a moment after the limiter's, a long one on a busy machine.
    return max(sum(begin <= one < begin + 0.8 for one in times) for begin in times)


PROGRAM = """
import time
from truto_mapper.edges.client.limiter import Limiter
from truto_mapper.mapping.rate_limits import parsed
limiter, allowed, end = Limiter({url!r}), (parsed("3/second"), parsed("10000/day")), time.time() + 2.2
while time.time() < end:
    if wait := limiter.take("acme", allowed):
        time.sleep(wait)
    else:
        print(time.time())
"""


def test_two_processes_keep_three_calls_a_second_together(redis):
    code = PROGRAM.format(url=redis.url)
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    times = [float(one) for process in running for one in process.communicate(timeout=30)[0].split()]
    assert most_in_a_second(times) == 3
    assert len(times) >= 6


def test_threads_share_a_limiter_in_memory():
    limiter, times = Limiter(), []
    threads = [
        threading.Thread(target=lambda: times.extend(taken(lambda: limiter.take("acme", GONG), 1.2))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most_in_a_second(times) == 3
    assert 3 < len(times) <= 6


@pytest.mark.parametrize("is_local", [True, False])
def test_a_turn_is_free_a_moment_after_the_second_for_calls_arrive_sooner_and_later(redis, is_local):
    limiter = Limiter() if is_local else Limiter(redis.url)
    begin = time.time()
    assert [limiter.take("margin", GONG) for _ in range(3)] == [0, 0, 0]
    wait, took = limiter.take("margin", GONG), time.time() - begin
    assert 1 + MARGIN - took - 0.001 <= wait <= 1 + MARGIN + 0.001
    time.sleep(wait + SOON)
    assert limiter.take("margin", GONG) == 0


def test_a_used_up_day_says_how_long_it_lasts_and_costs_no_turn_of_it():
    limiter, allowed = Limiter(), (parsed("2/day"), parsed("1/second"))
    assert limiter.take("acme", allowed) == 0
    assert 0 < limiter.take("acme", allowed) <= 1 + MARGIN
    time.sleep(1 + MARGIN)
    assert limiter.take("acme", allowed) == 0
    time.sleep(1 + MARGIN)
    assert 86_000 < limiter.take("acme", allowed) < 86_400
    assert limiter.take("other", allowed) == 0


def test_without_redis_no_call_is_made(redis):
    limiter = Limiter(redis.url)
    assert limiter.take("without", GONG) == 0
    redis.kill()
    for use in (limiter.check, lambda: limiter.take("without", GONG)):
        with pytest.raises(ProviderError) as caught:
            use()
        assert (caught.value.code, caught.value.status) == ("P616", 503)
    redis.start()
    limiter.check()
    assert limiter.take("without", GONG) == 0


def test_a_store_that_does_not_answer_is_not_waited_for():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begin = time.monotonic()
        with pytest.raises(ProviderError) as caught:
            Limiter(f"redis://127.0.0.1:{silent.getsockname()[1]}").take("acme", GONG)
        assert time.monotonic() - begin < 10
    assert caught.value.code == "P616"


@pytest.mark.parametrize(
    "url", ["", "redis", "mongodb://x", "memcached://x", "redis://h:port", "async+redis://localhost"]
)
def test_what_is_no_url_of_a_store_is_refused(url):
    with pytest.raises(QueryError) as caught:
        Limiter(url)
    assert caught.value.code == "Q520"


@pytest.mark.parametrize(
    ("text", "told"),
    [("3/second", "3 calls a second"), ("1/minutes", "1 call a minute"), ("10000/day", "10,000 calls a day"),
     ("100/10 seconds", "100 calls in 10 seconds"), ("5/2 hours", "5 calls in 7,200 seconds"),
     ("1/60 seconds", "1 call a minute")],
)  # fmt: skip
def test_a_rate_limit_is_calls_and_a_time(text, told):
    assert str(parsed(text)) == told


NONE = [
    "",
    "3",
    "3/",
    "/second",
    "0/second",
    "-1/second",
    "3 / second",
    "3/0 seconds",
    "3/week",
    "³/second",
    "3/second\n",
]


@pytest.mark.parametrize("text", NONE)
def test_anything_else_is_no_rate_limit(text):
    assert parsed(text) is None


def test_tasks_have_their_turns_in_the_order_in_which_they_asked():
    async def run():
        limiter, order = Limiter(), []

        async def call(number, patience=5):
            leave, _ = await limiter.queued("acme", patience)
            if leave is None:
                order.append(None)
                return
            await asyncio.sleep(0.02 if number else 0.05)
            order.append(number)
            leave()

        tasks = [asyncio.create_task(call(number)) for number in range(4)]
        await asyncio.sleep(0.01)
        tasks.append(asyncio.create_task(call(9, patience=0.01)))
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [None, 0, 1, 3]
        await asyncio.gather(call(7, patience=0), limiter.queued("other", 0))
        assert order[4:] == [7]

    asyncio.run(run())
