import subprocess
import sys

import pytest

from pifr.core.memory import keep_freed_memory


def test_other_systems_keep_their_allocator(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    keep_freed_memory.cache_clear()
    assert keep_freed_memory() is False
    keep_freed_memory.cache_clear()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks glibc")
def test_freed_blocks_are_not_faulted_in_again():
    # In a process of its own: what is asked of the allocator can't be taken back.
    code = """
import resource
from pifr.core.memory import keep_freed_memory
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def round_of():
    before = faults()
    for _ in range(5):
        bytes([1]) * 40_000_000  # glibc hands blocks this large back at once, whatever was freed before
    return faults() - before
round_of()
plain = round_of()
kept = keep_freed_memory() and (round_of(), round_of())[1]
print(plain, kept)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    if told[1] == "False":
        pytest.skip("another C library")
    assert int(told[1]) < int(told[0]) / 10
