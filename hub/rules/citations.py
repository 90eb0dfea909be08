"""Where each rule stands: document, edition, clause and the date from which it is followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, slots=True)
class Citation:
    """One clause of one edition of a document. `in_force_on` is None where the source states no date."""

    document: str
    edition: str
    clause: str
    in_force_on: date | None
    url: str


MONTHLY_PRODUCTION = Citation(
    document="MassCEC, Report My Production",
    edition="undated web page",
    clause="Manual Reporting, Step 3: calculated from this reading and the previous monthly reading",
    in_force_on=None,
    url="https://www.masscec.com/report-my-production",
)

CALENDAR_MONTH = Citation(
    document="MassCEC, Report My Production",
    edition="undated web page",
    clause="Reporting Requirements: the period around the turn of each month; the zone is the Commonwealth's",
    in_force_on=None,
    url="https://www.masscec.com/report-my-production",
)

SEVERAL_METERS = Citation(
    document="MassCEC PTS help centre, How do I manually report production?",
    edition="article 6517925459355",
    clause="meters are selectable per system: a system may have several",
    in_force_on=None,
    url="https://masscec-pts.zendesk.com/hc/en-us/articles/6517925459355-How-do-I-manually-report-production",
)

AUTOMATED_REPORTING = Citation(
    document="Meterline",
    edition="own rule",
    clause="the register at the month's end reports the month; else the latest good reading of the window",
    in_force_on=None,
    url="docs/rules.md",
)

MONTH_CLOSE = Citation(
    document="Meterline",
    edition="own rule",
    clause="a month is closed once its window has, and changes by amendments that say why",
    in_force_on=None,
    url="docs/rules.md",
)

READING_TIME = Citation(
    document="MassCEC, Report My Production",
    edition="undated web page",
    clause="Manual Reporting, Step 3: the date and time that the reading was taken",
    in_force_on=None,
    url="https://www.masscec.com/report-my-production",
)

ESTIMATED_MONTHS = Citation(
    document="MassCEC, Report My Production",
    edition="undated web page",
    clause="Reporting Requirements: estimated production over the months with missing data; the formula is our own",
    in_force_on=None,
    url="https://www.masscec.com/report-my-production",
)

TRUE_UP = Citation(
    document="MassCEC PTS help centre, SREC and MA Class I REC Reconciliation and True-up Guidelines",
    edition="article 24917714444059",
    clause="reconciliation after the deadline is an exception: a sent quarter is not changed silently",
    in_force_on=None,
    url=(
        "https://masscec-pts.zendesk.com/hc/en-us/articles/"
        "24917714444059-SREC-and-MA-Class-I-REC-Reconciliation-and-True-up-Guidelines"
    ),
)

MANUAL_LIMIT_10_KW = Citation(
    document="MassCEC, Production Tracking System",
    edition="undated web page",
    clause="Reporting to the PTS: projects up to 10 kW (DC @ STC) may report manually, larger ones automatically only",
    in_force_on=None,
    url="https://www.masscec.com/production-tracking-system",
)

MANUAL_LIMIT_25_KW = Citation(
    document="MassCEC PTS help centre, Change Request: Production Reporter",
    edition="article 13495707310363",
    clause="manual reporting up to 25 kW DC for PV and 25 kW AC for other technologies; since when is not published",
    in_force_on=None,
    url="https://masscec-pts.zendesk.com/hc/en-us/articles/13495707310363-Change-Request-Production-Reporter",
)

REPORTING_WINDOW = Citation(
    document="MassCEC, Report My Production",
    edition="undated web page",
    clause="Reporting Requirements: from five days before the end of the month to five days after (Jan 27 - Feb 5)",
    in_force_on=None,
    url="https://www.masscec.com/report-my-production",
)

READING_MONTH = Citation(
    document="Meterline",
    edition="own rule",
    clause="a reading of the first five days of a month reports the month before",
    in_force_on=None,
    url="docs/rules.md",
)

FACTS_IN_VERSIONS = Citation(
    document="Meterline",
    edition="own rule",
    clause="what is said later is laid over what is known; nothing that was said is overwritten",
    in_force_on=None,
    url="docs/rules.md",
)

BULK_VALUES = Citation(
    document="Meterline",
    edition="own rule",
    clause="a value out of a table is exact or refused; what a spreadsheet rewrote is never guessed back",
    in_force_on=None,
    url="docs/rules.md",
)

BULK_ROWS = Citation(
    document="Meterline",
    edition="own rule",
    clause="a row of a table is whole or refused, with everything that is wrong in it",
    in_force_on=None,
    url="docs/rules.md",
)

HISTORIC_READINGS = Citation(
    document="Meterline",
    edition="own rule",
    clause="historic readings: one for a meter and month, never lower than the one before but by a declared rollover",
    in_force_on=None,
    url="docs/rules.md",
)

READING_VALIDATION = Citation(
    document="MassCEC PTS help centre, How do I manually report production?",
    edition="article 6517925459355",
    clause="an entry that fails validation is changed and submitted again, the second time with a picture if need be",
    in_force_on=None,
    url="https://masscec-pts.zendesk.com/hc/en-us/articles/6517925459355-How-do-I-manually-report-production",
)

REPORTER_ONLY = Citation(
    document="MassCEC, Production Tracking System",
    edition="undated web page",
    clause="System Registration: the System Representative enters production; no other user type has access to that",
    in_force_on=None,
    url="https://www.masscec.com/production-tracking-system",
)

ONE_READING = Citation(
    document="MassCEC, Report My Production",
    edition="undated web page",
    clause="Manual Reporting, Steps 2 and 3: systems that have received monthly data; an entry cannot be changed",
    in_force_on=None,
    url="https://www.masscec.com/report-my-production",
)

READING_ORDER = Citation(
    document="Meterline",
    edition="own rule",
    clause="readings of a meter follow one another in time, and its register does not go back unless that is declared",
    in_force_on=None,
    url="docs/rules.md",
)

PHYSICAL_LIMIT = Citation(
    document="Meterline",
    edition="own rule",
    clause="no system produces more than its nameplate all the time, nor more than a clear sky allows",
    in_force_on=None,
    url="docs/rules.md",
)

EXPECTED_PRODUCTION = Citation(
    document="Meterline",
    edition="own rule",
    clause="a quarter to seven quarters of what the system's estimate, or the Commonwealth's mean, lets expect",
    in_force_on=None,
    url="docs/rules.md",
)

AUDIT_TOLERANCE = Citation(
    document="MassCEC PTS help centre, What are the metering requirements?",
    edition="article 6517585046811",
    clause="what is reported is within one per cent of the meter's register",
    in_force_on=None,
    url="https://masscec-pts.zendesk.com/hc/en-us/articles/6517585046811-What-are-the-metering-requirements",
)

AUDIT_ON_SITE = Citation(
    document="Meterline",
    edition="own rule",
    clause="an audit is held against the readings around it; what can have been produced between speaks against nobody",
    in_force_on=None,
    url="docs/rules.md",
)

MONTHLY_REMINDER = Citation(
    document="MassCEC, Report My Production",
    edition="undated web page",
    clause="Manual Reporting: automated emails each month to remind you to report",
    in_force_on=None,
    url="https://www.masscec.com/report-my-production",
)

REMINDER_TIMES = Citation(
    document="Meterline",
    edition="own rule",
    clause="Reminders: when the window opens; 5, 3 and 1 days and 6 hours before it closes; when it was missed",
    in_force_on=None,
    url="docs/rules.md",
)

ONE_MAIL = Citation(
    document="Meterline",
    edition="own rule",
    clause="Reminders: an occasion counts until the next one begins; what was slept through is not sent afterwards",
    in_force_on=None,
    url="docs/rules.md",
)

WHO_IS_REMINDED = Citation(
    document="Meterline",
    edition="own rule",
    clause="Reminders: whoever reports; of systems that report by themselves only from three days before the close",
    in_force_on=None,
    url="docs/rules.md",
)

MISSING_PRODUCTION_REPORT = Citation(
    document="MassCEC PTS help centre, SREC and MA Class I REC Reconciliation and True-up Guidelines",
    edition="article 24917714444059",
    clause="GIS account holders and DAS providers can download a Missing Production Report for a quarter",
    in_force_on=None,
    url="https://masscec-pts.zendesk.com/hc/en-us/articles/24917714444059-SREC-and-MA-Class-I-REC-Reconciliation-and-True-up-Guidelines",
)

MORE_THAN_TEN = Citation(
    document="MassCEC PTS help centre, SREC and MA Class I REC Reconciliation and True-up Guidelines",
    edition="article 24917714444059",
    clause="the report is mailed to anyone responsible for more than ten systems missing in the month",
    in_force_on=None,
    url="https://masscec-pts.zendesk.com/hc/en-us/articles/24917714444059-SREC-and-MA-Class-I-REC-Reconciliation-and-True-up-Guidelines",
)

MONTHLY_ANALYSIS = Citation(
    document="MassCEC, Production Tracking System",
    edition="undated web page",
    clause="Reporting to the PTS: data are analysed monthly, and owners with erratic data may be contacted",
    in_force_on=None,
    url="https://www.masscec.com/production-tracking-system",
)

ACCOUNT_TYPES = Citation(
    document="MassCEC, Production Tracking System",
    edition="undated web page",
    clause="System Registration: owners read only, REC owners hold rights, the System Representative enters production",
    in_force_on=None,
    url="https://www.masscec.com/production-tracking-system",
)

FOUR_EYES = Citation(
    document="Meterline",
    edition="own rule",
    clause="nobody decides on what they asked for themselves",
    in_force_on=None,
    url="docs/rules.md",
)

AUDIT_LOG = Citation(
    document="Meterline",
    edition="own rule",
    clause="every entry of the audit log names the one before it by its hash: nothing is changed, left out or put in",
    in_force_on=None,
    url="docs/rules.md",
)

METER_ACCURACY = Citation(
    document="MassCEC PTS help centre, What are the metering requirements?",
    edition="article 6517585046811",
    clause="accuracy, standard, transformers and tests by nameplate; a meter of a DAS is of the one per cent tier",
    in_force_on=None,
    url="https://masscec-pts.zendesk.com/hc/en-us/articles/6517585046811-What-are-the-metering-requirements",
)
