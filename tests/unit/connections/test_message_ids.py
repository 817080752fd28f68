"""The WhatsApp id of a command's message."""

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.connections.message_ids import derive_message_id

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def test_the_id_of_a_known_key_never_changes() -> None:
    assert derive_message_id("/backend/eu-1", "01JD0000000000000000000000") == "3EB05466E298149C789D32"


@given(words, words)
def test_an_id_has_the_shape_whatsapp_web_gives(source: str, command_id: str) -> None:
    assert re.fullmatch(r"3EB0[0-9A-F]{18}", derive_message_id(source, command_id))


@given(st.lists(st.tuples(words, words), unique=True, max_size=50))
def test_different_keys_have_different_ids(keys: list[tuple[str, str]]) -> None:
    assert len({derive_message_id(*key) for key in keys}) == len(keys)


def test_the_border_between_source_and_id_counts() -> None:
    assert derive_message_id("ab", "c") != derive_message_id("a", "bc")
