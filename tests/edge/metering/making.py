"""A whole profile document that every check accepts, for tests that change one thing in it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from edge.metering.parse_profile import parse_profile

if TYPE_CHECKING:
    from edge.metering.profile import MeterProfile

CHECK = """[[identity]]
address = 10
type = "u16"
allowed = [7]"""
GOOD = f"""
schema = 1
id = "maker.model"
vendor = "Maker"
models = ["Model 1"]
revision = "2026-01"
{CHECK}
[claims]
accuracy = "class 0.5"
confidence = "M"
[[source]]
url = "https://example.org/manual"
what = "the map"
[transport]
modes = ["rtu"]
function_code = 3
words_max = 60
barriers = [200]
reply_timeout_seconds = 0.5
[[point]]
name = "energy"
quantity = "active_energy"
direction = "export"
address = 100
type = "u32"
scale = "0.1"
unit = "kWh"
modulus = 1_000_000_000
monotonic = true
resettable = false
[[point]]
name = "serial"
quantity = "identity"
role = "serial"
address = 20
type = "text"
words = 4
[[golden]]
point = "energy"
words = [0, 320]
value = "32.0"
source = "the manual"
"""


def parse(text: str) -> MeterProfile:
    """Parse a document as if it stood in `maker_model.toml`."""
    return parse_profile(tomllib.loads(text), "maker_model.toml")
