"""Options by which people say what they know of systems and meters: texts, read by `hub.services.read_details`."""

from __future__ import annotations

from typing import Annotated

import typer

CapacityAc = Annotated[str, typer.Option("--capacity-kw-ac", help="Nameplate in kW AC, such as 6.")]
Technology = Annotated[str, typer.Option(help="pv, wind, hydro, biomass or other.")]
InService = Annotated[str, typer.Option("--in-service-on", help="First day of service, YYYY-MM-DD.")]
AnnualKwh = Annotated[str, typer.Option("--annual-kwh", help="Estimated production of a year in kWh.")]
GisAsset = Annotated[str, typer.Option(help="Its unit in the certificate registry, such as NON12345.")]
Mode = Annotated[str, typer.Option("--reporting-mode", help="manual or automatic.")]
Funded = Annotated[str, typer.Option("--funded", help="Whether public money paid for it: yes or no.")]
Latitude = Annotated[str, typer.Option(help="Degrees north, such as 42.262593.")]
Longitude = Annotated[str, typer.Option(help="Degrees east, such as -71.802293.")]
Tilt = Annotated[str, typer.Option(help="Degrees from flat.")]
Azimuth = Annotated[str, typer.Option(help="Degrees clockwise from north: south is 180.")]
ZipCode = Annotated[str, typer.Option("--zip", help="ZIP code, such as 01608.")]
Town = Annotated[str, typer.Option(help="Town.")]
ProgrammeOption = Annotated[str, typer.Option("--programme", help="srec_1, srec_2, class_1 or none.")]
ProgrammeFrom = Annotated[str, typer.Option("--programme-from", help="First day of the programme, YYYY-MM-DD.")]
ProgrammeUntil = Annotated[str, typer.Option("--programme-until", help="Its last day; open unless given.")]
Factor = Annotated[str, typer.Option(help="Certificates for each MWh, such as 0.8; 1 unless given.")]
Accuracy = Annotated[str, typer.Option("--accuracy", help="Accuracy class in percent, such as 0.5.")]
Ansi = Annotated[str, typer.Option("--ansi", help="Standard it was tested by, such as C12.20-2010.")]
CtRatio = Annotated[str, typer.Option(help="Ratio of its current transformers, such as 200:5.")]
CtClass = Annotated[str, typer.Option("--ct-class", help="Their accuracy class in percent, such as 0.3.")]
TestedOn = Annotated[str, typer.Option("--tested-on", help="Day of the last test, YYYY-MM-DD.")]
Seal = Annotated[str, typer.Option(help="Number of its seal.")]
InitialKwh = Annotated[str, typer.Option("--initial-kwh", help="What its register showed when it began.")]
InitialAt = Annotated[str, typer.Option("--initial-at", help="When that was, such as 2016-07-12 12:00.")]
ModulusKwh = Annotated[str, typer.Option("--modulus-kwh", help="Where its register starts again, such as 100000.")]
RevenueGrade = Annotated[str, typer.Option("--revenue-grade", help="yes or no.")]
Das = Annotated[str, typer.Option("--das", help="Whether a device reads and reports it: yes or no.")]
Forget = Annotated[list[str] | None, typer.Option(help="What is not known after all, such as gis_asset; repeatable.")]
Reason = Annotated[str, typer.Option(help="Why it changes.")]
