"""Sound in other rates and layouts, frame by frame, though a file may change its own halfway."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

_JITTER: Final = 10  # a frame may come by a tenth of a second earlier or later than the ones before it say


class Fitting:
    """Frames of 16 bits in one rate and layout, whose times follow each other without a gap.

    A frame of a file goes to one of these only: PyAV's resampler hands its buffers on where nothing is to be done.

    Args:
        keep_gaps: leave a pause where the source has one, so that a picture beside it stays in step.
    """

    def __init__(self, *, rate: int, layout: str, form: str = "s16", keep_gaps: bool = False) -> None:
        self._rate, self._layout, self._form = rate, layout, form
        self._keep_gaps = keep_gaps
        self._resampler = self._new()
        self._source: tuple[str, str, int] | None = None
        self._next = 0

    def fit(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """The same sound."""
        source = frame.format.name, frame.layout.name, frame.sample_rate
        if self._source not in {None, source}:
            yield from self.end()
            self._resampler = self._new()
        self._source = source
        yield from self._timed(self._resampler.resample(frame))

    def end(self) -> Iterator[AudioFrame]:
        """What was held back."""
        yield from self._timed(self._resampler.resample(None))

    def _new(self) -> AudioResampler:
        return AudioResampler(format=self._form, layout=self._layout, rate=self._rate)

    def _timed(self, frames: list[AudioFrame]) -> Iterator[AudioFrame]:
        for frame in frames:
            if self._keep_gaps and frame.pts is not None and frame.time_base is not None:
                at = round(frame.pts * frame.time_base * self._rate)
                if at > self._next + self._rate // _JITTER:
                    self._next = at
            frame.pts, frame.time_base = self._next, Fraction(1, self._rate)
            self._next += frame.samples
            yield frame
