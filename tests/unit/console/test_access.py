"""Who may use the console."""

import pytest

from gateway_worker.console.serve import refusal
from gateway_worker.console.web.access import LOGIN_SECONDS, Access, RefusedError
from gateway_worker.settings.settings import Settings

TOKEN = "a-token-of-many-characters"


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # pyright: ignore[reportCallIssue, reportArgumentType] (pydantic's own)


@pytest.mark.parametrize(
    ("host", "token", "starts"),
    [
        ("127.0.0.1", None, True),
        ("::1", None, True),
        ("localhost", None, True),
        ("0.0.0.0", None, False),
        ("192.0.2.7", None, False),
        ("gateway.example", None, False),
        ("0.0.0.0", TOKEN, True),
    ],
)
def test_elsewhere_than_on_this_machine_it_wants_a_token(host: str, token: str | None, starts: bool) -> None:  # noqa: FBT001
    assert (refusal(settings(console_host=host, console_token=token)) is None) == starts


def test_who_knows_the_token_is_in_until_logging_out_or_twelve_hours_later() -> None:
    access = Access(token=TOKEN)
    stranger = access.visitor(None, 0.0)
    assert (stranger.is_in, stranger.is_new) == (False, True)
    assert access.log_in("a-token-of-many-character", 0.0) is None
    known = access.log_in(TOKEN, 0.0)
    assert known is not None
    assert known.cookie != stranger.cookie
    assert access.visitor(known.cookie, LOGIN_SECONDS - 1).is_in
    assert not access.visitor(known.cookie, LOGIN_SECONDS).is_in
    access.log_out(known)
    assert not access.visitor(known.cookie, 1.0).is_in


def test_a_cookie_that_is_not_ours_is_a_strangers() -> None:
    access, other = Access(token=None), Access(token=None)
    theirs = other.visitor(None, 0.0)
    assert access.visitor(theirs.cookie, 0.0).is_new
    for odd in ("", ".", "\udcff", "ü.\udcff", "x" * 9_000):
        assert access.visitor(odd, 0.0).is_new
    ours = access.visitor(None, 0.0)
    assert access.visitor(ours.cookie, 0.0).csrf == ours.csrf
    for at in range(len(ours.cookie)):
        changed = ours.cookie[:at] + ("0" if ours.cookie[at] != "0" else "1") + ours.cookie[at + 1 :]
        assert access.visitor(changed, 0.0).is_new


def test_a_change_wants_the_proof_of_the_very_visitor() -> None:
    access = Access(token=None)
    ana, ben = access.visitor(None, 0.0), access.visitor(None, 0.0)
    access.check_csrf(ana, ana.csrf)
    for given in (None, "", ben.csrf, ana.csrf[:-1], ana.csrf.upper(), "ü", "\udcff"):
        with pytest.raises(RefusedError):
            access.check_csrf(ana, given)


@pytest.mark.parametrize(
    ("headers", "goes"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8010"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "http://127.0.0.1:8011"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "http://127.0.0.1"}, False),
        ({"Origin": "http://127.0.0.1:8010.evil.example"}, False),
        ({"Origin": "http://127.0.0.1:8010@evil.example"}, False),
        ({"Origin": "http://["}, False),
    ],
)
def test_another_sites_page_changes_nothing(headers: dict[str, str], goes: bool) -> None:  # noqa: FBT001
    access = Access(token=None)
    access.check_origin("GET", headers, "127.0.0.1:8010")
    if goes:
        access.check_origin("POST", headers, "127.0.0.1:8010")
        return
    with pytest.raises(RefusedError):
        access.check_origin("POST", headers, "127.0.0.1:8010")


@pytest.mark.parametrize("host", ["127.0.0.1:8010", "localhost:8010", "LOCALHOST", "[::1]:8010", "127.8.0.1"])
def test_without_a_token_it_answers_to_this_machines_names(host: str) -> None:
    Access(token=None).check_host(host)


@pytest.mark.parametrize(
    "host", ["rebound.example:8010", "127.0.0.1.example", "", "192.0.2.7:8010", "[2001:db8::1]:80"]
)
def test_without_a_token_it_answers_to_no_other_name(host: str) -> None:
    with pytest.raises(RefusedError):
        Access(token=None).check_host(host)
    Access(token=TOKEN).check_host(host)
