"""Where it stands what MassCEC's own tracking system takes from data acquisition systems.

No description of its interfaces was found published. What is known comes from programs of data acquisition providers
that are public, and shows what their authors met, not what MassCEC promises.
"""

from __future__ import annotations

from hub.rules.citations import Citation

AUTOMATED_SOAP = Citation(
    document="Public clients of the PTS automated reporting service (SOAP, ARData)",
    edition="undated source code, read in 2026",
    clause="a register in kWh for each system, with the time of the reading without a zone, many systems to a call",
    in_force_on=None,
    url="https://ar.masscec-pts.com/pts_ar.asmx",
)

AUTOMATED_JSON = Citation(
    document="A public client of the PTS automated reporting service (JSON)",
    edition="undated source code, read in 2026",
    clause="fk_System, metervalue and meterDate for each system; the answer's form is not known",
    in_force_on=None,
    url="https://automatedreporting.masscec-pts.com",
)

NON_DECREASING = Citation(
    document="Public clients of the PTS automated reporting service (SOAP, ARData)",
    edition="undated comments of one provider, read in 2026",
    clause="a value below the last one is answered as too small; sums of a month in place of a register fail so",
    in_force_on=None,
    url="https://ar.masscec-pts.com/pts_ar.asmx",
)

OWN_RECORD = Citation(
    document="Meterline",
    edition="own rule",
    clause="what MassCEC took last is known from its answers here: its operations for asking that are out of use",
    in_force_on=None,
    url="docs/forwarding.md",
)
