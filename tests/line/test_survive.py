"""Edge, hub and broker die by SIGKILL at random moments, and every reading still arrives once and unchanged."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SECONDS = int(os.environ.get("METERLINE_SURVIVE_SECONDS", "15"))
"""How long programs are killed here; the checks before a change lands ask for three minutes."""
STARTING_AND_SETTLING_SECONDS = 120


@pytest.mark.timeout(SECONDS + 2 * STARTING_AND_SETTLING_SECONDS)
def test_no_kill_loses_or_doubles_a_reading() -> None:
    """Whatever order the programs die in, the hub ends up with exactly the readings that were taken."""
    done = subprocess.run(
        [sys.executable, "-m", "simulators", "survive", "--seconds", str(SECONDS), "--seed", "20", "--json"],
        capture_output=True,
        text=True,
        timeout=SECONDS + STARTING_AND_SETTLING_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["readings_stored"] == result["readings_taken"] > 0
    assert (result["lost"], result["duplicated"], result["mismatched"]) == (0, 0, 0)
    assert all(count > 0 for count in result["kills"].values()), result["kills"]
