"""What large frames took is given back to the system, seen from the process's own status."""

import ctypes
import subprocess
import sys
import threading

import pytest

from isocenter.server import memory

# Twelve threads make a frame of 27 MB at the same time, and something small that stays behind it.
FRAMES = """
import contextlib, sys, threading, time
from pathlib import Path
from isocenter.server.memory import free_memory_given_back

def resident():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024

together, all_made, end = threading.Barrier(12), threading.Barrier(12), threading.Event()
kept = []

def make():
    for _ in range(3):
        together.wait(30)
        frame = bytearray(b"\\1") * (27 << 20)
        kept.append(bytearray(4000))
        all_made.wait(30)
        del frame
    end.wait(60)

def serve():
    before = resident()
    threads = [threading.Thread(target=make, daemon=True) for _ in range(12)]
    for thread in threads:
        thread.start()
    limit = time.monotonic() + float(sys.argv[2])
    while len(kept) < 36 or resident() > before + 96:
        if time.monotonic() > limit:
            break
        time.sleep(0.05)
    print(resident() - before)
    end.set()

with free_memory_given_back(0.1) if sys.argv[1] == "giving" else contextlib.nullcontext():
    serve()
"""


def megabytes_left(how: str, seconds: float) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FRAMES, how, str(seconds)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="the allocator of glibc keeps memory, others do not",
)
def test_what_large_frames_took_is_given_back():
    assert megabytes_left("keeping", 2) > 128, "this allocator gives back by itself"
    assert megabytes_left("giving", 60) <= 96


def test_another_allocator_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    threads = threading.active_count()
    with memory.free_memory_given_back():
        assert threading.active_count() == threads
