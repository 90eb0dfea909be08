"""What a machine says of itself: as its kernel has it, and nothing where that says nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.machine import read_machine

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
MEMORY = "MemTotal:         948304 kB\nMemFree:           61234 kB\nMemAvailable:     512000 kB\n"


def write(root: Path, **files: str) -> Path:
    """Write files by their paths below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_pi_tells_all_of_it(tmp_path: Path) -> None:
    """The hottest zone, free memory as a program may have it, and a supply that is well."""
    files = {
        "sys/class/thermal/thermal_zone0/temp": "58432\n",
        "sys/class/thermal/thermal_zone1/temp": "61000\n",
        "sys/class/thermal/thermal_zone2/temp": "-274000\n",
        "sys/class/thermal/thermal_zone3/temp": "2147483647\n",
        "proc/meminfo": MEMORY,
        THROTTLED: "0\n",
    }
    found = read_machine(tmp_path, write(tmp_path, **files))
    assert 1 <= found.pop("disk_used_percent") <= 100
    assert found == {
        "processor_millicelsius": 61_000,
        "under_voltage": 0,
        "memory_free_bytes": 512_000 * 1024,
    }


def test_what_cannot_be_told_is_left_out(tmp_path: Path) -> None:
    """Also a file that is not what it should be: a hint that cannot be understood is none."""
    assert read_machine(tmp_path / "gone", tmp_path) == {}
    files = {
        "sys/class/thermal/thermal_zone0/temp": "hot",
        "proc/meminfo": "MemAvailable:\nMemFree: 5 kB\n",
        THROTTLED: "",
        "sys/class/hwmon/hwmon0/name": "cpu_thermal",
        "sys/class/hwmon/hwmon0/in0_lcrit_alarm": "1",
    }
    assert read_machine(tmp_path / "gone", write(tmp_path, **files)) == {}


@pytest.mark.parametrize(
    ("bits", "expected"), [("0", 0), ("1", 1), ("50005", 1), ("10000", 1), ("80008", 0), ("20002", 0)]
)
def test_the_firmware_tells_of_its_supply(tmp_path: Path, bits: str, expected: int) -> None:
    """Too low now or since it started; heat and a bounded clock are told apart from that."""
    assert read_machine(tmp_path / "gone", write(tmp_path, **{THROTTLED: f"{bits}\n"})) == {"under_voltage": expected}


def test_the_file_system_tells_of_its_errors(tmp_path: Path) -> None:
    """The one that the journal is on, found by its device's numbers; no other than ext4 counts them."""
    device = tmp_path.stat().st_dev
    link = tmp_path / "sys/dev/block" / f"{os.major(device)}:{os.minor(device)}"
    disk = write(tmp_path, **{"sys/devices/mmcblk0/mmcblk0p2/size": "1"}) / "sys/devices/mmcblk0/mmcblk0p2"
    link.parent.mkdir(parents=True)
    link.symlink_to(disk)
    assert "disk_errors" not in read_machine(tmp_path, tmp_path)
    write(tmp_path, **{"sys/fs/ext4/mmcblk0p1/errors_count": "9\n", "sys/fs/ext4/mmcblk0p2/errors_count": "3\n"})
    assert read_machine(tmp_path, tmp_path)["disk_errors"] == 3
    assert "disk_errors" not in read_machine(tmp_path / "gone", tmp_path)


@pytest.mark.parametrize("alarm", [0, 1])
def test_the_kernel_s_monitor_tells_of_it_too(tmp_path: Path, alarm: int) -> None:
    """Where the firmware's own file is not there, or says that all is well."""
    monitor = {
        "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": f"{alarm}\n",
    }
    root = write(tmp_path, **monitor)
    assert read_machine(tmp_path / "gone", root) == {"under_voltage": alarm}
    assert read_machine(tmp_path / "gone", write(root, **{THROTTLED: "0"})) == {"under_voltage": alarm}


def test_a_disk_is_as_full_as_this_user_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept for root is not free, and a beginning per cent counts as one."""
    for blocks, free, available, expected in ((1000, 500, 450, 53), (1000, 1000, 950, 0), (0, 0, 0, None)):
        status = os.statvfs_result((4096, 4096, blocks, free, available, 0, 0, 0, 0, 255))
        monkeypatch.setattr(os, "statvfs", lambda _, status=status: status)
        assert read_machine(tmp_path, tmp_path).get("disk_used_percent") == expected


def test_this_machine_says_what_it_can() -> None:
    """Real files have the form that is expected of them."""
    found = read_machine(Path("/"))
    assert found["memory_free_bytes"] > 0
    assert 0 <= found["disk_used_percent"] <= 100
