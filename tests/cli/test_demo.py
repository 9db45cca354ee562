import pytest
from transformers import pipeline

from blv_trainer.cli import main

QUICK = ["--num_speakers", "40", "--num_train_epochs", "1"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "out"


def test_prints_the_papers_four_methods_and_two_predictions(demo, capsys):
    assert main(["demo", *QUICK, "--output_dir", str(demo)]) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    header = next(k for k, line in enumerate(lines) if "Macro F1" in line)
    rows = [line.split("  ")[0] for line in lines[header + 2 :]]
    assert list(dict.fromkeys(rows))[:4] == ["cross-entropy", "focal loss", "BLV, sigma 2", "BLV, sigma 6"]
    assert "These figures describe the invented corpus" in printed
    assert sum(line.startswith(("  A2", "  B1", "  B2", "  native")) for line in lines) == 2


def test_the_report_is_there_and_the_model_loads(demo):
    assert (demo / "report" / "report.html").is_file()
    model = demo / "runs" / "blv_sigma=6" / "seed_42"
    assert pipeline("text-classification", model=str(model), device="cpu")("I like it.")[0]["score"] > 0


def test_given_again_it_only_reports_again(demo, capsys):
    assert main(["demo", *QUICK, "--output_dir", str(demo)]) == 0
    assert capsys.readouterr().out.count(": finished") == 4
