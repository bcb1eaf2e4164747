"""What /proc says of processes and the machine."""

import os

import pytest

from streamproof.loadtests.benchmarks import procfs
from streamproof.loadtests.benchmarks.procfs import TICKS_PER_S


def test_user_and_system_time_of_a_process_are_added_whatever_its_name() -> None:
    stat = f"7 (a) b ) S 1 7 7 0 -1 4 90 0 0 0 {TICKS_PER_S} {2 * TICKS_PER_S} 9 9 20"

    assert procfs.parse_cpu(stat) == 3


def test_idle_and_waiting_cores_are_not_busy_and_guests_count_once() -> None:
    fields = [TICKS_PER_S * seconds for seconds in (1, 2, 4, 800, 900, 8, 16, 32, 1, 2)]
    stat = f"cpu  {' '.join(map(str, fields))}\ncpu0 1 2 3\n"

    assert procfs.parse_busy(stat) == 1 + 2 + 4 + 8 + 16 + 32


def test_this_process_has_used_time_and_memory() -> None:
    assert procfs.cpu_s(os.getpid()) > 0
    assert procfs.busy_s() >= procfs.cpu_s(os.getpid())
    assert procfs.resident_mib(os.getpid()) > 1
    assert procfs.peak_mib(os.getpid()) > 1


def test_a_process_that_is_not_there_has_no_figures() -> None:
    beyond_the_last = 2**22 + 1

    with pytest.raises(FileNotFoundError):
        procfs.cpu_s(beyond_the_last)
