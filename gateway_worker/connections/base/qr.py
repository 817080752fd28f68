"""The QR as a picture."""

import asyncio
import base64
import io

import qrcode
from qrcode.constants import ERROR_CORRECT_L

QR_TTL_SECONDS = 120  # contract, section 6; `expiresAt` says when WhatsApp rotates it


def png_data_url(text: str) -> str:
    """``data:image/png;base64,…`` of a QR code with this text. Takes tens of milliseconds of CPU."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_L, box_size=6, border=4)
    code.add_data(text)
    picture = io.BytesIO()
    code.make_image().save(picture)
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


async def draw(text: str) -> str:
    """`png_data_url`, off the event loop."""
    return await asyncio.to_thread(png_data_url, text)
