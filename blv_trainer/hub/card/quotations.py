"""What a card quotes: the lines of Python that it begins with, the works that it ends with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from blv_trainer.corpora.icnale.card import CITATION as ICNALE
from blv_trainer.corpora.icnale.names import normalize_id
from blv_trainer.hub.card.facts import Facts

OWN_MODEL_TYPE = "blv-mean-pooled"
# Invented; no corpus has a part in them.
EXAMPLE_TEXTS = (
    "I like to walk in the park every day because it is good for health and I can see many dogs.",
    "Although commuting by train takes longer, it leaves me time to read, which I would not trade for anything.",
)

_STOCK = """\
from transformers import pipeline

classifier = pipeline("{task}", model="{model}")"""
_OWN = """\
import blv_trainer  # or, where it is not installed: pipeline(..., trust_remote_code=True)
from transformers import pipeline

classifier = pipeline("{task}", model="{model}")"""
_ADAPTER = """\
from peft import PeftModel
{import_base}

# An adapter, no whole model: it goes on top of the model that it was trained from.
labels = {names!r}
base = {base_class}("{base}", num_labels={num_labels}, id2label=dict(enumerate(labels)))
model = PeftModel.from_pretrained(base, "{model}")
tokenizer = AutoTokenizer.from_pretrained("{base}")
classifier = pipeline("{task}", model=model, tokenizer=tokenizer)"""
_SCORES = """

text = "{text}"
scores = classifier(text, top_k=None, truncation=True)
print(scores[0])  # the most probable class

# The expected score: 0 is the lowest class, 1 the next.
classes = list(classifier.model.config.id2label.values())
print(sum(classes.index(score["label"]) * score["score"] for score in scores))"""
_PAPER = """\
@misc{tsai2025mitigating,
  author        = {Tsai, Fong-Chun and Huang, Kuan-Tang and Yan, Bi-Cheng and Lo, Tien-Hong and Chen, Berlin},
  title         = {Mitigating Data Imbalance in Automated Speaking Assessment},
  year          = {2025},
  eprint        = {2509.03010},
  archivePrefix = {arXiv}
}"""
_BLV = """\
@inproceedings{wang2023balancing,
  author    = {Wang, Yuchao and Fei, Jingjing and Wang, Haochen and Li, Wei and Bao, Tianpeng and Wu, Liwei and
               Zhao, Rui and Shen, Yujun},
  title     = {Balancing Logit Variation for Long-Tailed Semantic Segmentation},
  booktitle = {Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages     = {19561--19573},
  year      = {2023}
}"""
_SOURCES = ("dataset_name", "train_file", "test_file")


def usage(
    config: dict[str, Any], *, model: str, task: str, names: Sequence[str], adapter: bool, base: str | None
) -> str:
    """Python that loads the model, an adapter on top of its base, and tells the class of an invented text."""
    own = config.get("model_type") == OWN_MODEL_TYPE
    if adapter:
        load = _ADAPTER.format(
            import_base="from transformers import AutoTokenizer, pipeline\n\n"
            "from blv_trainer import MeanPooledForSequenceClassification"
            if own
            else "from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline",
            base_class="MeanPooledForSequenceClassification.from_encoder"
            if own
            else "AutoModelForSequenceClassification.from_pretrained",
            base=base or "BASE_MODEL",
            names=list(names),
            num_labels=len(names),
            model=model,
            task=task,
        )
    else:
        load = (_OWN if own else _STOCK).format(model=model, task=task)
    return load + (_SCORES.format(text=EXAMPLE_TEXTS[0]) if task == "text-classification" else "")


def citations(about_icnale: bool) -> str:
    """BibTeX entries: the paper, the origin of BLV, and the corpus where it was used."""
    return "\n\n".join([_PAPER, _BLV, *([ICNALE] if about_icnale else [])])


def is_about_icnale(facts: Facts, datasets: Sequence[str]) -> bool:
    """Whether the data are ICNALE's: their name says so, or the rows are named as its answers are."""
    sources = [PurePath(str(facts.data[key])).name for key in _SOURCES if facts.data.get(key)]
    if any("icnale" in name.lower() for name in [*sources, *datasets]):
        return True
    ids = [str(value) for found in facts.predictions.values() for value in found.columns.get("id", [])]
    return bool(ids) and all(normalize_id(f"{value}.txt") == value for value in ids)
