"""What every test shares: in CI nothing may be skipped, no clock decides a property, and a failure can be replayed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

settings.register_profile("unhurried", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in CI, where every part is installed, that a skipped test is a failure."""
    if os.environ.get("METERLINE_NOTHING_SKIPPED") and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("Nothing may be skipped here (METERLINE_NOTHING_SKIPPED is set).", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the CI run when a test was skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("METERLINE_NOTHING_SKIPPED") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = 1
