"""A stored message as it stands after what was done to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway_worker.connections.messages.current import CurrentMessage, current_message
from gateway_worker.store.records import Json, MessageRecord, Status
from schemas.names import MessageId, SessionId
from tests.support.connections.fake_messages import message_row

CHAT, GROUP = "15550001111@s.whatsapp.net", "120363001@g.us"
ANNA, BERT = "15550001111@s.whatsapp.net", "15550002222@s.whatsapp.net"
ORIGINAL = MessageId("3EB0AA")
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
NEW_TEXT = {"kind": "text", "text": "new"}


def row(sender: str | None, content: Json, chat: str = CHAT) -> MessageRecord:
    """A change, or the message itself; ours when it has no sender."""
    command = None if sender else ("/backend", "1")
    made = message_row(SessionId("s"), ORIGINAL, chat=chat, content=content, sender=sender, command=command, at=NOON)
    return replace(made, about=ORIGINAL, status=Status.SENT if command else made.status)


def shown(original: MessageRecord, *changes: MessageRecord) -> CurrentMessage:
    return current_message(original, changes)


THEIRS = row(ANNA, {"kind": "text", "text": "old"})
OURS = row(None, {"kind": "text", "text": "old"})


def test_the_last_edit_of_its_author_counts() -> None:
    first = row(ANNA, {"kind": "edited", "content": {"kind": "text", "text": "newer"}})
    second = row(ANNA, {"kind": "edited", "content": NEW_TEXT})
    now = shown(THEIRS, first, second)
    assert (now.content, now.edited_at) == (NEW_TEXT, second.created_at)


def test_an_edited_caption_of_ours_leaves_the_file_as_it_is() -> None:
    photo = replace(OURS, content={"kind": "image", "caption": "old", "media": {"size": 1}})
    edit = replace(row(None, {"kind": "edit", "content": {"kind": "image", "caption": "new"}}), status=Status.SENT)
    assert shown(photo, edit).content == {"kind": "image", "caption": "new", "media": {"size": 1}}


def test_a_text_in_the_place_of_a_file_is_its_caption() -> None:
    photo = replace(THEIRS, content={"kind": "image", "caption": "old", "media": {"size": 1}})
    edit = row(photo.sender, {"kind": "edited", "content": NEW_TEXT})
    assert shown(photo, edit).content == {"kind": "image", "caption": NEW_TEXT["text"], "media": {"size": 1}}


def test_nobody_edits_what_somebody_else_wrote() -> None:
    for original, sender in ((OURS, ANNA), (row(ANNA, THEIRS.content, GROUP), BERT)):
        assert shown(original, row(sender, {"kind": "edited", "content": NEW_TEXT})).content == original.content


def test_a_name_that_nobody_knows_is_another_person() -> None:
    original = row(ANNA, THEIRS.content, GROUP)
    assert shown(original, row("77@lid", {"kind": "edited", "content": NEW_TEXT}, GROUP)).content == original.content


def test_what_was_done_in_another_chat_changes_nothing() -> None:
    for content in (
        {"kind": "edited", "content": NEW_TEXT},
        {"kind": "revoked"},
        {"kind": "reacted", "emoji": "x"},
        {"kind": "voted", "options": ["1"]},
    ):
        assert shown(THEIRS, row(ANNA, content, GROUP)) == shown(THEIRS)


def test_a_change_is_of_the_message_whose_author_it_names() -> None:
    of_anna, of_bert = (row(who, THEIRS.content, GROUP) for who in (ANNA, BERT))
    for content in ({"kind": "reaction", "emoji": "x"}, {"kind": "revocation"}):
        change = row(None, {**content, "author": ANNA}, GROUP)
        assert shown(of_anna, change) != shown(of_anna)
        assert shown(of_bert, change) == shown(of_bert)


def test_what_we_have_begun_counts_where_it_must_not_leave_any_more() -> None:
    pending = replace(row(None, {"kind": "revocation"}), status=Status.PENDING)
    assert current_message(OURS, [pending]).revoked_at is None
    assert current_message(OURS, [pending], begun_counts=True).revoked_at is not None
    failed = replace(pending, status=Status.FAILED)
    assert current_message(OURS, [failed], begun_counts=True).revoked_at is None


def test_a_revoked_message_shows_nothing_but_when() -> None:
    now = shown(THEIRS, row(BERT, {"kind": "reacted", "emoji": "x"}), row(ANNA, {"kind": "revoked"}))
    assert (now.content, now.reactions, now.revoked_at is None) == (None, [], False)


@pytest.mark.parametrize(("chat", "is_revoked"), [(CHAT, False), (GROUP, True)])
def test_only_in_groups_somebody_else_revokes(chat: str, *, is_revoked: bool) -> None:
    now = shown(row(ANNA, THEIRS.content, chat), row(None, {"kind": "revocation"}, chat))
    assert (now.revoked_at is not None) is is_revoked


def test_each_person_has_one_reaction_and_takes_it_back() -> None:
    reactions = [(ANNA, "a"), (None, "b"), (ANNA, "c"), (BERT, "d"), (BERT, "")]
    changes = [row(who, {"kind": "reacted" if who else "reaction", "emoji": emoji}) for who, emoji in reactions]
    assert [(each.sender, each.emoji) for each in shown(OURS, *changes).reactions] == [(None, "b"), (ANNA, "c")]


def test_each_person_has_one_vote() -> None:
    changes = [row(who, {"kind": "voted", "options": options}) for who, options in ((ANNA, ["1"]), (ANNA, ["2"]))]
    unread = row(BERT, {"kind": "voted", "options": None})
    assert [(each.sender, each.options) for each in shown(OURS, *changes, unread).votes] == [(ANNA, ["2"])]


def test_a_vote_for_what_is_not_known_is_no_vote_taken_back() -> None:
    (vote,) = shown(OURS, row(ANNA, {"kind": "voted", "options": [], "unknownOptions": 1})).votes
    assert (vote.options, vote.unknown_options) == ([], 1)


def test_a_poll_has_the_options_that_were_added_each_once() -> None:
    poll = row(None, {"kind": "poll", "question": "When?", "options": ["1"]})
    added = [row(ANNA, {"kind": "optionadded", "option": option}) for option in ("2", "1", "2")]
    content = shown(poll, *added).content
    assert content is not None
    assert content["options"] == ["1", "2"]
    assert shown(OURS, *added).content == OURS.content


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED])
def test_what_whatsapp_does_not_have_changes_nothing(status: Status) -> None:
    edit = replace(row(None, {"kind": "edit", "content": NEW_TEXT}), status=status)
    assert shown(OURS, edit).content == OURS.content


def test_what_is_about_another_message_changes_nothing() -> None:
    edit = replace(row(ANNA, {"kind": "edited", "content": NEW_TEXT}), about=MessageId("3EB0BB"))
    assert shown(THEIRS, edit).content == THEIRS.content


def test_our_own_pin_counts_from_when_it_was_sent() -> None:
    now = shown(THEIRS, pin := row(None, {"kind": "pin", "seconds": 86_400}))
    assert (now.pinned, now.pinned_until) == (True, pin.created_at + timedelta(days=1))
    now = shown(THEIRS, pin, row(None, {"kind": "pin", "seconds": None}))
    assert (now.pinned, now.pinned_until) == (False, None)


def test_what_is_pinned_or_kept_is_so_until_it_is_undone() -> None:
    pin = row(BERT, {"kind": "pinned", "pinned": True, "until": NOON.isoformat()})
    keep = row(BERT, {"kind": "kept", "kept": True})
    now = shown(THEIRS, pin, keep)
    assert (now.pinned, now.pinned_until, now.kept) == (True, NOON, True)
    undone = [row(ANNA, {"kind": "pinned", "pinned": False, "until": None}), row(ANNA, {"kind": "kept", "kept": False})]
    now = shown(THEIRS, pin, keep, *undone)
    assert (now.pinned, now.pinned_until, now.kept) == (False, None, False)
