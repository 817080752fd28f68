"""Links that lead astray: each is answered with its code, soon, and leaves nothing behind."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway_worker.media import addresses
from gateway_worker.media.addresses import Address
from gateway_worker.media.fetching import Deadlines, Fetcher, resolve_here
from gateway_worker.media.receiving import receive
from gateway_worker.media.spool import Spool
from schemas.errors import MediaError
from tests.support.network.hostile import HOST, Hostile, hostile

LIMIT = 2 << 20
QUICK = Deadlines(resolve=5, connect=2, headers=0.6, silence=0.4, window=0.3, pace=1000, total=20)
NAMES: dict[str, Sequence[str]] = {
    "files.test": [HOST],
    "inner.test": ["127.0.0.1"],
    "inner6.test": ["::1"],
    "mixed.test": [HOST, "127.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "mapped.test": ["::ffff:10.0.0.1"],
    "nobody.test": [],
}


async def resolve(host: str, port: int) -> Sequence[str]:
    return NAMES[host] if host in NAMES else await resolve_here(host, port)


def allowed(address: Address) -> bool:
    """As outside of tests, but for the hostile server's address."""
    return str(address) == HOST or addresses.is_allowed(address)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "spool", 64 << 20)
    made.open()
    return made


@pytest.fixture(scope="module")
async def server() -> AsyncGenerator[Hostile]:
    async with hostile() as running:
        yield running


@pytest.fixture(scope="module")
def fetcher() -> Fetcher:
    """May use http (the server has no certificate), and judges addresses as strictly as ever."""
    return Fetcher(allow_private=True, deadlines=QUICK, resolve=resolve, is_allowed=allowed)


async def fetch(fetcher: Fetcher, spool: Spool, url: str) -> bytes:
    async with spool.job() as job, fetcher.reading(url, LIMIT) as pieces:
        return (await receive(pieces, job, "source", LIMIT)).read_bytes()


async def refusal(fetcher: Fetcher, spool: Spool, url: str) -> tuple[str, str]:
    """Code and reason; and nothing is left in the spool."""
    with pytest.raises(MediaError) as caught:
        await fetch(fetcher, spool, url)
    assert caught.value.detail is not None
    assert list(spool.directory.iterdir()) == []
    return caught.value.code, caught.value.detail["reason"]


FORBIDDEN = [
    *("127.0.0.1", "127.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001"),
    *("localhost", "0.0.0.0", "0", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("100.64.0.1", "100.127.255.254", "100.100.100.200", "169.254.169.254", "169.254.1.1", "2852039166"),
    *("0xa9fea9fe", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]"),
    *(
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::7f00:1]",
        "[::ffff:0:7f00:1]",
    ),
    *("[2002:7f00:1::]", "[2002:c0a8:101::1]", "[2002:a9fe:a9fe::]", "[2001:0:7f00:1::]", "[2001::f5ff:fffe]"),
    *("[2001:470::5efe:7f00:1]", "[2001:470::200:5efe:10.0.0.1]", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[ff0e::1]"),
    *("[fc00::1]", "[fd12:3456::1]", "[fd00:ec2::254]", "[fd20:ce::254]", "[2001:db8::1]", "[100::1]", "[5f00::1]"),
    *("inner.test", "inner6.test", "mixed.test", "metadata.test", "mapped.test", "LOCALHOST"),
]


@pytest.mark.parametrize("host", FORBIDDEN)
async def test_a_forbidden_address_is_not_opened(fetcher: Fetcher, spool: Spool, host: str) -> None:
    assert await refusal(fetcher, spool, f"https://{host}/a.png") == ("media.forbidden_address", "address")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "169.254.169.254", "inner.test"]
)
async def test_nor_does_a_redirect_lead_there(
    fetcher: Fetcher, spool: Spool, server: Hostile, host: str, status: int
) -> None:
    where = quote(f"http://{host}:{server.port}/good", safe="")
    assert await refusal(fetcher, spool, server.url(f"to/{status}/{where}")) == ("media.forbidden_address", "address")


ELSEWHERE = {
    "file:///etc/passwd": "scheme",
    "ftp://files.test/a": "scheme",
    "gopher://files.test/": "scheme",
    "javascript:alert(1)": "scheme",
    "data:text/plain,abc": "scheme",
    "unix:///run/docker.sock": "scheme",
    "http://user:password@files.test/": "credentials",
    "http://user@files.test/": "credentials",
    "https:///a": "host",
}


