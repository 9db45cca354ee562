from pathlib import Path

import pytest
from huggingface_hub import DatasetCard

from blv_trainer.corpora.icnale.parquet_folder import render_card

COUNTS = {"train": {"A2": 3, "B1": 5}, "test": {"A2": 0, "B1": 1}}
STATIC_CARD = Path(__file__).parents[3] / "dataset_scripts" / "icnale_asa" / "README.md"


def test_metadata_names_the_files_and_the_terms():
    data = DatasetCard(render_card(COUNTS)).data
    assert (data.pretty_name, data.license, data.license_name) == ("ICNALE-ASA", "other", "icnale-terms-of-use")
    files = [{"split": name, "path": f"data/{name}-00000-of-00001.parquet"} for name in ("train", "test")]
    assert data.configs == [{"config_name": "default", "data_files": files}]


def test_table_counts_rows_of_each_label():
    card = render_card(COUNTS)
    assert "| split | A2 | B1 | all |\n|---|---|---|---|\n| train | 3 | 5 | 8 |\n| test | 0 | 1 | 1 |" in card
    assert "0 = A2, 1 = B1 |" in card


@pytest.mark.parametrize("counts", [None, COUNTS])
def test_card_says_how_to_obtain_the_corpus_and_that_it_may_not_be_handed_on(counts):
    card = render_card(counts)
    for words in ("forbid redistribution", "Register at https://language.sakura.ne.jp/icnale/", "@incollection{"):
        assert words in card
    assert "$" not in card  # a placeholder left open


def test_card_beside_the_scripts_is_the_template_without_data():
    assert STATIC_CARD.read_text(encoding="utf-8") == render_card()
