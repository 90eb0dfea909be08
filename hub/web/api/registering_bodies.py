"""What is sent to register systems, meters and devices, and to tell of meter exchanges.

What is said of a system or meter is text, under the names and in the forms of the columns of tables
(`docs/importing.md`): so that a form, a table and a program are read by the same rules. What is left empty is not said.
"""

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from hub.rules.details import METER_FORGETTABLE, SYSTEM_FORGETTABLE
from hub.web.api.kinds import with_example

TEXT_MAX = 200


class _Said(BaseModel):
    """Texts under the names of columns; another name is refused, so that a mistyped one is not silently left out."""

    model_config = ConfigDict(extra="forbid")


def _text(*examples: str) -> str:
    field: str = Field("", max_length=TEXT_MAX, examples=list(examples))
    return field


class SystemSaid(_Said):
    """What is said of a system."""

    capacity_kw_dc: str = _text("7.5")
    capacity_kw_ac: str = _text("6")
    technology: str = _text("pv")
    in_service_on: str = _text("2016-07-12")
    annual_kwh_estimated: str = _text("9000")
    gis_asset: str = _text("NON12345")
    reporting_mode: str = _text("automatic")
    is_funded: str = _text("no")
    latitude: str = _text("42.262593")
    longitude: str = _text("-71.802293")
    tilt_degrees: str = _text("30")
    azimuth_degrees: str = _text("180")
    zip_code: str = _text("01608")
    town: str = _text("Worcester")


class ProgrammeSaid(_Said):
    """Under which programme a system's certificates are created; the factor is certificates for each MWh."""

    programme: str = _text("srec_2")
    programme_from_on: str = _text("2016-07-12")
    programme_until_on: str = _text("2026-06-30")
    factor: str = _text("0.8")


class MeterSaid(_Said):
    """What is said of a meter."""

    accuracy_class_percent: str = _text("0.5")
    ansi_standard: str = _text("C12.20-2010")
    ct_ratio: str = _text("200:5")
    ct_class_percent: str = _text("0.3")
    tested_on: str = _text("2024-05-02")
    seal: str = _text("S-1234")
    initial_kwh: str = _text("0.0")
    initial_at: str = _text("2016-07-12 12:00")
    modulus_kwh: str = _text("100000")
    is_revenue_grade: str = _text("yes")
    is_das: str = _text("yes")


class NewSystemBody(BaseModel):
    """A system that is registered, with what is known of it from the beginning."""

    model_config = with_example(
        pts_id="SLF-AB1234-00001",
        name="Barn roof",
        capacity_kw_dc="7.5",
        said={"technology": "pv", "town": "Worcester"},
    )

    pts_id: str = Field(max_length=TEXT_MAX)
    name: str = _text("Barn roof")
    capacity_kw_dc: str = Field(max_length=TEXT_MAX)
    said: SystemSaid = SystemSaid()
    programme: ProgrammeSaid = ProgrammeSaid()


class AmendmentBody(BaseModel):
    """What holds from a day on, and why; `forget` names what is not known after all."""

    model_config = with_example(
        effective_on="2026-11-01", reason="four more modules", said={"capacity_kw_dc": "9"}, forget=["zip_code"]
    )

    effective_on: str = Field(max_length=TEXT_MAX)
    reason: str = Field(max_length=100)
    said: SystemSaid = SystemSaid()
    forget: list[str] = Field(default=[], max_length=len(SYSTEM_FORGETTABLE))


class ProgrammeBody(BaseModel):
    """A programme from a day on, and why."""

    model_config = with_example(
        programme={"programme": "srec_2", "programme_from_on": "2016-07-12", "factor": "0.8"},
        reason="statement of qualification",
    )

    programme: ProgrammeSaid
    reason: str = Field("", max_length=100)


class NewMeterBody(BaseModel):
    """A meter of a system; `device` is the id of what reads it, empty where people do."""

    model_config = with_example(serial="351001", make="Itron", model="C1S")

    serial: str = Field(max_length=TEXT_MAX)
    device: str = _text()
    make: str = _text("Itron")
    model: str = _text("C1S")


class DescriptionBody(BaseModel):
    """What is said of a meter, and why; `make` where two of the system share the serial number."""

    model_config = with_example(
        make="Itron", reason="from its test report", said={"accuracy_class_percent": "0.5", "tested_on": "2024-05-02"}
    )

    make: str = _text("Itron")
    reason: str = Field("", max_length=100)
    said: MeterSaid = MeterSaid()
    forget: list[str] = Field(default=[], max_length=len(METER_FORGETTABLE))


class EndBody(BaseModel):
    """When a meter was removed."""

    model_config = with_example(at="2026-11-03T20:00:00Z", make="Itron")

    at: str = Field(max_length=TEXT_MAX)
    make: str = _text("Itron")


class ExchangeBody(BaseModel):
    """A meter that took the place of another: both registers in kWh, the time, and the SHA-256 of what shows both."""

    model_config = with_example(
        serial="351001",
        at="2026-11-03 15:00",
        final_kwh="13015.5",
        new_serial="351002",
        initial_kwh="0",
        evidence="5d" * 32,
    )

    serial: str = Field(max_length=TEXT_MAX)
    make: str = _text("Itron")
    at: str = Field(max_length=TEXT_MAX)
    final_kwh: str = Field(max_length=TEXT_MAX)
    new_serial: str = Field(max_length=TEXT_MAX)
    new_make: str = _text("Itron")
    new_model: str = _text("C1S")
    initial_kwh: str = Field(max_length=TEXT_MAX)
    evidence: str = Field(max_length=64)


class ExchangeDecisionBody(BaseModel):
    """Whether an exchange counts, and why not."""

    model_config = with_example(approved=True)

    approved: StrictBool
    reason: str = Field("", max_length=100)


_KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAPuKopyg8sv1yiUPaoSfvCeSDBxqLS8aZukUi8JsUz94=
-----END PUBLIC KEY-----
"""


class NewDeviceBody(BaseModel):
    """A device's public key in PEM, and what people call it."""

    model_config = with_example(key_pem=_KEY, name="Barn")

    key_pem: str = Field(max_length=4_000)
    name: str = _text("Barn")


class LimitBody(BaseModel):
    """From which day on the raised limit of manual reporting holds, empty for no day, and why."""

    model_config = with_example(raised_on="2026-11-01", reason="the new guideline")

    raised_on: str = _text("2026-11-01")
    reason: str = Field(max_length=100)
