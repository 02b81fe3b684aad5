"""The client, asked with scripted replies: what leaves, what is sent again, and what a caller sees of a failure."""

import asyncio
import datetime as dt
import gzip
import json
import random
import threading
import time
import zlib

import calling
import httpx2
import pytest

from truto_mapper import MapperError, ProviderError, QueryError, Response, load
from truto_mapper.edges.client import Account, AsyncClient, Basic, Bearer, Client, Limiter, OAuth, Retries
from truto_mapper.edges.client.retries import retry_after
from truto_mapper.edges.mock import KEY, SECRET
from truto_mapper.edges.mock import gong as mock_gong

GONG = load("gong/activity")
NOW = dt.datetime(2026, 6, 1, 16, tzinfo=dt.UTC)
JANUARY = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z"}
ACCOUNT = Account("https://api.gong.io", Basic("the-key", "the-secret"), {"time_zone": "UTC"}, id="acme")
EXACT = Retries(jitter=lambda: 1.0)


def body(number=1, cursor=None, **more):
    row = {"userId": str(number), "userAggregateActivityStats": {"callsAsHost": number}}
    return {"usersAggregateActivityStats": [row], "records": {"cursor": cursor} if cursor else {}} | more


class Provider:
    """Answers with some replies in turn, the last one again and again; notes what was sent and slept."""

    def __init__(self, *replies):
        self.replies, self.sent, self.slept = list(replies), [], []

    def __call__(self, sent):
        self.sent.append(sent)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, BaseException):
            raise reply
        if isinstance(reply, int):
            reply = (reply,)
        if isinstance(reply, tuple):
            status, headers = (*reply, {})[:2]
            return Response(b'{"errors": ["no"]}', status, headers)
        return Response(json.dumps(reply).encode(), 200, {"content-type": "application/json"})

    def client(self, account=ACCOUNT, mapper=GONG, **options):
        given = {"rate_limits": [], "now": lambda: NOW, "sleep": self.slept.append, "retries": EXACT} | options
        return Client(mapper, account, transport=self, **given)


def failing(provider, **options):
    with pytest.raises(MapperError) as caught:
        provider.client(**options).list(JANUARY)
    return caught.value


# ── Where requests go ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.gong.io", "https://api.gong.io/v2/stats/activity/aggregate"),
        ("https://api.gong.io/", "https://api.gong.io/v2/stats/activity/aggregate"),
        ("https://api.gong.io:443", "https://api.gong.io/v2/stats/activity/aggregate"),
        ("https://company-17.api.gong.io:8443/proxy/", "https://company-17.api.gong.io:8443/proxy/v2/stats/activity/aggregate"),
        ("http://localhost:8080", "http://localhost:8080/v2/stats/activity/aggregate"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1/v2/stats/activity/aggregate"),
        ("http://[::1]:1", "http://[::1]:1/v2/stats/activity/aggregate"),
    ],
)  # fmt: skip
def test_a_request_goes_below_the_base_url(base_url, url):
    provider = Provider(body())
    provider.client(Account(base_url, Basic("k", "s"), {"time_zone": "UTC"})).list(JANUARY)
    (sent,) = provider.sent
    assert (sent.method, sent.url) == ("POST", url)
    assert sent.headers["authorization"] == "Basic azpz"
    assert json.loads(sent.content)["filter"] == {"fromDate": "2026-01-01", "toDate": "2026-02-01"}


@pytest.mark.parametrize(
    "base_url",
    [
        "", "api.gong.io", "ftp://api.gong.io", "https://", "https://user:hunter2@api.gong.io", "https://hunter2@evil.example",
        "https://api.gong.io\\@evil.example", "https://api.gong.io/..", "https://api.gong.io/%2e%2e/x", "https://api.gong.io//evil",
        "https://api.gong.io?x=1", "https://api.gong.io#x", "https://api.gong.io:0", "https://a.b:99999", "https://a b",
        "https://api.gong.io\r\nHost: evil.example", "https://api.gong.io/\n", "https://gong.example\u3002evil", "http://api.gong.io",
        "http://169.254.169.254", "http://localhost.evil.example", None, 7, b"https://api.gong.io",
    ],
)  # fmt: skip
def test_what_is_no_base_url_is_refused_without_its_password(base_url):
    with pytest.raises(QueryError) as caught:
        Account(base_url)
    assert caught.value.code == "Q520"
    assert "hunter2" not in str(caught.value)


