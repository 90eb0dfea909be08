"""What `/readyz` and `meter-hub doctor --json` answer."""

from __future__ import annotations

from pydantic import BaseModel


class CheckJson(BaseModel):
    """A check of `/readyz`: whether it is good, and one sentence."""

    name: str
    ok: bool
    text: str


class ReadyJson(BaseModel):
    """Whether the hub can do its work, and each check."""

    ready: bool
    checks: list[CheckJson]


class FindingJson(BaseModel):
    """A check of the doctor: `ok`, `warn` or `bad`, and one sentence that says what to do."""

    name: str
    standing: str
    text: str


class DoctorJson(BaseModel):
    """What the doctor found at `at` (RFC 3339). `healthy`: nothing is bad."""

    at: str
    healthy: bool
    checks: list[FindingJson]