@pytest.mark.parametrize("where", ELSEWHERE)
async def test_a_redirect_leads_to_the_web_only(fetcher: Fetcher, spool: Spool, server: Hostile, where: str) -> None:
    found = await refusal(fetcher, spool, server.url(f"to/302/{quote(where, safe='')}"))
    assert found == ("media.forbidden_address", ELSEWHERE[where])


UNREACHABLE = {
    **{f"status/{code}": "status" for code in (204, 206, 300, 304, 400, 401, 403, 404, 410, 418, 429, 500, 502, 503)},
    "loop": "redirects",
    "on/0": "redirects",
    "nowhere": "redirects",
    "to/302/http%3A%2F%2F%5B%3A%3A1": "protocol",
    "to/302/http%3A%2F%2Ffiles.test%3A99999%2F": "protocol",
    "to/302/http%3A%2F%2Fnobody.test%2F": "dns",
    "drip": "slow",
    "drip-head": "timeout",
    "silent": "timeout",
    "silent-body": "timeout",
    "endless-head": "protocol",
    "many-heads": "connect",
    "reset": "connect",
    "closed": "connect",
    "garbage": "protocol",
    "ssh": "protocol",
    "half-status": "connect",
    "no-code": "protocol",
    "long-line": "protocol",
    "cut": "interrupted",
    "cut-chunk": "interrupted",
    "bad-chunk": "protocol",
    "negative": "protocol",
    "two-lengths": "protocol",
    "no-length": "protocol",
    "brotli": "encoding",
    "zstd": "encoding",
    "compress": "encoding",
    "twice": "encoding",
    "gzip-cut": "interrupted",
    "gzip-garbage": "encoding",
    "gzip-more": "encoding",
    "gzip-none": "interrupted",
}


@pytest.mark.parametrize("trick", UNREACHABLE)
async def test_a_host_that_misbehaves_is_given_up(fetcher: Fetcher, spool: Spool, server: Hostile, trick: str) -> None:
    assert await refusal(fetcher, spool, server.url(trick)) == ("media.unreachable", UNREACHABLE[trick])


@pytest.mark.parametrize("trick", ["endless", "endless/chunked", "claims-much", "bomb", "bomb-deflate"])
async def test_what_is_too_much_is_cut_off(fetcher: Fetcher, spool: Spool, server: Hostile, trick: str) -> None:
    assert await refusal(fetcher, spool, server.url(trick)) == ("media.too_large", "bytes")


async def test_nothing_is_nothing(fetcher: Fetcher, spool: Spool, server: Hostile) -> None:
    assert await refusal(fetcher, spool, server.url("empty")) == ("media.unsupported", "empty")


@pytest.mark.parametrize("host", ["no-such-name.invalid", "nobody.test", "a" * 64 + ".test"])
async def test_a_name_that_nobody_has(fetcher: Fetcher, spool: Spool, host: str) -> None:
    assert await refusal(fetcher, spool, f"https://{host}/") == ("media.unreachable", "dns")


async def test_a_port_where_nobody_listens_and_one_without_tls(fetcher: Fetcher, spool: Spool, server: Hostile) -> None:
    assert await refusal(fetcher, spool, f"https://{HOST}:1/") == ("media.unreachable", "connect")
    assert (await refusal(fetcher, spool, f"https://{HOST}:{server.port}/"))[1] in {"tls", "connect", "timeout"}


async def test_without_the_tests_setting_there_is_no_http(spool: Spool, server: Hostile) -> None:
    strict = Fetcher(deadlines=QUICK, is_allowed=allowed)
    assert await refusal(strict, spool, server.url("good")) == ("media.forbidden_address", "scheme")


async def test_the_tests_setting_does_not_open_the_metadata(spool: Spool) -> None:
    lenient = Fetcher(allow_private=True, deadlines=QUICK)
    for host in ("169.254.169.254", "[fe80::1]", "224.0.0.1", "0.0.0.0", "[::ffff:169.254.169.254]", "100.100.100.200"):
        assert await refusal(lenient, spool, f"http://{host}/") == ("media.forbidden_address", "address")


@pytest.mark.parametrize(
    "trick", ["good", "good-gzip", "good-hinted", "to/302/%2Fgood", "to/308/http%3A%2F%2Ffiles.test%3APORT%2Fgood"]
)
async def test_what_behaves_is_fetched(fetcher: Fetcher, spool: Spool, server: Hostile, trick: str) -> None:
    url = server.url(trick.replace("PORT", str(server.port)), "files.test")
    assert await fetch(fetcher, spool, url) == b"%PDF-1.7 fine"