def test_http_to_another_machine_needs_a_flag():
    assert Account("http://gong.internal", allow_http=True).origin == "http://gong.internal"


@pytest.mark.parametrize(
    "location", ["/v2/moved", "https://api.gong.io/v2/moved", "https://API.gong.io:443/v2/moved?x=1"]
)
def test_a_redirect_on_the_origin_is_followed(location):
    provider = Provider((307, {"Location": location}), body())
    assert len(provider.client().list(JANUARY).records) == 1
    assert "/v2/moved" in provider.sent[1].url
    assert provider.sent[1].headers["authorization"] == provider.sent[0].headers["authorization"]
    assert provider.sent[1].content == provider.sent[0].content


@pytest.mark.parametrize(
    ("status", "location", "told"),
    [
        (307, "https://evil.example/v2", "away from https://api.gong.io, to https://evil.example"),
        (308, "//evil.example/v2", "to https://evil.example"),
        (307, "http://api.gong.io/v2", "to http://api.gong.io"),
        (307, "https://api.gong.io:8443/v2", "to https://api.gong.io:8443"),
        (307, "https://api.gong.io@evil.example/", "no URL to follow"),
        (307, "https://user:pw@api.gong.io/", "no URL to follow"),
        (307, "https://api.gong.io\\@evil.example/", "no URL to follow"),
        (307, "https://[", "no URL to follow"),
        (302, "/v2/moved", "leads to another request"),
    ],
)
def test_a_redirect_elsewhere_is_refused_and_nothing_is_sent_there(status, location, told):
    provider = Provider((status, {"location": location}))
    error = failing(provider)
    assert (error.code, error.status, len(provider.sent)) == ("P617", 502, 1)
    assert told in str(error)


def test_redirects_in_a_circle_end():
    provider = Provider((307, {"location": "/again"}))
    assert "do not come to an end" in str(failing(provider))
    assert len(provider.sent) == 6


# ── Credentials ──────────────────────────────────────────────────────────────────────────────────────────────────


def echo(sent):
    """A provider that says what it was sent, credentials too."""
    told = f"bad credentials: {sent.headers['authorization']} the-key the-secret"
    return Response(json.dumps({"errors": [told]}).encode(), 401, {"x-sent": told})


@pytest.mark.parametrize(
    "auth", [Basic("the-key", "the-secret"), Bearer("the-secret"), OAuth(None, token={"access_token": "the-secret"})]
)
def test_credentials_are_in_no_error_though_the_provider_echoes_them(auth):
    account = Account("https://api.gong.io", auth, {"time_zone": "UTC"})
    client = Client(GONG, account, transport=echo, rate_limits=[])
    with pytest.raises(ProviderError) as caught:
        client.list(JANUARY)
    error = caught.value
    shown = [
        str(error),
        repr(error),
        repr(error.args),
        json.dumps(error.problem()),
        repr(client),
        repr(account),
        repr(auth),
    ]
    for text in shown:
        assert "the-secret" not in text
        assert "dGhlLWtleTp0aGUtc2VjcmV0" not in text
    assert error.status == 401


def test_the_debug_format_has_the_whole_url_and_no_credentials():
    provider = Provider(body(token="the-secret"))
    page = provider.client().encoded(JANUARY, format="debug")
    told = json.loads(page.body)["debug"]
    assert told["requestUrl"] == "https://api.gong.io/v2/stats/activity/aggregate"
    assert b"the-secret" not in page.body


@pytest.mark.parametrize(
    "make",
    [
        lambda: Basic("a:b", "x"),
        lambda: Basic("", "x"),
        lambda: Basic("a", "sec\nret"),
        lambda: Bearer("sec ret"),
        lambda: Bearer("sec\r\nret"),
        lambda: Bearer("é"),
        lambda: Bearer(None),
        lambda: Account("https://a.example", "sec ret"),
    ],
)
def test_credentials_that_no_header_can_carry_are_refused_without_being_quoted(make):
    with pytest.raises(QueryError) as caught:
        make()
    assert caught.value.code == "Q520"
    assert "sec" not in str(caught.value).replace("second", "")


