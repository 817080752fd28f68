"""The QR as a picture, and what is kept of it while it lives."""

import asyncio
import base64
import io
from datetime import datetime

import qrcode
from qrcode.constants import ERROR_CORRECT_L

from schemas.names import SessionId
from schemas.results import SessionQr

QR_TTL_SECONDS = 120  # contract, section 6; `expiresAt` says when WhatsApp rotates it


def png_data_url(text: str) -> str:
    """``data:image/png;base64,…`` of a QR code with this text. Takes tens of milliseconds of CPU."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_L, box_size=6, border=4)
    code.add_data(text)
    picture = io.BytesIO()
    code.make_image().save(picture)
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


async def draw(session_id: SessionId, text: str, expires_at: datetime) -> SessionQr:
    """The live QR with its picture, drawn off the event loop."""
    picture = await asyncio.to_thread(png_data_url, text)
    return SessionQr(session_id=session_id, qr_string=text, qr_code=picture, expires_at=expires_at)
