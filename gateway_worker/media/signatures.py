"""What begins how: the signatures of files that people send. Pure.

Two bytes are soon said by chance, or by a text (`BMI;…` is no bitmap): a signature counts only where what must follow
it does, and never in front of what reads as a text from end to end.
"""

from typing import Final

UNKNOWN: Final = "application/octet-stream"
TEXT_ESCAPES: Final = b"\t\n\v\f\r\x1a\x1b"

_CONTROLS: Final = bytes(set(range(32)) - set(TEXT_ESCAPES)) + b"\x7f"
_BITMAP_HEADS: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_PLAIN: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),  # an empty one
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"OggS\0", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b".snd\0\0", "audio/basic"),
    (b"caff\0\1", "audio/x-caf"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "audio/x-ms-wma"),
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
    (b"MAC ", "audio/x-ape"),
    (b"wvpk", "audio/x-wavpack"),
    (b"MPCK", "audio/x-musepack"),
    (b"MP+", "audio/x-musepack"),
    (b"TTA1", "audio/x-tta"),
    (b"FLV\1", "video/x-flv"),
    (b"\0\0\1\xba", "video/mpeg"),
    (b"\0\0\1\xb3", "video/mpv"),  # MPEG-1 and 2 without a container (RFC 3555)
    (b"MZ", "application/x-msdownload"),
    (b"\x7fELF", "application/x-elf"),
    (b"\x1f\x8b\x08", "application/gzip"),
)
_CHUNKED: Final = {
    (b"RIFF", b"WEBP"): "image/webp",
    (b"RIFF", b"WAVE"): "audio/wav",
    (b"RF64", b"WAVE"): "audio/wav",
    (b"RIFF", b"AVI "): "video/x-msvideo",
    (b"FORM", b"AIFF"): "audio/aiff",
    (b"FORM", b"AIFC"): "audio/aiff",
}
_BRANDS: Final = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4P ": "audio/mp4",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"crx ": "image/x-canon-cr3",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "image/heic"),
}
_PICTURE_BRANDS: Final = frozenset({b"mif1", b"mif2", b"msf1", b"miaf", b"1pic"})  # say no codec: the next ones do
_OLD_MOVIE: Final = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
"""Of UTF-16; the first one is a sync word too."""

_GSM_FRAME, _GSM_MOST = 33, 4
_TS_MOST: Final = 5
_CHAIN: Final = 3  # frames in a row, where the first is not at the beginning
_MPEG_BITRATES: Final = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES: Final = (44_100, 48_000, 32_000)


def reads_as_text(head: bytes) -> bool:
    """Whether nothing in it but letters, of whatever alphabet: text in UTF-8 or in one of the eight-bit encodings."""
    return bool(head) and len(head.translate(None, _CONTROLS)) == len(head)


def sniff(head: bytes) -> str:  # noqa: PLR0911 (one line a sort of signature)
    """The media type of what begins with these bytes; `UNKNOWN` where our own table does not say."""
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if reads_as_text(head):
        return UNKNOWN
    for signature, mimetype in _PLAIN:
        if head.startswith(signature):
            return mimetype
    if (chunked := _CHUNKED.get((head[:4], head[8:12]))) is not None:
        return chunked
    if head[:2] == b"BM" and len(head) > 18 and head[14] in _BITMAP_HEADS and head[15:18] == bytes(3):  # noqa: PLR2004
        return "image/bmp"
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if _is_transport_stream(head):
        return "video/mp2t"
    if head[4:8] in _OLD_MOVIE and head[0] < 0x40:  # noqa: PLR2004 (a box of less than a gibibyte)
        return "video/quicktime"
    return _raw_sound(head)


def tag_length(head: bytes) -> int | None:
    """Bytes of the ID3v2 tag that it begins with; None where there is none."""
    if head[:3] != b"ID3" or len(head) < 10 or head[3] not in {2, 3, 4} or max(head[6:10]) > 0x7F:  # noqa: PLR2004
        return None
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return size + (20 if head[5] & 0x10 else 10)


def _by_brand(head: bytes) -> str:
    """What an ISO base media file is, by the brands that it says it is compatible with."""
    size = min(int.from_bytes(head[:4]), len(head))
    major, others = head[8:12], [head[at : at + 4] for at in range(16, size - 3, 4)]
    if major in _PICTURE_BRANDS:
        found = next((_BRANDS[each] for each in others if _BRANDS.get(each, "").startswith("image/")), None)
        return found or "image/heif"
    if major[:2] == b"3g":
        return "video/3gpp"
    return _BRANDS.get(major, "video/mp4")


def _is_transport_stream(head: bytes) -> bool:
    """Packets of 188 bytes, each behind its mark; with four bytes of time in front of each on discs and cameras."""
    return any(
        len(head) > at + _TS_MOST * size and all(head[at + number * size] == 0x47 for number in range(_TS_MOST))  # noqa: PLR2004 (the mark)
        for at, size in ((0, 188), (4, 192))
    )


def _raw_sound(head: bytes) -> str:
    """Sound without a header of a file: its frames follow each other."""
    if (found := _frames(head, 0, 2)) is not None:
        return found
    at = head.find(b"\xff", 1)
    while at >= 0:
        if (found := _frames(head, at, _CHAIN)) is not None:
            return found
        at = head.find(b"\xff", at + 1)
    heads = head[::_GSM_FRAME]
    if len(heads) >= _GSM_MOST and all(each >> 4 == 0xD for each in heads):  # noqa: PLR2004 (GSM's magic)
        return "audio/gsm"
    return UNKNOWN


def _frames(head: bytes, at: int, count: int) -> str | None:
    """The type of `count` frames of MPEG audio or AAC in a row; fewer in a file that ends with them."""
    first = at
    found: str | None = None
    for number in range(count):
        frame = _frame(head[at : at + 6])
        if frame is None or (found is not None and frame[0] != found):
            is_end = at == len(head) or (at > len(head) and head[:2] not in BOMS)
            return found if first == 0 and number > 0 and is_end else None
        found, length = frame
        at += length
        if length == 0:
            return found if first == 0 else None  # of a free bit rate: nobody knows where the next one is
    return found


def _frame(head: bytes) -> tuple[str, int] | None:
    """Type and length of the frame that begins so."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:  # noqa: PLR2004 (the sync word)
        return None
    layer = 4 - (head[1] >> 1 & 3)
    if layer == 4:  # noqa: PLR2004 (ADTS)
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5 if len(head) == 6 else 0  # noqa: PLR2004
        return ("audio/aac", length) if head[1] & 0xF0 == 0xF0 and length > 7 else None  # noqa: PLR2004
    version = head[1] >> 3 & 3
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or bits == 15 or rate == 3:  # noqa: PLR2004 (reserved)
        return None
    kilobits = _MPEG_BITRATES[1 if version == 3 else 2, layer][bits]  # noqa: PLR2004
    hertz = _MPEG_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    padding = head[2] >> 1 & 1
    if layer == 1:
        return "audio/mpeg", (12_000 * kilobits // hertz + padding) * 4 if kilobits else 0
    slots = 72_000 if layer == 3 and version != 3 else 144_000  # noqa: PLR2004
    return "audio/mpeg", slots * kilobits // hertz + padding if kilobits else 0