# ── OAuth ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Tokens:
    """Renews a token, slowly; counts how often."""

    def __init__(self, lasts=3600):
        self.count, self.lasts, self.seen = 0, lasts, []

    def __call__(self, token):
        self.seen.append(token)
        time.sleep(0.02)
        self.count += 1
        return {"access_token": f"token-{self.count}", "expires_in": self.lasts, "refresh_token": f"r{self.count}"}

    async def later(self, _):
        await asyncio.sleep(0.02)
        self.count += 1
        return {"access_token": f"token-{self.count}", "expires_in": self.lasts}


def strict(sent):
    """Takes only the second token."""
    is_right = sent.headers["authorization"] == "Bearer token-2"
    return Response(json.dumps(body()).encode() if is_right else b"", 200 if is_right else 401, {})


def oauth(tokens, **more):
    return Account("https://api.gong.io", OAuth(tokens, **more), {"time_zone": "UTC"})


def test_a_token_is_renewed_once_after_a_401():
    tokens = Tokens()
    client = Client(GONG, oauth(tokens), transport=strict, rate_limits=[], now=lambda: NOW)
    assert len(client.list(JANUARY).records) == 1
    assert tokens.seen[1]["refresh_token"] == "r1"


def test_a_second_401_is_an_error():
    provider = Provider(401)
    tokens = Tokens()
    error = failing(provider, account=oauth(tokens))
    assert (error.status, tokens.count, len(provider.sent)) == (401, 2, 2)


def test_a_token_is_renewed_before_it_expires():
    clock = [NOW]
    tokens, provider = Tokens(lasts=100), Provider(body())
    client = provider.client(oauth(tokens, margin=30), now=lambda: clock[0])
    client.list(JANUARY)
    clock[0] += dt.timedelta(seconds=69)
    client.list(JANUARY)
    assert tokens.count == 1
    clock[0] += dt.timedelta(seconds=1)
    client.list(JANUARY)
    assert tokens.count == 2


def test_threads_renew_a_token_once():
    tokens, provider = Tokens(), Provider(body())
    client = provider.client(oauth(tokens))
    threads = [threading.Thread(target=client.list, args=(JANUARY,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tokens.count, len(provider.sent)) == (1, 8)


@pytest.mark.parametrize("name", ["__call__", "later"])
def test_tasks_renew_a_token_once_and_one_that_is_cancelled_loses_none(name):
    tokens = Tokens()
    renewed = []
    account = oauth(getattr(tokens, name), on_token=renewed.append)

    async def run():
        async with AsyncClient(GONG, account, transport=Provider(body()), rate_limits=[], now=lambda: NOW) as client:
            calls = [asyncio.create_task(client.list(JANUARY)) for _ in range(5)]
            await asyncio.sleep(0.005)
            calls[0].cancel()
            return await asyncio.gather(*calls, return_exceptions=True)

    found = asyncio.run(run())
    assert isinstance(found[0], asyncio.CancelledError)
    assert [len(page.records) for page in found[1:]] == [1] * 4
    assert (tokens.count, renewed[0]["access_token"]) == (1, "token-1")


@pytest.mark.parametrize("token", [None, {}, {"access_token": 7}, {"access_token": "a\nb"}, "text"])
def test_what_is_no_token_is_an_error(token):
    error = failing(Provider(body()), account=oauth(lambda _: token))
    assert error.code == "P618"


def test_a_function_that_fails_is_an_error_which_does_not_quote_it():
    def fail(_):
        raise RuntimeError("the-secret")

    error = failing(Provider(body()), account=oauth(fail))
    assert (error.code, error.status) == ("P618", 401)
    assert "the-secret" not in str(error)


def test_an_oauth_client_of_authlib_renews_the_token():
    pytest.importorskip("authlib")
    from authlib.oauth2.client import OAuth2Client

    class Session:
        """What it sends requests with."""

        def request(self, *_, **__):
            return httpx2.Response(200, json={"access_token": "token-2", "expires_in": 60, "token_type": "Bearer"})

        post = get = request

    old = {"access_token": "token-1", "refresh_token": "r1"}
    client = OAuth2Client(
        Session(), client_id="id", client_secret="s", token_endpoint="https://login.example/token", token=old
    )
    account = oauth(client, token=old)
    assert len(Client(GONG, account, transport=strict, rate_limits=[]).list(JANUARY).records) == 1


# ── Trying again ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "first", [429, 500, 502, 503, 504, ConnectionResetError(), httpx2.ReadError(""), TimeoutError()]
)
def test_a_read_is_sent_again(first):
    provider = Provider(first, first, body())
    assert len(provider.client().list(JANUARY).records) == 1
    assert provider.slept == [1.0, 2.0]
    assert [sent.attempt for sent in provider.sent] == [1, 2, 3]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 501])
