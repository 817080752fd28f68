"""What a film says beside its pictures is blanked where it stands: nothing moves, and a sound keeps its title."""

import io
from pathlib import Path

import av
import pytest

from gateway_worker.media.processing.movie_privacy import write_bare_movie
from tests.support import media


@pytest.mark.parametrize(("form", "as_apple"), [("mp4", True), ("mp4", False), ("3gp", False), ("mov", False)])
def test_a_film_keeps_its_pictures_alone(tmp_path: Path, form: str, as_apple: bool) -> None:  # noqa: FBT001
    content = media.located(form, as_apple=as_apple)
    source, target, again = (tmp_path / each for each in ("source", "target", "again"))
    source.write_bytes(content)
    assert write_bare_movie(source, target)
    bare = target.read_bytes()
    assert len(bare) == len(content)
    assert not any(word in bare for word in (b"+52.52", b"garden", b"Acme"))
    with av.open(io.BytesIO(bare), "r") as played:
        seen = {**played.metadata, **played.streams.video[0].metadata}
        assert sum(1 for _ in played.decode(video=0)) == 10
    assert not {"creation_time", "location", "title", "make"} & set(seen)
    assert not write_bare_movie(target, again), "there is nothing left to blank"


def test_a_sound_keeps_what_it_is_called(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(media.located("mov", as_apple=False))
    assert write_bare_movie(source, target, keep_titles=True)
    with av.open(str(target), "r") as played:
        assert played.metadata.get("title") == "My garden"
        assert not {"creation_time", "location"} & set(played.metadata)
