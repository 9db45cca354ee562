"""The ICNALE builder on a corpus of the real size and larger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from blv_trainer.corpora.synthetic import write_corpus
from tests.benchmarks.harness import Row, benchmark

_MEASURE = """
import json, sys, time
import datasets, pyarrow.parquet, blv_trainer, blv_trainer.corpora.icnale_asa
from tests.benchmarks.harness import peak_memory

datasets.disable_progress_bars()
before, times = peak_memory(), []
for _ in range(2):
    start = time.perf_counter()
    data = datasets.load_dataset("icnale_asa", data_dir=sys.argv[1], cache_dir=sys.argv[2])
    times.append(time.perf_counter() - start)
rows = sum(split.num_rows for split in data.values())
print(json.dumps({"first": times[0], "cached": times[1], "megabytes": peak_memory() - before, "rows": rows}))
"""


def load(num_speakers: int) -> dict[str, float]:
    """Seconds of the first and of the cached load, and memory over that of the imports, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(Path(folder, "corpus"), num_speakers, has_audio=True)
        words = [sys.executable, "-c", _MEASURE, str(Path(folder, "corpus")), str(Path(folder, "cache"))]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        printed = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(printed.splitlines()[-1])


@benchmark("corpus")
def corpus() -> list[Row]:
    """4,400 texts, in two trees, and 4,400 recordings; a twentieth of them and five times as many, for the growth."""
    small, whole, large = load(55), load(1100), load(5500)
    assert whole["rows"] == 4400
    first, cached = whole["first"], whole["cached"]
    growth = (large["first"] / large["rows"]) / (small["first"] / small["rows"])
    seconds = " / ".join(f"{size['first']:.2f}" for size in (small, whole, large))
    memory = " / ".join(f"{size['megabytes']:.0f}" for size in (small, whole, large))
    sizes = "660 / 13,200 / 66,000 files"
    return [
        Row("load_dataset('icnale_asa'), first", first, target="< 10 s", met=first < 10, note="13,200 files"),
        Row("load_dataset('icnale_asa'), cached", cached, target="< 1 s", met=cached < 1, note="13,200 files"),
        Row(
            "corpus: time a file at 100x against 1x",
            large["first"],
            small["first"],
            growth,
            "<= 1",
            growth <= 1,
            note=f"seconds {seconds}, memory +{memory} MiB for {sizes}",
        ),
    ]