def test_what_another_try_cannot_help_is_not_sent_again(status):
    provider = Provider(status)
    assert failing(provider).status == status
    assert len(provider.sent) == 1


def test_attempts_and_the_budget_end():
    provider = Provider(500)
    assert failing(provider).status == 500
    assert len(provider.sent) == 4
    provider = Provider(500)
    failing(provider, retries=Retries(attempts=100, budget=5, jitter=lambda: 1.0))
    assert provider.slept == [1.0, 2.0]


@pytest.mark.parametrize("told", ["7", "Mon, 01 Jun 2026 16:00:07 GMT"])
def test_retry_after_is_waited_for(told):
    provider = Provider((429, {"Retry-After": told}), body())
    provider.client().list(JANUARY)
    assert provider.slept == [8.0]


def test_a_quota_of_an_hour_is_not_waited_for_and_the_error_says_when_to_come_back():
    provider = Provider((429, {"Retry-After": "3600"}))
    error = failing(provider)
    assert (error.status, error.retry_after, provider.slept) == (429, 3600, [])
    assert "try again in 3,600 s, at 2026-06-01T17:00:00+00:00" in str(error)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), (" 12 ", 12), ("Mon, 01 Jun 2026 15:00:00 GMT", 0), ("Monday, 01-Jun-26 16:01:00 GMT", 60),
     ("-1", None), ("1.5", None), ("soon", None), ("", None), (None, None), ("9" * 30, None),
     ("Mon, 99 Jun 2026 15:00:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(text, seconds):
    assert retry_after(text, NOW) == seconds


CONTACTS = load(calling.ROOT / "examples/mappings/harbor/contact.yaml")


@pytest.mark.parametrize(
    ("first", "is_again"), [(500, False), (httpx2.ReadError(""), False), (httpx2.ConnectError(""), True)]
)
def test_a_record_is_created_once(first, is_again):
    folder = calling.ROOT / "examples/mappings/harbor/contact/create"
    provider = Provider(first, json.loads((folder / "payload.json").read_text("utf-8")))
    client = provider.client(Account("https://harbor.example", Bearer("t")), CONTACTS)
    try:
        record = client.create(json.loads((folder / "body.json").read_text("utf-8"))).record
    except ProviderError:
        record = None
    assert (len(provider.sent), record is not None) == (1 + is_again, is_again)


# ── Failures ─────────────────────────────────────────────────────────────────────────────────────────────────────

ONCE = Retries(attempts=1)


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (httpx2.ConnectTimeout(""), 504, "no connection within 30 s"),
        (httpx2.PoolTimeout(""), 504, "no free connection"),
        (httpx2.ReadTimeout(""), 504, "did not answer within 30 s"),
        (TimeoutError(), 504, "did not answer"),
        (httpx2.ConnectError(""), 502, "takes no connection"),
        (httpx2.RemoteProtocolError(""), 502, "before its reply was complete"),
        (ConnectionResetError(), 502, "before its reply was complete"),
        (RuntimeError("the-secret"), 502, "the transport failed: RuntimeError"),
        (KeyError("the-secret"), 502, "the transport failed: KeyError"),
    ],
)
def test_a_failure_is_an_error_of_ours(error, status, told):
    found = failing(Provider(error), retries=ONCE)
    assert (found.code, found.status) == ("P614", status)
    assert told in str(found)
    assert "the-secret" not in str(found)


