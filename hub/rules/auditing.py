"""What an audit on site says of what was reported: it has to be within one per cent of what the meter shows."""

from __future__ import annotations

from hub.rules.acceptance import Code, Finding, Severity, kwh

TOLERANCE_PPM = 10_000
"""One per cent of what the meter's register moved by."""
_MILLION = 1_000_000


def deviation_ppm(reported_wh: int, audited_wh: int) -> int:
    """Return by how much a reported production deviates from the audited one, in millionths of that, rounded down.

    Where the meter did not move, anything reported deviates by all of it. Citation: `citations.AUDIT_TOLERANCE`.
    """
    difference = abs(reported_wh - audited_wh)
    if audited_wh == 0:
        return _MILLION if difference else 0
    return difference * _MILLION // audited_wh


def audit_production(reported_wh: int, audited_wh: int) -> Finding | None:
    """Return the finding where a reported production is not within the tolerance of what the meter's register says.

    Citation: `citations.AUDIT_TOLERANCE`.
    """
    if abs(reported_wh - audited_wh) * _MILLION <= TOLERANCE_PPM * audited_wh:
        return None
    hundredths = deviation_ppm(reported_wh, audited_wh) // 100
    apart = f"{hundredths // 100}.{hundredths % 100:02d} % apart"
    text = (
        f"{kwh(reported_wh)} was reported and the meter gives {kwh(audited_wh)}: {apart}, where 1 % is allowed; find "
        "out which is right, and adjust the months concerned"
    )
    return Finding(Code.EXCEEDS_1_PERCENT_OF_REGISTER, Severity.FLAG, "AUDIT_TOLERANCE", text)
