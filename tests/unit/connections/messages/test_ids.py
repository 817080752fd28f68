"""The WhatsApp id of a command's message."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.connections.messages.ids import MessageIds, derive_message_id
from schemas.commands.commands import CommandKey
from schemas.errors import SessionNotFound
from schemas.names import SessionId
from tests.support.connections.fake_messages import FakeMessages

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
keys = st.builds(CommandKey, source=words, id=words)
SECRET = bytes(range(32))


def test_the_id_of_a_known_key_never_changes() -> None:
    key = CommandKey(source="/backend/eu-1", id="01JD0000000000000000000000")
    assert derive_message_id(SECRET, key) == "3EB0B93F711FE19374A0B9"


@given(keys)
def test_an_id_has_the_shape_whatsapp_web_gives(key: CommandKey) -> None:
    assert re.fullmatch(r"3EB0[0-9A-F]{18}", derive_message_id(SECRET, key))


@given(st.lists(st.tuples(words, words), unique=True, max_size=50))
def test_different_keys_have_different_ids(pairs: list[tuple[str, str]]) -> None:
    ids = {derive_message_id(SECRET, CommandKey(source=source, id=name)) for source, name in pairs}
    assert len(ids) == len(pairs)


@given(keys, st.binary(min_size=32, max_size=32))
def test_who_does_not_have_the_secret_does_not_know_the_id(key: CommandKey, guess: bytes) -> None:
    assert derive_message_id(guess, key) != derive_message_id(SECRET, key) or guess == SECRET


def test_the_border_between_source_and_id_counts() -> None:
    one, other = CommandKey(source="ab", id="c"), CommandKey(source="a", id="bc")
    assert derive_message_id(SECRET, one) != derive_message_id(SECRET, other)


async def test_the_secret_is_asked_for_once_also_by_two_at_a_time_and_who_has_none_is_told() -> None:
    key, asked = CommandKey(source="/backend", id="1"), list[SessionId]()

    class Messages(FakeMessages):
        async def secret(self, session_id: SessionId) -> bytes | None:
            asked.append(session_id)
            return SECRET if session_id == "here" else None

    ids = MessageIds(SessionId("here"), Messages())
    assert set(await asyncio.gather(ids.of(key), ids.of(key))) == {derive_message_id(SECRET, key)}
    assert asked == ["here"]
    with pytest.raises(SessionNotFound):
        await MessageIds(SessionId("gone"), Messages()).of(key)
