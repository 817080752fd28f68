"""What a file is once it is ready to be uploaded. Pure."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFile:
    """A file ready to be uploaded. `sha256` lower-case hex; `thumbnail` a JPEG, `waveform` 64 values of 0 to 100."""

    path: Path
    size: int
    sha256: str = field(repr=False)
    mimetype: str
    width: int | None = None
    height: int | None = None
    seconds: int | None = None
    animated: bool | None = None
    thumbnail: bytes | None = field(default=None, repr=False)
    waveform: bytes | None = field(default=None, repr=False)
