"""Whoever misconfigures webhooks reads one line that names the entry."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_worker.webhooks.configuration import Configuration, ConfigurationError, load

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def into_a_file(text: str) -> Path:
        file = tmp_path / "webhooks.toml"
        file.write_text(text)
        return file

    return into_a_file


def of(file: Path) -> Configuration:
    return load(file, {})


def test_a_whole_file_is_read(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "worker-secret-token")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    read = of(
        write(f"""
        [backend]
        url = "https://backend.example/base/"
        token = {{ env = "SHOP_TOKEN" }}
        secrets = [{{ file = "{tmp_path}/secret" }}, "{SECRET}"]
        [[targets]]
        name = "shop"
        url = "https://shop.example/hook?key=1"
        types = ["message.received.v1", "group.*"]
        sessions = ["shop-1"]
        mode = "binary"
        """)
    )
    assert read.backend is not None
    assert read.backend.url == "https://backend.example/base"
    assert len(read.backend.keys) == 2
    assert read.backend.token is not None
    assert read.backend.token.get_secret_value() == "worker-secret-token"
    shop = read.targets[0]
    wanted = ("message.received.v1", "group.updated.v1", "message.status.v1", "groups.x.v1")
    assert [shop.wants(kind) for kind in wanted] == [True, True, False, False]
    assert "worker-secret-token" not in repr(read)
    assert "MfKQ9r8" not in repr(read)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://shop.example/", "https"),
        ("ftp://shop.example/", "https"),
        ("https://user:pw@shop.example/", "password"),
        ("https://127.0.0.1/", "not public"),
        ("https://[::1]/", "not public"),
        ("https://169.254.169.254/", "not public"),
        ("https://2130706433/", "not public"),
        ("https://127.1/", "not public"),
        ("https://127.0.0.1./", "not public"),
        ("https://shop.example/#x", "fragment"),
        ("shop.example", "address"),
        ("", "address"),
    ],
)
def test_addresses_that_are_not_public_are_refused(write: Write, url: str, why: str) -> None:
    file = write(f'[[targets]]\nname = "shop"\nurl = "{url}"')
    with pytest.raises(ConfigurationError, match=rf"webhooks.toml: targets.0.url: .*{why}") as seen:
        of(file)
    assert len(str(seen.value).splitlines()) == 1


@pytest.mark.parametrize("url", ["http://backend:3000", "http://127.0.0.1:3000", "https://10.0.0.1"])
def test_inside_a_private_network_they_are_allowed(url: str) -> None:
    assert load(None, {"url": url, "allow_private": True}).backend is not None


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://0.0.0.0/", "http://[fe80::1]/"])
def test_but_never_what_holds_a_clouds_credentials(url: str) -> None:
    with pytest.raises(ConfigurationError, match="not public"):
        load(None, {"url": url, "allow_private": True})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "there is nobody to call"),
        ("targets = [", "is not TOML"),
        ('[backend]\nurl = "https://a.example/"\ntokn = "x"', "backend.tokn: Extra inputs are not permitted"),
        ('[backend]\nurl = "https://a.example/?x=1"', "backend.url: must not have a query"),
        ('[backend]\nurl = "https://a.example/"\ntoken = {env = "NOT_THERE"}', "backend.token: the environment has no"),
        ('[backend]\nurl = "https://a.example/"\ntoken = {file = "/not/there"}', "backend.token: /not/there cannot be"),
        ('[backend]\nurl = "https://a.example/"\ntoken = "two words"', "backend.token: must be printable ASCII"),
        ('[backend]\nurl = "https://a.example/"\nsecrets = ["abc"]', "backend.secrets.0: must be whsec_"),
        ('[backend]\nurl = "https://a.example/"\nca = "/not/there"', "backend.ca: /not/there is not there"),
        (
            '[[targets]]\nname = "a"\nurl = "https://a.example/"\ntypes = ["message.recieved"]',
            "targets.0.types.0: is no",
        ),
        ('[[targets]]\nname = "A b"\nurl = "https://a.example/"', "targets.0.name: "),
        ('[[targets]]\nname = "backend"\nurl = "https://a.example/"', "is the backend's"),
        ('[[targets]]\nname = "a"\nurl = "https://a.example/"\n' * 2, "two targets are called 'a'"),
        (
            '[[targets]]\nname = "a"\nurl = "https://a.example/"\nsessions = []',
            "targets.0.sessions: must name at least",
        ),
    ],
)
def test_each_mistake_is_one_line_with_its_place(write: Write, text: str, line: str) -> None:
    with pytest.raises(ConfigurationError) as seen:
        of(write(text))
    assert line in str(seen.value)
    assert len(str(seen.value).splitlines()) == 1


def test_a_file_and_settings_do_not_both_name_a_backend(write: Write) -> None:
    with pytest.raises(ConfigurationError, match="one of the two"):
        load(write('[backend]\nurl = "https://a.example/"'), {"url": "https://b.example/"})
