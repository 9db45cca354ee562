"""What to cite, and when a model has to do with ICNALE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from blv_trainer.corpora.icnale.card import CITATION as ICNALE
from blv_trainer.corpora.icnale.names import normalize_id
from blv_trainer.hub.card.facts import Facts

PAPER = """\
@misc{tsai2025mitigating,
  author        = {Tsai, Fong-Chun and Huang, Kuan-Tang and Yan, Bi-Cheng and Lo, Tien-Hong and Chen, Berlin},
  title         = {Mitigating Data Imbalance in Automated Speaking Assessment},
  year          = {2025},
  eprint        = {2509.03010},
  archivePrefix = {arXiv}
}"""
BLV = """\
@inproceedings{wang2023balancing,
  author    = {Wang, Yuchao and Fei, Jingjing and Wang, Haochen and Li, Wei and Bao, Tianpeng and Wu, Liwei and
               Zhao, Rui and Shen, Yujun},
  title     = {Balancing Logit Variation for Long-Tailed Semantic Segmentation},
  booktitle = {Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages     = {19561--19573},
  year      = {2023}
}"""
_SOURCES = ("dataset_name", "train_file", "test_file")


def citations(about_icnale: bool) -> str:
    """BibTeX entries: the paper, the origin of BLV, and the corpus where it was used."""
    return "\n\n".join([PAPER, BLV, *([ICNALE] if about_icnale else [])])


def is_about_icnale(facts: Facts, datasets: Sequence[str]) -> bool:
    """Whether the data are ICNALE's: their name says so, or the rows are named as its answers are."""
    sources = [PurePath(str(facts.data[key])).name for key in _SOURCES if facts.data.get(key)]
    if any("icnale" in name.lower() for name in [*sources, *datasets]):
        return True
    ids = [str(value) for found in facts.predictions.values() for value in found.columns.get("id", [])]
    return bool(ids) and all(normalize_id(f"{value}.txt") == value for value in ids)
