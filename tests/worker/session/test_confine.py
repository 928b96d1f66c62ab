"""The filter of system calls, as the kernel loads it."""

from __future__ import annotations

import ctypes

from grader.worker.session import confine


def test_the_filter_of_every_machine_is_a_program_the_kernel_could_load() -> None:
    assert ctypes.sizeof(ctypes.c_void_p) == 8
    for machine, (column, _) in confine._MACHINES.items():
        numbers = [entry[column] for entry in confine._REFUSED.values() if entry[column] is not None]
        assert len(set(numbers)) == len(numbers) and max(numbers) <= confine._LAST_KNOWN, machine
        for gpu in (False, True):
            assert len(confine._filter(machine, gpu=gpu)) // 8 <= 4096
