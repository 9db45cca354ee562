"""Fills the card's template."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, StrictUndefined

from blv_trainer.hub.card import sections
from blv_trainer.hub.card.facts import Facts, SplitResult
from blv_trainer.hub.card.markdown import Markdown, escape, trusted
from blv_trainer.hub.card.metadata import METADATA_ORDER, card_metadata
from blv_trainer.hub.card.options import CardOptions, is_hub_id
from blv_trainer.hub.card.quotations import OWN_MODEL_TYPE, citations, is_about_icnale, usage

PICTURE_FILE = "confusion_matrix.png"
PLACEHOLDER = "path/to/this/folder"  # in place of a name on the Hub
_HUB = "https://huggingface.co"


def template_path() -> Path:
    """The template: beside this file where the package is installed, in ``model_card/`` of a source tree."""
    installed = Path(__file__).with_name("template.md")
    return installed if installed.is_file() else Path(__file__).parents[3] / "model_card" / "template.md"


def render(folder: Path, facts: Facts, results: list[SplitResult], options: CardOptions) -> str:
    """The card as text; every value that comes from data is escaped."""
    environment = Environment(  # finalize escapes for Markdown, which autoescape does not
        finalize=trusted, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    about_icnale = is_about_icnale(facts, options.datasets) if options.icnale is None else options.icnale
    title = options.model_name or (options.repo_id or folder.resolve().name).split("/")[-1]
    metadata = card_metadata(facts, results, options, title=title, about_icnale=about_icnale)
    return environment.from_string(template_path().read_text(encoding="utf-8")).render(
        card_data=Markdown(metadata.to_yaml(original_order=METADATA_ORDER)),
        title=title,
        num_classes=len(facts.names),
        class_names=Markdown(", ".join(map(escape, facts.names))),
        about=_about(facts, options),
        usage=Markdown(_usage(facts, options)),
        own_code=facts.config.get("model_type") == OWN_MODEL_TYPE and facts.adapter is None,
        picture=Markdown(PICTURE_FILE) if results and results[0].scores is not None else None,
        loss=sections.loss_section(facts),
        decision=sections.decision_section(facts),
        settings=sections.settings_sentence(facts),
        subgroup_table=sections.subgroup_section(results),
        icnale=about_icnale,
        data=_data(options),
        citations=Markdown(citations(about_icnale)),
        versions=Markdown(", ".join(f"{escape(name)} {escape(value)}" for name, value in facts.versions.items())),
        **sections.result_section(results, facts),
        **sections.class_section(results, facts),
        **sections.comparison_section(facts),
    )


def _about(facts: Facts, options: CardOptions) -> list[Markdown]:
    """Architecture and origin, as far as they are known."""
    lines = []
    if kind := (facts.config.get("architectures") or [None])[0]:
        encoder = (facts.config.get("text_config") or {}).get("model_type")
        lines.append(f"Architecture: {escape(kind)}" + (f" on an encoder of type {escape(encoder)}" if encoder else ""))
    if options.base_model:
        bases = ", ".join(f"[{escape(name)}]({_HUB}/{name})" for name in options.base_model)
        lines.append(f"Trained from: {bases}" + (", as an adapter" if facts.adapter is not None else ""))
    elif facts.adapter is not None:
        lines.append("An adapter: it goes on top of the model that it was trained from")
    return [Markdown(line) for line in lines]


def _data(options: CardOptions) -> Markdown:
    names = ", ".join(f"[{escape(name)}]({_HUB}/datasets/{name})" for name in options.datasets)
    if options.dataset_name:
        return Markdown(escape(options.dataset_name) + (f" ({names})" if names else ""))
    return Markdown(names)


def _usage(facts: Facts, options: CardOptions) -> str:
    base = options.base_model[0] if options.base_model else (facts.adapter or {}).get("base_model_name_or_path")
    return usage(
        facts.config,
        model=options.repo_id or PLACEHOLDER,
        task=options.pipeline_tag,
        names=facts.names,
        adapter=facts.adapter is not None,
        base=base if is_hub_id(base) else None,
    )
