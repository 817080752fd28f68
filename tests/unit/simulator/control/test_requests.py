"""Control requests: whatever JSON comes in, it is done or refused with a code."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.simulator.content.reading import read_message
from gateway_worker.simulator.content.shapes import Means, Uploaded
from gateway_worker.simulator.content.writing import write_message
from gateway_worker.simulator.control import person_actions as actions
from gateway_worker.simulator.control.fault_actions import add_fault, parse_fault
from gateway_worker.simulator.errors import ControlError, Invalid
from gateway_worker.simulator.strict_body import Body, address
from gateway_worker.simulator.world.fault import FaultKind
from tests.unit.simulator.stage import Stage


def _upload(file: bytes, kind: str) -> Uploaded:
    return Uploaded(
        url=f"https://host/{kind}",
        direct_path="/",
        media_key=b"",
        sha256=b"",
        blob_sha256=b"",
        size=len(file),
        timestamp=0,
    )


MEANS = Means(upload=_upload, entropy=bytes)
WORDS = (
    "+15550000001",
    "15550000001@s.whatsapp.net",
    "text",
    "image",
    "poll",
    "location",
    "contacts",
    "raw",
    "\ud800",
    "",
)

json = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(alphabet=st.characters()),
        st.sampled_from([*WORDS, *FaultKind]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


def _objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), json, max_size=len(names))


def _refused_or_done(action: Callable[[], object]) -> None:
    with suppress(ControlError):
        action()


@given(_objects("kind", "phone", "code", "after", "count", "other"))
def test_any_fault_order_is_taken_or_refused(fields: dict[str, Any]) -> None:
    stage = Stage()
    _refused_or_done(lambda: stage.turn(lambda turn: add_fault(turn, parse_fault(Body(fields)))))


@given(
    _objects(
        "kind", "text", "linkPreview", "media", "latitude", "longitude", "contacts", "question", "options", "message"
    ),
    st.one_of(st.none(), _objects("messageId", "x")),
)
def test_any_content_is_sent_or_refused(content: dict[str, Any], quote: dict[str, Any] | None) -> None:
    stage = Stage()
    ann, bob = stage.person(), stage.person("15550000002")
    _refused_or_done(
        lambda: stage.turn(
            lambda turn: actions.send(turn, ann, to=bob.pn_jid, draft=actions.Draft(content=content, quote=quote))
        )
    )


@given(json)
def test_any_body_and_address_is_taken_or_refused(value: Any) -> None:
    _refused_or_done(lambda: Body(value))
    _refused_or_done(lambda: address(value, "to"))
    _refused_or_done(lambda: Body({"mentions": value}).addresses("mentions"))
    _refused_or_done(lambda: Body({"device": value}).whole("device", 1, 10))
    _refused_or_done(lambda: Body({"wait": value}).seconds("wait", 10))


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
def test_a_text_comes_out_as_it_went_in(text: str) -> None:
    content = {"kind": "text", "text": text}
    assert read_message(write_message(content, MEANS)).to_json() == {"content": content}
    mentions = ["15550000001@s.whatsapp.net"]
    message = write_message(content, MEANS, mentions=mentions)
    assert read_message(message).to_json() == {"content": content, "mentions": mentions}


def test_a_link_preview_comes_out_as_it_went_in() -> None:
    preview = {"url": "https://example.org", "title": "Example", "description": "An example"}
    content = {"kind": "text", "text": "see https://example.org", "linkPreview": preview}
    assert read_message(write_message(content, MEANS)).content == content


@pytest.mark.parametrize("value", ["+1555", "x@s.whatsapp.net", "1@g.us", "", "1" * 40, None, 5])
def test_what_is_no_user_is_no_address(value: object) -> None:
    with pytest.raises(Invalid):
        address(value, "to")
