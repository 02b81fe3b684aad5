"""The service against a handler by hand on the same parts without checks: CPU time, records a second, latency, memory.

The provider is a mock of Gong without limits in a process of its own, and so is each server. Rounds are interleaved.
`python tests/bench/service.py --rounds 5 --seconds 2`; `--minutes 10` watches the memory of the service for so long.
"""

import asyncio
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

MONTH = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"
ACTIVITY = "/unified/conversational-intelligence/activity"
KEY = "a key of the benchmark"
TICKS = os.sysconf("SC_CLK_TCK")
SERVERS = ("service", "by hand", "service on aiohttp")
CONNECTIONS = 8


# ── Servers, each in a process of its own ────────────────────────────────────────────────────────────────────────


def serve(name, url=""):
    """Run a server until stdin ends; it prints its port, and what a call needs."""
    from truto_mapper.edges.server import serving

    at = serving.listening("127.0.0.1", 0)
    made, about = provider() if name == "provider" else by_hand(url) if name == "by hand" else service(name, url)
    sys.stdout.write(json.dumps({"port": at.getsockname()[1], **about}) + "\n")
    sys.stdout.flush()
    gc.collect()
    gc.freeze()
    serving.server(made, 1).run(sockets=[at])


def provider():
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from truto_mapper.edges import mock

    return Starlette(routes=[Mount("/", mock.gong(users=1_000, limits=False))]), {}


def service(name, url):
    from truto_mapper import load
    from truto_mapper.edges.client import Limiter
    from truto_mapper.edges.server import Store, app
    from truto_mapper.edges.server.keys import new_key, parse_keys

    folder = tempfile.mkdtemp(prefix="truto-mapper-bench-")
    store = Store.open(f"sqlite:///{folder}/store.db", parse_keys(new_key(), "the benchmark"))
    credentials = {"type": "bearer", "token": "mock-token"}
    account = store.add_account("gong", url, credentials, context={"time_zone": "UTC"})
    mappers = [unlimited(load(f"gong/{one}", cursor_key=KEY)) for one in ("activity", "interactions", "users")]
    from truto_mapper.edges.server import serving

    log = serving.to(Path(os.devnull).open("w"))  # noqa: SIM115  # it stays open
    transport = aiohttp() if name == SERVERS[2] else None
    about = {"query": f"integrated_account_id={account}&{MONTH}", "token": store.add_token("t", accounts=[account])}
    return app(mappers, store, limiter=Limiter(), transport=transport, log=log), about


def by_hand(url):
    from starlette.applications import Starlette
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route

    from truto_mapper import load
    from truto_mapper.edges.client import Account, AsyncClient, Bearer

    mapper = load("gong/activity", cursor_key=KEY)
    client = AsyncClient(mapper, Account(url, Bearer("mock-token"), {"time_zone": "UTC"}), rate_limits=())

    async def lines(query):
        async for page in client.stream_bytes(query):
            yield page.body

    async def activity(request):
        query = request.url.query
        if request.query_params.get("truto_response_format") == "stream":
            return StreamingResponse(lines(query), media_type="application/x-ndjson")
        page = await client.encoded(query)
        return Response(page.body, media_type=page.content_type)

    return Starlette(routes=[Route(ACTIVITY, activity)]), {"query": MONTH, "token": ""}


def unlimited(mapper):
    """A mapper of a provider without limits."""
    from truto_mapper.text.record import replace

    object.__setattr__(mapper, "_mapping", replace(mapper.mapping, rate_limits=()))
    return mapper


def aiohttp():
    """A transport of aiohttp."""
    from aiohttp import ClientSession, TCPConnector
    from yarl import URL

    from truto_mapper import Response

    session = []

    async def send(sent):
        if not session:
            session.append(ClientSession(connector=TCPConnector(limit=200), auto_decompress=True))
        url = URL(sent.url, encoded=True)
        async with session[0].request(sent.method, url, headers=sent.headers, data=sent.content) as reply:
            return Response(await reply.read(), reply.status, list(reply.headers.items()))

    return send


# ── The load ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Server:
    """A running server, and what its process has used."""

    def __init__(self, stack, name, url=""):
        command = [sys.executable, __file__, "--serve", name, "--url", url]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        stack.callback(self.process.kill)
        about = json.loads(self.process.stdout.readline())
        self.port, self.query, self.token = about["port"], about.get("query", ""), about.get("token", "")

    def cpu(self):
        """Seconds of CPU time."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self):
        """Megabytes in memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


async def load(server, path, seconds, found):
    """Call a server over some connections for some seconds; `found` gets the duration and the records of each call."""
    head = f"GET {path}?{server.query} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {server.token}\r\n\r\n".encode()
    end = perf_counter() + seconds

    async def calls():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**22)
        while (begin := perf_counter()) < end:
            writer.write(head)
            body = await answer(reader)
            found.append((perf_counter() - begin, body.count(b'"aggregation_period"')))
        writer.close()

    await asyncio.gather(*(calls() for _ in range(CONNECTIONS)))


async def answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise SystemExit((head + await reader.read(2000)).decode())
    if b"content-length: " in head:
        return await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readline()
    return b"".join(parts)


def measured(servers, kind, rounds, seconds):
    """The CPU seconds a call, the calls and the records a second of wall time, and durations, by server."""
    results = {name: ([], [], [], []) for name in servers}
    for number in range(rounds + 1):
        for name, server in servers.items():
            found, query = [], server.query
            server.query += "&truto_response_format=stream" if kind == "stream" else ""
            before, begin = server.cpu(), perf_counter()
            asyncio.run(load(server, ACTIVITY, seconds, found))
            used, took = server.cpu() - before, perf_counter() - begin
            server.query = query
            if number:  # the first round warms up
                costs, calls, records, durations = results[name]
                costs.append(used / len(found))
                calls.append(len(found) / took)
                records.append(sum(count for _, count in found) / took)
                durations += [one for one, _ in found]
    return results


def main(options):
    with ExitStack() as stack:
        gong = Server(stack, "provider")
        url = f"http://127.0.0.1:{gong.port}"
        servers = {name: Server(stack, name, url) for name in SERVERS}
        for kind in ("page", "stream"):
            results = measured(servers, kind, options.rounds, options.seconds)
            least = {name: min(costs) for name, (costs, *_) in results.items()}
            for name, (_, calls, records, durations) in results.items():
                cuts = statistics.quantiles(durations, n=100)
                ratio = least[name] / least["by hand"]
                say(
                    f"{kind:6} {name:20} {1000 * least[name]:7.2f} ms CPU a call, {ratio:.2f} of by hand;"
                    f" {max(calls):6.0f} calls/s, {max(records):8.0f} records/s; p50 {1000 * cuts[49]:.1f} ms,"
                    f" p99 {1000 * cuts[98]:.1f} ms; {servers[name].memory():.0f} MB"
                )
        for minute in range(options.minutes):
            asyncio.run(load(servers["service"], ACTIVITY, 60, []))
            say(f"after {minute + 1} minutes: {servers['service'].memory():.0f} MB")


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--minutes", type=int, default=0)
    parser.add_argument("--serve")
    parser.add_argument("--url", default="")
    given = parser.parse_args()
    serve(given.serve, given.url) if given.serve else main(given)