def test_a_host_that_nobody_knows_and_a_port_that_nobody_listens_at():
    account = Account("https://nowhere.invalid", Bearer("t"), {"time_zone": "UTC"})
    with pytest.raises(ProviderError, match="not known"):
        Client(GONG, account, retries=ONCE).list(JANUARY)
    account = Account("http://127.0.0.1:1", Bearer("t"), {"time_zone": "UTC"})
    with pytest.raises(ProviderError, match="takes no connection"):
        Client(GONG, account, retries=ONCE).list(JANUARY)


def replied(content, headers, **options):
    """What a client makes of bytes and headers as they come over the wire."""

    def handle(_):
        return httpx2.Response(200, headers=headers, stream=httpx2.ByteStream(content))

    with Client(
        GONG, ACCOUNT, transport=httpx2.MockTransport(handle), retries=ONCE, rate_limits=[], **options
    ) as client:
        return client.list(JANUARY)


PLAIN = json.dumps(body()).encode()


def test_gzip_is_read_also_in_several_members():
    for content in (gzip.compress(PLAIN), gzip.compress(PLAIN[:20]) + gzip.compress(PLAIN[20:])):
        assert len(replied(content, {"content-encoding": "gzip"}).records) == 1


@pytest.mark.parametrize(
    ("content", "headers", "told"),
    [
        (gzip.compress(PLAIN)[:-9], {"content-encoding": "gzip"}, "in the middle of its gzip"),
        (PLAIN, {"content-encoding": "gzip"}, "is not gzip"),
        (PLAIN, {"content-encoding": "br"}, "encoded as"),
        (gzip.compress(b" " * 2_000_000), {"content-encoding": "gzip"}, "more than 1,000,000 bytes"),
        (b" " * 1_000_001, {}, "more than 1,000,000 bytes"),
        (PLAIN[:-5], {"content-length": str(len(PLAIN))}, "ends after"),
        (zlib.compress(PLAIN), {"content-encoding": "deflate"}, "encoded as"),
    ],
    ids=["cut", "not gzip", "br", "bomb", "large", "short", "deflate"],
)
def test_a_body_that_cannot_be_read_whole_is_an_error(content, headers, told):
    with pytest.raises(ProviderError, match=told) as caught:
        replied(content, headers, max_reply=1_000_000)
    assert (caught.value.code, caught.value.status) == ("P602", 502)


def test_a_reply_that_is_too_long_is_not_asked_for_again():
    asked = []
    transport = httpx2.MockTransport(lambda sent: asked.append(sent) or httpx2.Response(200, content=b" " * 1_001))
    client = Client(GONG, ACCOUNT, transport=transport, rate_limits=[], max_reply=1_000)
    with pytest.raises(ProviderError, match="more than 1,000 bytes") as caught:
        client.list(JANUARY)
    assert len(asked) == 1
    assert "a shorter period" in str(caught.value)


def test_a_reply_that_drips_is_given_up():
    class Drip(httpx2.SyncByteStream):
        def __iter__(self):
            for _ in range(100):
                time.sleep(0.02)
                yield b" "

    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Drip()))
    client = Client(GONG, ACCOUNT, transport=transport, retries=ONCE, rate_limits=[], timeout=0.1)
    with pytest.raises(ProviderError) as caught:
        client.list(JANUARY)
    assert caught.value.status == 504


# ── Limits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_comes_to_no_turn_behind_others_within_max_wait_is_told_when_to_come_back():
    async def run():
        limiter = Limiter()
        leave, _ = await limiter.queued("acme", 1)
        given = {"limiter": limiter, "rate_limits": ["3/second"], "max_wait": 0.02, "now": lambda: NOW}
        client = AsyncClient(GONG, ACCOUNT, transport=Provider(body()), **given)
        with pytest.raises(ProviderError) as caught:
            await client.list(JANUARY)
        leave()
        assert len((await client.list(JANUARY)).records) == 1
        return caught.value

    error = asyncio.run(run())
    assert (error.code, error.status, error.retry_after) == ("P615", 429, 1)


