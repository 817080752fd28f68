"""What a page makes of files and sizes, and which objects of the bucket it may show."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway_worker.console.files import TooLargeError, belongs_to, content_at, content_of, kind_of, part_of, shown_as
from gateway_worker.console.words import age_word, size_word
from schemas.content.outgoing_media import MAX_INLINE


@pytest.mark.parametrize(
    ("mimetype", "kind"),
    [
        ("image/png", "image"),
        ("image/webp", "sticker"),
        ("video/mp4", "video"),
        ("audio/ogg; codecs=opus", "audio"),
        ("text/csv", "document"),
        ("", "document"),
    ],
)
def test_a_file_is_sent_as_what_it_says_it_is(mimetype: str, kind: str) -> None:
    assert kind_of(mimetype) == kind


def test_a_file_carries_its_name_and_a_caption_where_whatsapp_has_one() -> None:
    picture = content_of(b"abc", "image/png", "a.png", None, "look")
    assert picture == {
        "kind": "image",
        "media": {"base64": "YWJj", "mimetype": "image/png", "fileName": "a.png"},
        "caption": "look",
    }
    assert content_of(b"abc", "audio/ogg", "", "voice", "look") == {
        "kind": "voice",
        "media": {"base64": "YWJj", "mimetype": "audio/ogg"},
    }
    assert content_at("https://files.example/a", None, "") == {
        "kind": "document",
        "media": {"url": "https://files.example/a"},
    }


def test_a_file_above_what_a_command_carries_is_refused() -> None:
    with pytest.raises(TooLargeError):
        content_of(bytes(MAX_INLINE + 1), "image/png", "a.png", None, "")


@pytest.mark.parametrize(
    "mimetype",
    [
        *("image/svg+xml", "text/html", "application/pdf", "image/png<", "", "image/png\n", "audio/ö"),
        *("video/mp4\r\nX-Own: 1", "audio/ogg; codecs=opus; charset=utf-7", "image/png,text/html"),
    ],
)
def test_what_could_be_a_page_is_never_shown_in_one_of_ours(mimetype: str) -> None:
    assert shown_as(mimetype) is None


def test_pictures_and_sounds_are_shown() -> None:
    assert shown_as("image/jpeg") == "image/jpeg"
    assert shown_as("Audio/OGG; codecs=opus ") == "audio/ogg; codecs=opus"


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, (0, 0)),
        ("bytes=0-", (0, 0)),
        ("bytes=0-1", (0, 2)),
        ("bytes=500-", (500, 0)),
        ("bytes=5-5", (5, 1)),
        *((odd, (0, 0)) for odd in ("bytes=9-3", "bytes=-5", "bytes=0-1,4-5", "lines=0-1", "bytes=1e3-", "bytes=٣-")),
    ],
)
def test_a_player_gets_the_part_that_it_asks_for(header: str | None, part: tuple[int, int]) -> None:
    assert part_of(header) == part


def test_a_session_sees_its_own_objects_and_uploads_alone() -> None:
    assert belongs_to("mine/2026/a", "mine")
    assert belongs_to("uploads/a", "mine")
    assert not belongs_to("mine2/a", "mine")
    assert not belongs_to("mine/../other/a", "mine")


def test_sizes_and_ages_are_words() -> None:
    assert [size_word(size) for size in (None, 999, 1_400, 2_500_000, 7_000_000_000_000)] == [
        "",
        "999 B",
        "1.4 kB",
        "2.5 MB",
        "7000.0 GB",
    ]
    now = datetime(2026, 11, 30, tzinfo=UTC)
    ages = [age_word(now - timedelta(seconds=seconds), now) for seconds in (-5, 59, 60, 3_600, 86_400)]
    assert ages[:3] == ["0 s", "59 s", "1 min"]
    assert len(set(ages)) == 5
