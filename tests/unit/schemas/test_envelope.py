"""The envelope survives its own JSON, and nothing but an envelope passes."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.envelope import Envelope
from schemas.errors import CommandInvalid

_UNICODE = st.characters(exclude_categories=["Cs"])
_LINE = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=60)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(_UNICODE, max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(_UNICODE, max_size=10), inner, max_size=4),
    max_leaves=20,
)
_MOMENTS = st.integers(0, 2**35).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
_ENVELOPES = st.builds(
    Envelope,
    id=_LINE,
    source=_LINE,
    type=_LINE,
    subject=st.none() | _LINE,
    time=st.none() | _MOMENTS,
    expiresat=st.none() | _MOMENTS,
    correlationid=st.none() | _LINE,
    causationid=st.none() | _LINE,
    sequence=st.none() | st.integers(1, 2**63 - 1),
    epoch=st.none() | st.integers(0, 2**31 - 1),
    data=st.dictionaries(st.text(_UNICODE, max_size=10), _JSON, max_size=5),
    mark=st.booleans() | st.integers(-(2**31), 2**31 - 1) | _LINE,
)


def envelope(**changes: Any) -> Envelope:
    return Envelope.model_validate({"id": "1", "source": "/t", "type": "x.v1", **changes})


@given(_ENVELOPES)
def test_what_is_written_is_read_back(written: Envelope) -> None:
    read = Envelope.from_json(written.to_json())
    assert read == written
    assert read.to_json() == written.to_json()
    assert read.body_hash() == written.body_hash()


@given(st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_envelope_or_are_refused(body: bytes) -> None:
    try:
        read = Envelope.from_json(body)
    except CommandInvalid:
        return
    assert read.specversion == "1.0"


def test_nothing_that_is_absent_is_written() -> None:
    assert json.loads(envelope().to_json()) == {
        "specversion": "1.0",
        "id": "1",
        "source": "/t",
        "type": "x.v1",
        "datacontenttype": "application/json",
        "data": {},
    }


def test_times_are_utc_with_z() -> None:
    east = datetime(2026, 11, 22, 12, 30, tzinfo=timezone(timedelta(hours=2)))
    assert json.loads(envelope(time=east).to_json())["time"] == "2026-11-22T10:30:00Z"


@pytest.mark.parametrize("text", ["2026-11-22T10:30:00Z", "2026-11-22t12:30:00.000+02:00", "2026-11-22T10:30:00.0Z"])
def test_a_moment_may_be_written_in_many_ways(text: str) -> None:
    body = json.dumps({"specversion": "1.0", "id": "1", "source": "/t", "type": "x", "expiresat": text}).encode()
    assert Envelope.from_json(body).expiresat == datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def test_extensions_are_carried_through() -> None:
    carried = Envelope.from_json(envelope(partitionkey="eu", hops=3, test=True).to_json())
    assert dict(carried.extensions) == {"partitionkey": "eu", "hops": 3, "test": True}


def test_the_body_hash_is_of_type_subject_and_data_only() -> None:
    first = envelope(subject="s", data={"a": 1, "b": 2})
    assert first.body_hash() == envelope(id="2", subject="s", data={"b": 2, "a": 1}, mark="x").body_hash()
    others = [envelope(subject="t", data={"a": 1, "b": 2}), envelope(type="y.v1", subject="s"), envelope(subject="s")]
    assert len({each.body_hash() for each in (first, *others)}) == 4


def test_an_object_with_too_many_fields_is_refused_before_any_model_looks() -> None:
    body = {"specversion": "1.0", "id": "1", "source": "/t", "type": "x", "data": dict.fromkeys(map(str, range(257)))}
    with pytest.raises(CommandInvalid, match="more than 256 fields"):
        Envelope.from_json(json.dumps(body).encode())


@pytest.mark.parametrize("sequence", [1, 118, 4_000_000_001, 2**63 - 1])
def test_a_sequence_is_a_string_whose_order_is_that_of_the_numbers(sequence: int) -> None:
    written = json.loads(envelope(sequence=sequence).to_json())["sequence"]
    assert (len(written), int(written)) == (20, sequence)
    assert written > f"{sequence - 1:020}"
    assert envelope(sequence=written).sequence == sequence


@pytest.mark.parametrize("sequence", [0, "", "x", "-1", "1.0", "1e3", "0" * 21, "9" * 20, "１", 1.0, True])  # noqa: RUF001
def test_what_is_no_sequence_is_refused(sequence: object) -> None:
    with pytest.raises(ValidationError, match="sequence"):
        envelope(sequence=sequence)


def test_an_epoch_is_one_of_cloudevents_integers() -> None:
    assert envelope(epoch=2**31 - 1).epoch == 2**31 - 1
    with pytest.raises(ValidationError, match="epoch"):
        envelope(epoch=2**31)
