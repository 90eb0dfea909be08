"""Where the rules from a monthly number to certificates, compliance and registries' files stand; see `citations`."""

from __future__ import annotations

from datetime import date

from hub.rules.citations import Citation

PTS_UPLOAD = Citation(
    document="MassCEC PTS help centre, How are SREC factors applied?",
    edition="article 6518384683547",
    clause="a quarter's months go to NEPOOL GIS about the 10th of the month in which its certificates are created",
    in_force_on=None,
    url="https://masscec-pts.zendesk.com/hc/en-us/articles/6518384683547-How-are-SREC-factors-applied",
)

GIS_CALENDAR = Citation(
    document="NEPOOL GIS Operating Rules",
    edition="as quoted to the Operating Rules Working Group, 2011",
    clause="Creation Date: the 15th day of the second calendar quarter after generation; trading ends two months later",
    in_force_on=None,
    url="https://docsbay.net/to-nepool-gis-operating-rules-working-group",
)

EXPORTED_QUARTER = Citation(
    document="Meterline",
    edition="own rule",
    clause="a quarter counts as exported from the first instant of the day on which it is sent",
    in_force_on=None,
    url="docs/rules.md",
)

MONTHLY_MWH = Citation(
    document="MassCEC PTS help centre, How are SREC factors applied?",
    edition="article 6518384683547",
    clause="each month is sent as MWh with three decimals; GIS applies the factor and carries what is left over",
    in_force_on=date(2017, 10, 1),
    url="https://masscec-pts.zendesk.com/hc/en-us/articles/6518384683547-How-are-SREC-factors-applied",
)

WHOLE_MWH = Citation(
    document="SRECTrade, Changes to PTS SREC production reporting to NEPOOL GIS",
    edition="2018",
    clause="until the third quarter of 2017 PTS sent whole MWh; left-over kWh went to the next quarter's first month",
    in_force_on=None,
    url="https://www.srectrade.com/blog/srec-markets/changes-to-pts-srec-production-reporting-to-nepool-gis",
)

HALF_KWH = Citation(
    document="Meterline",
    edition="own rule",
    clause="an exact half kWh is rounded up; what the last old quarter kept back goes into the first new one",
    in_force_on=None,
    url="docs/rules.md",
)

ASSET_CARRY = Citation(
    document="NEPOOL GIS Operating Rules",
    edition="as quoted in a dictionary of contracts",
    clause="aggregations: less than 1 MWh of a unit counts for the aggregation, whose rest goes to the next period",
    in_force_on=None,
    url="https://lawinsider.com/dictionary/nepool-gis-operating-rules",
)

SREC_1_FACTOR = Citation(
    document="MassCEC, Solar Renewable Energy Certificate (SREC)",
    edition="undated web page",
    clause="SREC I and, after 40 quarters, Class I: one certificate for each 1,000 kWh",
    in_force_on=None,
    url="https://masscec.com/solar-renewable-energy-certificate-srec",
)

SREC_2_FACTORS = Citation(
    document="DOER, Current Status of the Solar Carve-Out II Program",
    edition="undated web page",
    clause="SREC factors by market sector and date of mechanical completion",
    in_force_on=None,
    url="http://www.mass.gov/eea/energy-utilities-clean-tech/renewable-energy/solar/rps-solar-carve-out-2/"
    "current-status-solar-carve-out-ii.html",
)

MINIMUM_STANDARD = Citation(
    document="225 CMR 14.00, Renewable Energy Portfolio Standard - Class I",
    edition="current through Register 1531, 27 September 2024",
    clause="14.07: Class I minimum standard, both solar carve-outs included",
    in_force_on=date(2003, 1, 1),
    url="https://regulations.justia.com/states/massachusetts/225-cmr/title-225-cmr-14-00/section-14-07",
)

SOLAR_MINIMUM_STANDARD = Citation(
    document="DOER, Adjusted Mechanics to the Minimum Standard",
    edition="undated web page",
    clause="the carve-out's obligation in MWh over the total RPS load obligation of the second year before",
    in_force_on=None,
    url="http://www.mass.gov/eea/energy-utilities-clean-tech/renewable-energy/solar/rps-solar-carve-out/"
    "adjusted-mechanics-to-the-minimum-standard.html",
)

