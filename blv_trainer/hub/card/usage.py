"""The lines of Python that a card begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def usage(
    config: dict[str, Any], *, model: str, task: str, names: Sequence[str], adapter: bool, base: str | None
) -> str:
    """Python that loads the model and tells the class of an invented text.

    Args:
        config: the model's config.
        model: its name on the Hub, or what stands for it.
        task: of the pipeline.
        names: the labels, lowest first.
        adapter: whether the model is an adapter.
        base: what the adapter goes on top of, if that is known.
    """
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
