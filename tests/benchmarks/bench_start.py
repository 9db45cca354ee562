"""What a user waits for before anything happens: import, --help, the demo."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.harness import Row, benchmark

_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "HF_HUB_OFFLINE": "1"}


def _seconds(*words: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], env=_ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


@benchmark("start")
def start() -> list[Row]:
    """Import of all that training needs against the same import without us; --help."""
    theirs_code = "from transformers import Trainer; import datasets"
    ours_code = theirs_code + "; from blv_trainer import BLVTrainer"
    times = {"ours": [], "theirs": [], "help": []}
    for _ in range(6):
        times["theirs"].append(_seconds("-c", theirs_code))
        times["ours"].append(_seconds("-c", ours_code))
        times["help"].append(_seconds("-m", "blv_trainer", "--help"))
    ours, theirs, helped = (statistics.median(values[1:]) for values in times.values())
    ratio = ours / theirs
    return [
        Row("import of BLVTrainer against Trainer and datasets", ours, theirs, ratio, "<= 1.1", ratio <= 1.1),
        Row("blv-trainer --help", helped, target="< 1 s", met=helped < 1),
    ]


@benchmark("demo")
def demo() -> list[Row]:
    """The whole command, and the demonstration of compare."""
    rows = []
    for words, limit in ((["demo"], 120), (["compare", "--preset", "demo"], 180)):
        with tempfile.TemporaryDirectory() as folder:
            seconds = _seconds("-m", "blv_trainer", *words, "--output_dir", str(Path(folder, "out")))
        rows.append(Row("blv-trainer " + " ".join(words), seconds, target=f"< {limit} s", met=seconds < limit))
    return rows
