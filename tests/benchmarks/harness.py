"""What every benchmark is made of: two ways of one job, run in turn, and a line of a table.

A benchmark is a function without arguments, marked ``@benchmark("name")``, that returns ``Row``s. It compares within
one run on one machine: the ratio counts, for seconds differ from machine to machine and from minute to minute.
"""

from __future__ import annotations

import gc
import os
import platform
import re
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared" / "data"  # real texts, where they are at hand
REGISTERED: dict[str, Callable[[], Iterable[Row]]] = {}


class NotHereError(Exception):
    """What a benchmark needs is not on this machine; its text says what."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        name: what was measured.
        ours, reference: seconds, or what ``unit`` says; None where there is nothing to compare with.
        ratio: what the target is about.
        target: such as ">= 2".
        met: whether it was reached; None where there is no target.
        unit: of ``ours`` and ``reference``.
        note: sizes, settings, agreement of the results.
    """

    name: str
    ours: float
    reference: float | None = None
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    unit: str = "s"
    note: str = ""


def benchmark(name: str) -> Callable:
    """Register a benchmark under the name that ``python -m tests.benchmarks NAME`` takes."""

    def register(function: Callable[[], Iterable[Row]]) -> Callable[[], Iterable[Row]]:
        REGISTERED[name] = function
        return function

    return register


def in_turn(
    *jobs: Callable[[], object], repeats: int = 5, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Median time of each job, run in turn so that whatever else the machine does hits all alike, after one warm-up.

    ``time.process_time`` is a clock that other programs do not lengthen.
    """
    times: list[list[float]] = [[] for _ in jobs]
    for count in range(repeats + 1):
        for job, own in zip(jobs, times, strict=True):
            gc.collect()
            start = clock()
            job()
            if count:
                own.append(clock() - start)
    return [statistics.median(own) for own in times]


def once(job: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of a job that is too long to repeat."""
    start = clock()
    job()
    return clock() - start


def peak_memory() -> float:
    """Most memory that this process has held, in MiB; ``ru_maxrss`` begins with the peak of the one that started it."""
    status = Path("/proc/self/status")
    if not status.is_file():
        raise NotHereError("peak memory is read from /proc, which Linux has")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 2**10


def memory_of(job: Callable[[], object]) -> float:
    """Most memory that a job holds beyond what was there before, in MiB, as far as Python and numpy ask for it."""
    tracemalloc.start()
    job()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def conditions() -> dict[str, object]:
    """The machine and the versions."""
    packages = ("torch", "transformers", "datasets", "numpy", "scikit-learn", "openai-whisper")
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }
