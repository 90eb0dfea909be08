"""A picture of a meter's dial, as a reporter takes it."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

_WH_PER_KWH = 1000
_DIGITS = 6


def draw_dial(register_wh: int) -> bytes:
    """Return a JPEG of a dial that shows a register, whole kWh in six digits."""
    digits = f"{register_wh // _WH_PER_KWH % 10**_DIGITS:0{_DIGITS}d}"
    picture = Image.new("RGB", (640, 480), (70, 74, 78))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((120, 40, 520, 440), fill=(222, 224, 220), outline=(40, 40, 40), width=6)
    pen.rectangle((200, 190, 440, 260), fill=(24, 30, 24))
    pen.text((236, 205), " ".join(digits), fill=(150, 230, 150), font_size=36)
    pen.text((296, 275), "kWh", fill=(30, 30, 30), font_size=24)
    raw = io.BytesIO()
    picture.save(raw, "JPEG")
    return raw.getvalue()
