"""What /proc says of processes and the machine."""

import os
import socket

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


def test_only_what_is_established_with_the_port_is_a_connection() -> None:
    table = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 11 1 0
   1: 0100007F:9C41 0100007F:1F90 08 00000000:00000000 00:00000000 00000000     0        0 12 1 0
   2: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0
"""  # noqa: E501 -- as the kernel has it

    assert procfs.parse_connections(table, 0x1F90) == [11]


def test_the_connections_and_files_of_this_process_are_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        files = procfs.count_descriptors(os.getpid())
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0]:
            assert procfs.count_connections(os.getpid(), port) == 1
            assert procfs.count_descriptors(os.getpid()) >= files + 2
        assert procfs.count_connections(os.getpid(), port) == 0
