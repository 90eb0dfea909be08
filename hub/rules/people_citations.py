"""Where it stands who may become what to a system, and how that is asked for."""

from __future__ import annotations

from hub.rules.citations import Citation

REPORTER_CHANGE = Citation(
    document="MassCEC PTS help centre, Change Request: Production Reporter",
    edition="article 13495707310363",
    clause="owners and aggregators ask for another reporter; above the manual limit it has to be an automated one",
    in_force_on=None,
    url="https://masscec-pts.zendesk.com/hc/en-us/articles/13495707310363-Change-Request-Production-Reporter",
)

APPROVED_DAS = Citation(
    document="MassCEC, Report My Production",
    edition="undated web page",
    clause="a data acquisition system service provider that reports for an owner is one that MassCEC approved",
    in_force_on=None,
    url="https://www.masscec.com/report-my-production",
)

REC_RIGHTS = Citation(
    document="MassCEC, Production Tracking System",
    edition="undated web page",
    clause="REC rights move with a signed contract; of SREC qualified systems DOER names the verified REC owner",
    in_force_on=None,
    url="https://www.masscec.com/production-tracking-system",
)

OWNER_CHANGE = Citation(
    document="MassCEC PTS help centre, Clean Peak Standard (CPS) Change Order Guidelines",
    edition="article 41087106778011; written for Clean Peak resources, followed here for all systems",
    clause="another owner takes proof that the asset was transferred; a new provider confirms before it counts",
    in_force_on=None,
    url="https://masscec-pts.zendesk.com/hc/en-us/articles/41087106778011-Clean-Peak-Standard-CPS-Change-Order-Guidelines",
)

CHANGE_STATES = Citation(
    document="Meterline",
    edition="own rule",
    clause="one change request of a system at a time, from asking to the instant from which it counts",
    in_force_on=None,
    url="docs/rules.md",
)

ONE_REPORTER = Citation(
    document="Meterline",
    edition="own rule",
    clause="a system has one production reporter at a time, so that everybody knows who answers for its month",
    in_force_on=None,
    url="docs/rules.md",
)