def test_clients_of_one_account_share_a_limiter():
    limiter, provider = Limiter(), Provider(body())
    given = {"limiter": limiter, "rate_limits": ["2/hour"], "max_wait": 5}
    provider.client(**given).list(JANUARY)
    provider.client(**given).list(JANUARY)
    error = failing(provider, **given)
    assert (error.code, error.status, provider.slept) == ("P615", 429, [])
    assert 3590 < error.retry_after <= 3601
    other = Account("https://api.gong.io", Basic("the-key", "the-secret"), {"time_zone": "UTC"}, id="other")
    assert provider.client(other, **given).list(JANUARY).records


def test_a_call_waits_for_its_turn():
    provider = Provider(body())
    client = provider.client(
        rate_limits=["3/second"], sleep=lambda seconds: (provider.slept.append(seconds), time.sleep(seconds))
    )
    for _ in range(4):
        client.list(JANUARY)
    assert len(provider.slept) >= 1
    assert 0.5 < sum(provider.slept) < 1.1


def test_a_mapping_says_what_its_provider_takes():
    assert list(map(str, GONG.mapping.rate_limits)) == ["3 calls a second", "10,000 calls a day"]


@pytest.mark.parametrize("texts", [["3 per second"], "x", ["0/second"], ["3/fortnight"], ["3/second", ""]])
def test_what_is_no_rate_limit_is_refused(texts):
    with pytest.raises(QueryError) as caught:
        Provider(body()).client(rate_limits=texts)
    assert caught.value.code == "Q520"


# ── The time zone ────────────────────────────────────────────────────────────────────────────────────────────────

UNKNOWN = Account("https://api.gong.io", Basic("k", "s"))
BERLIN = body(timeZone="Europe/Berlin")


def test_an_unknown_time_zone_is_found_by_one_call_and_remembered():
    provider, found = Provider(BERLIN), []
    client = provider.client(UNKNOWN, on_context=found.append)
    for _ in range(2):
        client.list(JANUARY)
    asked = [json.loads(sent.content)["filter"] for sent in provider.sent]
    assert asked[0] == {"fromDate": "2026-05-30", "toDate": "2026-05-31"}
    assert asked[1:] == [{"fromDate": "2026-01-01", "toDate": "2026-02-02"}] * 2
    assert [one.context for one in found] == [{"time_zone": "Europe/Berlin"}]
    assert client.account.context == {"time_zone": "Europe/Berlin"}


def test_calls_at_once_ask_for_the_time_zone_once():
    provider = Provider(BERLIN)

    async def run():
        async with AsyncClient(GONG, UNKNOWN, transport=provider, rate_limits=[], now=lambda: NOW) as client:
            await asyncio.gather(*(client.list(JANUARY) for _ in range(5)))

    asyncio.run(run())
    assert len(provider.sent) == 6


def test_without_activity_in_a_day_a_month_is_asked_for():
    nothing = Response(b'{"errors": ["No activity found corresponding to the provided filters"]}', 404, {})
    provider = Provider(body())
    provider.replies = [nothing, BERLIN, BERLIN]
    client = Client(GONG, UNKNOWN, transport=lambda sent: _given(provider, sent), rate_limits=[], now=lambda: NOW)
    client.list(JANUARY)
    assert [json.loads(sent.content)["filter"]["fromDate"] for sent in provider.sent][:2] == [
        "2026-05-30",
        "2026-05-01",
    ]
    assert client.account.context == {"time_zone": "Europe/Berlin"}


def _given(provider, sent):
    reply = provider.replies[0]
    return (
        provider(sent) if not isinstance(reply, Response) else (provider.sent.append(sent), provider.replies.pop(0))[1]
    )


def test_nobody_asks_for_the_time_zone_of_a_query_that_is_wrong_or_asks_nothing():
    provider = Provider(BERLIN)
    provider.client(UNKNOWN).list(JANUARY | {"truto_skip_api_call": True})
    for query in ("start_time=x", {"start_time": "2026-01-01T00:00:00Z"}):
        with pytest.raises(QueryError, match=r"Q50[34]"):
            provider.client(UNKNOWN).list(query)
    assert provider.sent == []


