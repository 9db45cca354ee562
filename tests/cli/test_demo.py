import pytest
from transformers import pipeline

from blv_trainer.cli import main

QUICK = ["--num_speakers", "40", "--num_train_epochs", "1"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "out"


def test_prints_the_papers_four_rows_and_two_predictions(demo, capsys):
    assert main(["demo", *QUICK, "--output_dir", str(demo)]) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    header = next(k for k, line in enumerate(lines) if "Macro F1" in line)
    rows = [line.split("  ") for line in lines[header + 2 : header + 6]]
    assert [row[0].strip() for row in rows] == ["cross-entropy", "focal loss", "BLV, sigma 2", "BLV, sigma 6"]
    assert all(0 <= float(row[1]) <= 100 for row in ([cell for cell in row if cell] for row in rows))
    assert "These figures describe the invented corpus" in printed
    assert sum(line.startswith(("  A2", "  B1", "  B2", "  native")) for line in lines) == 2


def test_the_last_model_is_saved_and_loads(demo):
    assert pipeline("text-classification", model=str(demo / "BLV_sigma_6"), device="cpu")("I like it.")[0]["score"] > 0


def test_an_earlier_demo_is_replaced_and_anything_else_left_alone(demo, tmp_path, capsys):
    assert main(["demo", *QUICK, "--output_dir", str(demo)]) == 0
    (tmp_path / "thesis.txt").write_text("years of work")
    assert main(["demo", *QUICK, "--output_dir", str(tmp_path)]) == 2
    assert "was not made by the demo: choose another --output_dir" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").exists()
