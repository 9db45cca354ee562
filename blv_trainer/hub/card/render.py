"""Fills the card's template."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from blv_trainer.corpora.icnale import CITATION
from blv_trainer.decision import Decision
from blv_trainer.hub.card import sections
from blv_trainer.hub.card.facts import Facts, SplitResult
from blv_trainer.hub.card.markdown import Markdown, escape, plain, trusted
from blv_trainer.hub.card.metadata import EXAMPLE_TEXTS, METADATA_ORDER, CardOptions, card_metadata
from blv_trainer.levels import are_numbers
from blv_trainer.metrics import METRICS

PICTURE_FILE = "confusion_matrix.png"
PLACEHOLDER = "path/to/this/folder"  # in place of a name on the Hub


def template_path() -> Path:
    """The template: beside this file where the package is installed, in ``model_card/`` of a source tree."""
    installed = Path(__file__).with_name("template.md")
    return installed if installed.is_file() else Path(__file__).parents[3] / "model_card" / "template.md"


def render(facts: Facts, results: Sequence[SplitResult], options: CardOptions) -> str:
    """The card as text; every value that comes from data is escaped."""
    environment = Environment(  # finalize escapes for Markdown, which autoescape does not
        finalize=trusted, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"as_it_is": Markdown, "links": _links, "plain": plain, "thousands": "{:,}".format}
    environment.filters["in_words"] = Decision.in_words
    first, comparison = results[0] if results else SplitResult("test", None, {}), facts.comparison or {}
    return environment.from_string(template_path().read_text(encoding="utf-8")).render(
        card_data=Markdown(card_metadata(facts, results, options).to_yaml(original_order=METADATA_ORDER)),
        facts=facts,
        options=options,
        results=results,
        first=first,
        model=options.repo_id or PLACEHOLDER,
        example_text=EXAMPLE_TEXTS[0],
        numbers_as_classes=bool(facts.names) and are_numbers(facts.names),
        metrics=METRICS,
        compared=sections.COMPARED,
        result_table=sections.result_table(first),
        groups=first.by_group,
        group_table=sections.result_table(first.by_group, sections.OF_GROUPS) if first.by_group else None,
        class_table=sections.class_table(facts, first),
        head_and_tail=sections.head_and_tail(facts, first),
        picture=PICTURE_FILE,
        subgroup_table=sections.subgroup_table(first),
        comparison_table=sections.comparison_table(comparison.get("rows"), comparison.get("human")),
        comparison_of_groups=sections.comparison_table(comparison.get("by_group")),
        formula=sections.loss_formula((facts.config.get("training_loss") or {}).get("name")),
        settings=sections.shown_settings(facts.settings),
        icnale_citation=CITATION,
    )


def _links(names: Sequence[str], kind: str = "") -> Markdown:
    return Markdown(", ".join(f"[{escape(name)}](https://huggingface.co/{kind}{name})" for name in names))