WHOLE_CERTIFICATES = Citation(
    document="Meterline",
    edition="own rule",
    clause="a fraction of an obligation takes a whole certificate, a fraction of a cap gives none; the oldest go first",
    in_force_on=None,
    url="docs/rules.md",
)

BANKED_PTS = Citation(
    document="MassCEC, Production Tracking System",
    edition="undated web page",
    clause="banked compliance: surplus of the previous 2 years, up to 30 % of the quota for the current year",
    in_force_on=None,
    url="https://www.masscec.com/production-tracking-system",
)

BANKED_CLASS_1 = Citation(
    document="225 CMR 14.00, Renewable Energy Portfolio Standard - Class I",
    edition="as of the stored copy",
    clause="14.08(2): either or both of the two next years; 30 %, and 10 % for the solar carve-outs",
    in_force_on=None,
    url="https://print.casetext.com/regulation/code-of-massachusetts-regulations/"
    "department-225-cmr-department-of-energy-resources/title-225-cmr-1400-renewable-energy-portfolio-standard-class-i/"
    "section-1408-compliance-procedures-for-retail-electricity-suppliers",
)

BANKED_CLASS_2 = Citation(
    document="225 CMR 15.00, Renewable Energy Portfolio Standard - Class II",
    edition="as of the stored copy",
    clause="15.08: 30 % of the requirement in the year in which they were generated, either or both of two next years",
    in_force_on=None,
    url="https://regulations.justia.com/states/massachusetts/225-cmr/title-225-cmr-15-00/section-15-08",
)

BANKED_WASTE = Citation(
    document="NEPOOL GIS, DOER announces promulgation of revised RPS Class II regulation",
    edition="23 June 2014",
    clause="Class II waste energy: banking suspended in 2014 and 2015, and limited to 5 % afterwards",
    in_force_on=date(2014, 1, 1),
    url="https://nepoolgis.com/2014/06/23/ma-doer-announces-promulgation-of-revised-rps-class-ii-regulation/",
)

BANKED_APS = Citation(
    document="225 CMR 16.00, Alternative Energy Portfolio Standard",
    edition="as of the stored copy",
    clause="16.08: 30 % of the year of generation, either or both of two next years",
    in_force_on=None,
    url="https://casetext.com/regulation/code-of-massachusetts-regulations/"
    "department-225-cmr-department-of-energy-resources/title-225-cmr-1600-alternative-energy-portfolio-standard-aps/"
    "section-1608-compliance-procedures-for-retail-electricity-suppliers",
)

BANKED_CPS = Citation(
    document="225 CMR 21.00, Clean Peak Energy Standard",
    edition="as of the stored copy",
    clause="21.08: 30 % of the year of generation, any of three next years",
    in_force_on=None,
    url="https://regulations.justia.com/states/massachusetts/225-cmr/title-225-cmr-21-00/section-21-08/",
)

ACP_BASE = Citation(
    document="MassCEC, Production Tracking System",
    edition="undated web page",
    clause="alternative compliance: $50 per MWh in 2003 for Class I; $25 and $10 in 2009 for Class II and waste",
    in_force_on=date(2003, 1, 1),
    url="https://www.masscec.com/production-tracking-system",
)

ACP_2011 = Citation(
    document="Greentech Media, Massachusetts, a bright spot in the Northeast",
    edition="2011",
    clause="solar carve-out: $550 per MWh",
    in_force_on=date(2011, 1, 1),
    url="https://www.greentechmedia.com/articles/read/massachusetts-a-bright-spot-in-the-northeast",
)

ACP_2013 = Citation(
    document="NEPOOL GIS, Massachusetts announces RPS and APS ACP rates for 2013",
    edition="30 January 2013",
    clause="rates for 2013",
    in_force_on=date(2013, 1, 1),
    url="https://nepoolgis.com/2013/01/30/massachusetts-announces-rps-and-aps-acp-rates-for-2013/",
)

