import pytest
from transformers import pipeline

from blv_trainer.cli import main

QUICK = ["--num_speakers", "40", "--num_train_epochs", "1"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "out"


def test_prints_decisions_for_answers_and_speakers_two_predictions_and_what_to_do_next(demo, capsys):
    assert main(["demo", *QUICK, "--output_dir", str(demo)]) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    rows = [tuple(line.split("  ")[0:1]) for line in lines if line.startswith(("cross-entropy  ", "BLV, sigma 6  "))]
    assert rows == 2 * (2 * [("cross-entropy",)] + 3 * [("BLV, sigma 6",)])  # answers, then speakers
    assert sum("Macro acc %" in line and "QWK" in line for line in lines) == 2
    assert "Whole groups (speaker), 40:" in lines
    assert "These figures describe the invented corpus" in printed
    assert sum(line.startswith(("  A2", "  B1", "  B2", "  native")) for line in lines) == 2
    assert f"blv-trainer predict {demo / 'winner'} --input_file {demo / 'answers.csv'} --group_column" in lines[-2]


def test_the_report_is_there_and_the_model_loads(demo):
    assert (demo / "report" / "report.html").is_file()
    model = str(demo / "winner")
    assert pipeline("text-classification", model=model, device="cpu")("I like it.")[0]["score"] > 0


def test_given_again_it_only_reports_again(demo, capsys):
    before = (demo / "winner" / "metrics.json").stat().st_mtime_ns
    assert main(["demo", *QUICK, "--output_dir", str(demo)]) == 0
    assert capsys.readouterr().out.count(": finished") == 2 * 3
    assert (demo / "winner" / "metrics.json").stat().st_mtime_ns == before
