"""What a person sees: QR codes and errors in a terminal."""

import qrcode
from rich.console import Console
from rich.text import Text

_HALF_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def complain(line: str) -> None:
    """Say what is wrong, in one line whatever the terminal's width."""
    errors.print(line, style="red", markup=False, soft_wrap=True)


def qr_text(payload: str) -> Text:
    """`payload` as a QR code for a terminal: two modules a character, black on white whatever the theme.

    Scanners need the light frame, so it is part of the text.
    """
    code = qrcode.QRCode(border=2, error_correction=qrcode.ERROR_CORRECT_L)
    code.add_data(payload)
    code.make(fit=True)
    rows = [[bool(module) for module in row] for row in code.get_matrix()]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    lines = (
        "".join(_HALF_BLOCKS[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    )
    return Text("\n".join(lines), style="black on white", no_wrap=True)