ACP_2014 = Citation(
    document="DOER, Alternative Compliance Payment Rates",
    edition="2014",
    clause="rates for 2014",
    in_force_on=date(2014, 1, 1),
    url="http://www.mass.gov/eea/energy-utilities-clean-tech/renewable-energy/rps-aps/"
    "retail-electric-supplier-compliance/alternative-compliance-payment-rates.html",
)

ACP_2014_SOLAR_2 = Citation(
    document="DSIRE, Solar Carve-Out II",
    edition="MA136F",
    clause="solar carve-out II: $375 per MWh in 2014",
    in_force_on=date(2014, 1, 1),
    url="http://www.dsireusa.org/incentives/incentive.cfm?Incentive_Code=MA136F&re=1&ee=1",
)

ACP_APS = Citation(
    document="SRECTrade, Massachusetts AEC",
    edition="undated web page",
    clause="APS: $22.64 per MWh in 2018, $23.13 in 2019",
    in_force_on=date(2018, 1, 1),
    url="https://srectrade.com/markets/aec/introduction",
)

ACP_2025 = Citation(
    document="Sol Systems, Massachusetts SRECs 101",
    edition="2025",
    clause="rates for 2025",
    in_force_on=date(2025, 1, 1),
    url="https://help.srecs.solsystems.com/massachusetts-srecs-101",
)

FILING = Citation(
    document="225 CMR 14.00, Renewable Energy Portfolio Standard - Class I",
    edition="current through Register 1531, 27 September 2024",
    clause="14.09: annual compliance filing by July 1, or the first business day after, for the calendar year before",
    in_force_on=None,
    url="https://regulations.justia.com/states/massachusetts/225-cmr/title-225-cmr-14-00/section-14-09",
)

GIS_FILE = Citation(
    document="NEPOOL GIS, How to: reporting data",
    edition="undated web page",
    clause="verifier upload: no header; unit id digits only, MM/YYYY, MWh with up to three decimals",
    in_force_on=None,
    url="http://www.nepoolgis.com/how-to/reporting-data/",
)

MRETS_FILE = Citation(
    document="M-RETS Operating Procedures",
    edition="sections 4.4.1, 4.4.2 and 4.5",
    clause="monthly file: generator id in digits, reporting unit, vintage of 7 characters, start, end, total MWh",
    in_force_on=None,
    url="https://github.com/mrets/Operating-Procedures",
)

NCRETS_FILE = Citation(
    document="NC-RETS, Report Generation Data by a Qualified Reporting Entity (QRE)",
    edition="article 360008979253",
    clause="header and example row of the generation file",
    in_force_on=None,
    url="https://ncrets.zendesk.com/hc/en-us/articles/"
    "360008979253-Report-Generation-Data-by-a-Qualified-Reporting-Entity-QRE",
)

MIRECS_FILE = Citation(
    document="MIRECS, Report Generation Data by a Qualified Reporting Entity (QRE)",
    edition="article 360009502793",
    clause="column names of the generation file; a wrong one is fatal, one wrong row rejects the file",
    in_force_on=None,
    url="https://mirecs.zendesk.com/hc/en-us/articles/"
    "360009502793-Report-Generation-Data-by-a-Qualified-Reporting-Entity-QRE",
)

VERIFICATION_FILE = Citation(
    document="Meterline",
    edition="own rule",
    clause="the quarterly verification file in the columns that public readers of the PTS file expect; its cells never "
    "begin a formula",
    in_force_on=None,
    url="docs/rules.md",
)

EXPORTED_MONTHS = Citation(
    document="Meterline",
    edition="own rule",
    clause="a month is sent once it has a number, a programme and a unit; whatever is left out is named, and why",
    in_force_on=None,
    url="docs/rules.md",
)

FINAL_FILE = Citation(
    document="Meterline",
    edition="own rule",
    clause="a final file takes closed months only and is made once; what changes later is a matter for a true-up",
    in_force_on=None,
    url="docs/rules.md",
)
