"""Files in the bridge's words. Pure."""

import base64
from typing import Any

from gateway_worker.whatsapp.files import FileMessage, reference_data


def file_args(message: FileMessage) -> dict[str, Any]:
    """A content with its file, as the bridge takes it: what is small and binary in base64."""
    return {
        **message.content.model_dump(mode="json", by_alias=False),
        "reference": reference_data(message.reference),
        "width": message.width,
        "height": message.height,
        "seconds": message.seconds,
        "thumbnail": None if message.thumbnail is None else _text(message.thumbnail),
        "waveform": None if message.waveform is None else _text(message.waveform),
    }


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
