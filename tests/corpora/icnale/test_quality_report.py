import json
from collections import Counter

import pytest

from blv_trainer.asr.word_errors import WordErrors
from blv_trainer.corpora.icnale.quality_report import Finding, QualityReport


@pytest.fixture
def report():
    return QualityReport(
        data_dir="corpus",
        text_tree="Unmerged",
        trees_not_read={"Merged": 31},
        num_texts=9,
        num_audio=8,
        findings=[Finding("copy", f"x ({number}).txt") for number in range(7)] + [Finding("empty", "y.txt", "0 words")],
        text_features=Counter({"BOM": 9}),
        counts=Counter({("JPN", "A2"): 4, ("ENS", "native"): 5}),
    )


def test_summary_counts_answers_and_findings(report):
    assert report.summary() == "9 answers (9 texts, 8 recordings); findings: empty 1, copy 7"


def test_table_has_regions_labels_and_published_counts(report):
    rows = {line.split("  ")[0]: line.split() for line in report.to_text().splitlines() if line}
    assert rows["region"] == ["region", "A2", "B1_1", "B1_2", "B2", "native", "all", "release", "2.1"]
    assert rows["JPN"] == ["JPN", "4", "0", "0", "0", "0", "4", "600"]
    assert rows["ENS"] == ["ENS", "0", "0", "0", "0", "5", "5", "600"]
    assert rows["all"] == ["all", "4", "0", "0", "0", "5", "9", "4400"]
    assert rows["release 2.1, text names"][-6:] == ["400", "884", "1876", "640", "600", "4400"]
    assert rows["set of Tsai et al. 2025"][-6:] == ["332", "880", "1868", "652", "600", "4332"]


def test_findings_beyond_the_limit_are_counted(report):
    text = report.to_text(max_per_kind=5)
    assert "copy (7): copy of a file" in text
    assert "... and 2 more" in text
    assert "    y.txt  0 words" in text
    assert "... and" not in report.to_text(max_per_kind=7)


def test_report_without_findings_says_so(report):
    report.findings.clear()
    assert report.to_text().endswith("Findings         none")
    assert report.summary().endswith("findings: none")


def test_word_errors_stand_beside_the_published_rate_where_there_are_any(report):
    assert report.word_error_table() == []
    report.word_errors = {"all": {"all": WordErrors(3, 16, 2)}, "region": {"JPN": WordErrors(0, 0, 1)}}
    lines = [line.split() for line in report.word_error_table()]
    assert lines[1:3] == [["all", "18.75", "16", "2"], ["JPN", "nan", "0", "1"]]
    assert lines[3][-1] == "18.62"
    assert "\n".join(report.word_error_table()) in report.to_text()
    assert json.loads(json.dumps(report.to_dict()))["word_errors"]["region"]["JPN"]["rate"] is None


def test_json_holds_everything(report):
    content = json.loads(json.dumps(report.to_dict()))
    assert content["counts"] == {"ENS native": 5, "JPN A2": 4}
    assert len(content["findings"]) == 8
    assert content["findings"][-1] == {"kind": "empty", "subject": "y.txt", "detail": "0 words"}
