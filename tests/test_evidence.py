"""The whole way to the page of evidence, on a small corpus, and what 217 rows can show."""

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import evidence as evidence_module
from tests.benchmarks.evidence import FIGURES, page
from tests.benchmarks.evidence.judging import SHOWN
from tests.benchmarks.evidence.power import BLV_6, FOCAL, power_of_published

_ROOT = Path(__file__).parents[1]
_WORDS = ("aa", "bb", "cc", "dd", "ee", "ff")


def test_two_models_that_answer_alike_differ_by_less_chance():
    published = {name: np.array(matrix) for name, matrix in (("blv", BLV_6), ("focal", FOCAL))}
    assert [matrix.sum() for matrix in published.values()] == [217, 217]
    gain = np.trace(published["blv"]) / 217 - np.trace(published["focal"]) / 217
    points = [point for point in power_of_published(num_simulations=2000) if point["metric"] == "accuracy"]
    for point in points:
        assert point["difference"] == pytest.approx(gain, abs=4 * point["standard_error"] / 2000**0.5)
        assert 0.05 < point["power"] + 0.02 < 0.2
    independent = sum(p * (1 - p) for p in (np.trace(matrix) / 217 for matrix in published.values())) / 217
    assert points[0]["standard_error"] < independent**0.5  # rows of one level are more alike than all rows are
    assert points[0]["standard_error"] > points[1]["standard_error"] > points[2]["standard_error"]


def test_the_page_and_the_readme_say_what_the_figures_say():
    evidence = json.loads((_ROOT / FIGURES).read_text(encoding="utf-8"))
    assert (_ROOT / "docs" / "evidence.md").read_text(encoding="utf-8") == page.render(evidence)
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    for line in page.in_a_minute(evidence)[:3]:
        assert line in readme


@pytest.mark.slow
def test_the_whole_way_runs_on_a_small_corpus_and_goes_on_where_it_was(tmp_path, save_tiny_bert, capsys, monkeypatch):
    monkeypatch.setattr(evidence_module, "_quiet", lambda: None)  # it would last beyond this test
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_WORDS]
    encoder, generator = save_tiny_bert(tmp_path / "encoder", words, max_length=256), random.Random(1)
    folder = tmp_path / "data" / "cowsl2h"
    folder.mkdir(parents=True)
    with (folder / "data.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "level", "speaker"])
        for writer_of_two in range(60):
            level = generator.choices([0, 1, 2], [6, 3, 1])[0]
            for _ in range(2):
                letters = generator.choices(_WORDS, [6 - level] * 3 + [1 + 3 * level] * 3, k=9)
                table.writerow([" ".join(letters), f"L{level}", f"s{writer_of_two}"])
    command = ["evidence", "--data_dir", str(tmp_path / "data"), "--output_dir", str(tmp_path / "out"), "--encoders"]
    command += [f"tiny={encoder}", "--methods", "cross_entropy", "blv:sigma=6", "--seeds", "1", "--num_resamples", "50"]
    assert benchmarks.main([*command, "--page_dir", str(tmp_path)]) == 0
    evidence = json.loads((tmp_path / FIGURES).read_text(encoding="utf-8"))
    assert [(s["corpus"], s["features"]) for s in evidence["settings"]] == [
        ("cowsl2h", "tiny, frozen"),
        ("cowsl2h", "TF-IDF"),
    ]
    heads, by_words = (setting["entries"] for setting in evidence["settings"])
    assert {(e["loss"], e["level"]) for e in heads} >= {("cross_entropy", "answers"), ("blv:sigma=6", "groups")}
    for entry in [*heads, *by_words]:
        assert entry["n"] == {"answers": 120, "groups": 60}[entry["level"]]
        for metric in SHOWN if "differences" in entry else ():
            raw = next(e for e in (heads if entry in heads else by_words) if e["level"] == entry["level"])
            value, low, high = entry["differences"][metric]
            assert value == pytest.approx(entry["values"][metric] - raw["values"][metric], abs=1e-3)
            assert low <= value <= high
            assert entry["p"][metric] <= entry["holm"][metric] <= 1
    plain, other = (
        next(e for e in heads if (e["loss"], e["decision"], e["level"]) == (loss, "tuned", "groups"))
        for loss in ("cross_entropy", "blv:sigma=6")
    )
    assert "to_tuned" not in plain
    assert other["to_tuned"]["qwk"][0] == pytest.approx(other["values"]["qwk"] - plain["values"]["qwk"], abs=1e-3)
    shown = (tmp_path / "docs" / "evidence.md").read_text(encoding="utf-8")
    assert shown == page.render(evidence)
    assert "**Not run**: CEFR-SP Wiki-Auto with tiny, frozen" in shown
    capsys.readouterr()
    assert benchmarks.main([*command, "--page_dir", str(tmp_path)]) == 0
    assert ": finished" in capsys.readouterr().out
