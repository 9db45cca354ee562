"""Time and memory of ``load_dataset("icnale_asa")`` on a corpus of the real size."""

import json
import os
import subprocess
import sys

import pytest

from blv_trainer.corpora.synthetic import write_corpus

MEASURE = """
import json, resource, sys, time
import datasets, pyarrow.parquet, blv_trainer, blv_trainer.corpora.icnale_asa

def megabytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10

before, times = megabytes(), []
for _ in range(2):
    start = time.perf_counter()
    data = datasets.load_dataset("icnale_asa", data_dir=sys.argv[1], cache_dir=sys.argv[2])
    times.append(time.perf_counter() - start)
rows = sum(split.num_rows for split in data.values())
print(json.dumps({"first": times[0], "cached": times[1], "megabytes": megabytes() - before, "rows": rows}))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="measures memory with the resource module")
def test_4400_texts_and_recordings_load_in_10_s_and_again_in_1_s_within_500_mb(tmp_path):
    write_corpus(tmp_path / "corpus", 1100, layout="flat", audio="names")
    printed = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "corpus"), str(tmp_path / "cache")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    figures = json.loads(printed.splitlines()[-1])
    assert figures["rows"] == 4400
    assert figures["first"] < 10
    assert figures["cached"] < 1
    assert figures["megabytes"] < 500
