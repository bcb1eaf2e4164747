"""What a Linux process and machine have used so far, read from /proc.

Must not judge or print. Reads are instants: callers take two and subtract.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

__all__ = [
    "busy_s",
    "count_connections",
    "count_descriptors",
    "cpu_s",
    "parse_busy",
    "parse_connections",
    "parse_cpu",
    "peak_mib",
    "resident_mib",
]

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
# Fields of `cpu` in /proc/stat that are not work: idle and iowait (proc(5)); guest
# and guest_nice are counted in user and nice already.
IDLE_FIELDS: Final = slice(3, 5)
COUNTED_FIELDS: Final = 8
# `st` in /proc/net/tcp (include/net/tcp_states.h).
ESTABLISHED: Final = "01"


def cpu_s(pid: int) -> float:
    """Return user and system seconds of a process, all its threads together."""
    return parse_cpu(Path(f"/proc/{pid}/stat").read_text())


def parse_cpu(stat: str) -> float:
    """Read utime and stime, fields 14 and 15 of /proc/PID/stat (proc(5))."""
    # The second field is the command in parentheses, and may hold anything.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def busy_s() -> float:
    """Return the seconds that all cores together have worked since boot."""
    return parse_busy(Path("/proc/stat").read_text())


def parse_busy(stat: str) -> float:
    """Read the first line of /proc/stat."""
    fields = [int(field) for field in stat.splitlines()[0].split()[1:]]
    counted = fields[:COUNTED_FIELDS]
    return (sum(counted) - sum(counted[IDLE_FIELDS])) / TICKS_PER_S


def resident_mib(pid: int) -> float:
    """Return the memory that a process holds now, MiB."""
    return _status_mib(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """Return the most memory that a process ever held, MiB."""
    return _status_mib(pid, "VmHWM")


def count_descriptors(pid: int) -> int:
    """Return how many files, sockets included, a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def count_connections(pid: int, port: int) -> int:
    """Return how many established connections a process has to a port, over IPv4."""
    ours = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            ours.add(str(descriptor.readlink()))
    table = Path(f"/proc/{pid}/net/tcp").read_text()
    return sum(f"socket:[{i}]" in ours for i in parse_connections(table, port))


def parse_connections(table: str, port: int) -> list[int]:
    """Read the inodes of the sockets that are connected to a port (proc(5))."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [
        int(inode)
        for _, _, remote, state, _, _, _, _, _, inode, *_ in rows
        if state == ESTABLISHED and int(remote.rpartition(":")[2], 16) == port
    ]


def _status_mib(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) / 1024
    raise ValueError(f"expected {name} in the status of process {pid}, got none")
