"""One limiter for a company: in Redis for several processes, which is a real server here."""

import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

from truto_mapper import ProviderError, QueryError
from truto_mapper.edges.client import Limiter
from truto_mapper.edges.client.limiter import SLACK
from truto_mapper.mapping.rate_limits import parsed

GONG = parsed("3/second"), parsed("10000/day")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def redis(tmp_path):
    """A Redis server, and its URL."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path), "--bind", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            Limiter(url).take("nobody", GONG)
            break
        except ProviderError:
            time.sleep(0.05)
    yield url, process
    process.kill()
    process.wait()


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
    url, _ = redis
    code = PROGRAM.format(url=url)
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


def test_a_used_up_day_says_how_long_it_lasts_and_costs_no_turn_of_it():
    limiter, allowed = Limiter(), (parsed("2/day"), parsed("1/second"))
    assert limiter.take("acme", allowed) == 0
    assert 0 < limiter.take("acme", allowed) <= 1 + SLACK
    time.sleep(1)
    assert limiter.take("acme", allowed) == 0
    time.sleep(1)
    assert 86_000 < limiter.take("acme", allowed) < 86_400
    assert limiter.take("other", allowed) == 0


def test_without_redis_no_call_is_made(redis):
    url, process = redis
    limiter = Limiter(url)
    assert limiter.take("acme", GONG) == 0
    process.kill()
    process.wait()
    with pytest.raises(ProviderError) as caught:
        limiter.take("acme", GONG)
    assert (caught.value.code, caught.value.status) == ("P616", 503)


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