def test_a_refusal_to_tell_the_time_zone_says_what_to_do():
    error = failing(Provider(403), account=UNKNOWN)
    assert [one.code for one in error.diagnostics] == ["P601", "P619"]
    assert "give the time_zone in the account's context" in str(error)


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────────

THREE = (body(1, "a"), body(2, "b"), body(3))


def ids(pages):
    return [record["user"]["id"] for page in pages for record in page.records]


def test_pages_records_and_lines_are_the_same():
    assert ids(Provider(*THREE).client().pages(JANUARY)) == ["1", "2", "3"]
    assert [one["user"]["id"] for one in Provider(*THREE).client().records(JANUARY)] == ["1", "2", "3"]
    lines = b"".join(page.body for page in Provider(*THREE).client().stream_bytes(JANUARY)).splitlines()
    assert [json.loads(line)["user"]["id"] for line in lines] == ["1", "2", "3"]


@pytest.mark.parametrize("name", ["pages", "stream_bytes", "records"])
def test_what_failed_goes_on_from_its_cursor(name):
    provider = Provider(THREE[0], 400, *THREE[1:])
    client = provider.client()
    results, found = getattr(client, name)(JANUARY), []
    with pytest.raises(ProviderError):
        found.extend(results)
    with pytest.raises(ProviderError):  # and never looks complete
        next(results)
    again = getattr(client, name)(JANUARY | {"next_cursor": results.cursor})
    found.extend(again)
    assert len(found) == 3
    assert again.cursor is None
    assert len(provider.sent) == 4


def test_the_cursor_is_that_of_the_query_until_a_page_came():
    client = Provider(*THREE).client()
    cursor = client.list(JANUARY).next_cursor
    for query in (
        JANUARY | {"next_cursor": cursor},
        f"start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z&next_cursor={cursor}",
    ):
        assert client.pages(query).cursor == cursor
    assert client.pages(JANUARY).cursor is None


def test_after_the_last_page_there_is_no_cursor():
    pages = Provider(*THREE).client().pages(JANUARY)
    assert [pages.cursor is None for _ in pages] == [False, False, True]


def test_a_call_that_is_cancelled_is_made_again():
    provider, gate = Provider(*THREE), []

    async def send(sent):
        if len(provider.sent) == 1 and not gate:
            gate.append(1)
            await asyncio.sleep(60)
        return provider(sent)

    async def run():
        async with AsyncClient(GONG, ACCOUNT, transport=send, rate_limits=[], now=lambda: NOW) as client:
            pages, found = client.pages(JANUARY), []
            found.append(await anext(pages))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(pages), 0.01)
            return [*found, *[page async for page in pages]]

    assert ids(asyncio.run(run())) == ["1", "2", "3"]


def test_hooks_are_told_what_is_sent_and_what_comes():
    told = []
    client = Provider(500, ConnectionResetError(), *THREE[2:]).client(
        on_request=lambda sent: told.append(sent.attempt),
        on_response=lambda reply: told.append((reply.status, reply.sent.attempt, reply.seconds < 1)),
        on_failure=lambda sent, failed: told.append((failed.error, sent.attempt)),
        on_page=lambda page: told.append(len(page.records)),
    )
    client.list(JANUARY)
    assert told == [1, (500, 1, True), 2, ("connection_closed", 2), 3, (200, 3, True), 1]


# ── A provider that fails at random ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", [1, 2, 3, 9, 11])
def test_under_random_faults_a_fetch_is_complete_or_an_error_from_which_it_can_go_on(seed):
    calling.check(random.Random(seed))


def test_a_client_asks_the_mock_of_gong_for_names_and_days():
    async def run():
        app = mock_gong(users=120, limits=False, now=lambda: NOW)
        account = Account("https://api.gong.io", Basic(KEY, SECRET), {"user_names": True, "detailed": True})
        transport = httpx2.ASGITransport(app)
        async with AsyncClient(GONG, account, transport=transport, rate_limits=[], now=lambda: NOW) as client:
            found = [one async for one in client.records(JANUARY | {"aggregation_period": "day"})]
            return client.account.context["time_zone"], found

    zone, found = asyncio.run(run())
    assert zone == "America/New_York"
    assert any("name" in one["user"] for one in found)
    assert len({one["id"] for one in found}) == len(found) > 120
