"""Frames to and from a bridge."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.whatsapp.baileys.channel.frames import (
    ANSWER_BYTES,
    MAX_FRAME_BYTES,
    FrameError,
    FrameReader,
    encode,
    how_many_fit,
)

heads = st.dictionaries(
    st.text(min_size=1, max_size=5).filter(lambda name: name != "b"),
    st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=20) | st.lists(st.booleans(), max_size=3),
    max_size=4,
)
frames = st.lists(st.tuples(heads, st.lists(st.binary(max_size=40), max_size=4)), min_size=1, max_size=5)


@given(frames, st.integers(1, 50))
def test_frames_survive_any_cutting_of_the_stream(sent: list[tuple[dict[str, object], list[bytes]]], size: int) -> None:
    stream = b"".join(encode(head, blobs) for head, blobs in sent)
    reader = FrameReader()
    read = [frame for at in range(0, len(stream), size) for frame in reader.feed(stream[at : at + size])]
    assert [({k: v for k, v in frame.head.items() if k != "b"}, list(frame.blobs)) for frame in read] == sent


@given(st.binary(max_size=200))
def test_noise_is_refused_or_waited_for(noise: bytes) -> None:
    reader = FrameReader()
    try:
        read = reader.feed(noise)
    except FrameError:
        return
    assert len(read) * 8 <= len(noise)


@pytest.mark.parametrize(
    "stream",
    [
        struct.pack("<II", 0x7FFFFFFF, 4),
        struct.pack("<II", 8, 9) + b"12345678",
        struct.pack("<II", 6, 2) + b"[]",
        struct.pack("<II", 6, 2) + b"{{",
    ],
)
def test_a_stream_that_cannot_be_trusted_is_refused(stream: bytes) -> None:
    with pytest.raises(FrameError):
        FrameReader().feed(stream)


def test_blobs_that_do_not_add_up_are_refused() -> None:
    good = encode({"r": 1}, [b"abc"])
    with pytest.raises(FrameError, match="add up"):
        FrameReader().feed(good.replace(b"[3]", b"[2]"))


def test_a_frame_has_a_largest_size() -> None:
    with pytest.raises(FrameError, match="24 MiB"):
        encode({}, [bytes(MAX_FRAME_BYTES)])


def test_of_several_values_as_many_are_sent_as_a_frame_should_hold() -> None:
    assert how_many_fit([ANSWER_BYTES // 2, ANSWER_BYTES // 2, 1]) == 2
    assert how_many_fit([10 * ANSWER_BYTES, 1]) == 1
    assert how_many_fit([1, 1, 1]) >= 3
