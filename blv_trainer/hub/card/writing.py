"""A model's card: ``README.md`` with metadata that the Hub reads, from a model's folder or from a trainer in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import ModelCard
from huggingface_hub.utils import validate_repo_id
from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure

from blv_trainer.corpora.icnale import CITATION
from blv_trainer.decision import Decision
from blv_trainer.evaluation import NUM_RESAMPLES, figures
from blv_trainer.files import write_text, write_whole
from blv_trainer.hub.card import sections
from blv_trainer.hub.card.facts import Facts, SplitResult, of_icnale, read_facts, read_trainer_facts, results_of
from blv_trainer.hub.card.markdown import Markdown, links, plain, trusted
from blv_trainer.hub.card.metadata import (
    EXAMPLE_TEXTS,
    CardOptions,
    as_list,
    card_metadata,
    hub_ids,
    is_on_hub,
    write_eval_results,
)
from blv_trainer.hub.published_files import CARD_FILE
from blv_trainer.levels import are_numbers
from blv_trainer.metrics import METRICS

PICTURE_FILE = "confusion_matrix.png"
PLACEHOLDER = "path/to/this/folder"  # in place of a name on the Hub


def write_card(
    folder: str | Path,
    *,
    repo_id: str | None = None,
    language: str | Sequence[str] | None = "en",
    license: str | None = "apache-2.0",
    base_model: str | Sequence[str] | None = None,
    datasets: str | Sequence[str] | None = None,
    tags: str | Sequence[str] | None = None,
    model_name: str | None = None,
    dataset_name: str | None = None,
    icnale: bool | None = None,
    subgroup_columns: Sequence[str] | None = None,
    num_resamples: int = NUM_RESAMPLES,
) -> Path:
    """Write ``README.md``, the confusion matrix as a picture, and ``.eval_results/`` into a model's folder.

    Every number comes from the folder: ``config.json`` (labels, class counts, loss, decision), ``predictions.parquet``
    or else ``metrics.json`` or ``history.json`` (results), ``run.json`` (versions), ``report/results.json`` (the
    comparison that the model belongs to). A section whose facts are missing is left out. A card that is there already
    is replaced.

    Args:
        folder: with a saved model, such as the ``--output_dir`` of ``blv-trainer train``.
        repo_id: where the model will be on the Hub, "user/name".
        language: ISO code of the texts, or several; the Hub's widget has example texts for "en" alone.
        license: of the model, as the Hub names it; None to leave it out.
        base_model: the Hub's name of the model that training started from; default: the one in ``config.yaml`` or
            ``adapter_config.json``, if it is on the Hub and no path.
        datasets: the Hub's names of the training data; default: the one in ``config.yaml`` if it is on the Hub. With
            exactly one, results are said to be of its splits.
        tags: besides those that follow from the model.
        model_name: the title; default: the name in ``repo_id``, or the folder's.
        dataset_name: what the data are called; default: their name on the Hub.
        icnale: whether the card holds ICNALE's limits, terms and citation; default: whether the data's name or the
            names of the rows say that the model learned from it.
        subgroup_columns: columns of the predictions that the table of subgroups is made of; default: those that the run
            names, else ``region``, ``task``, ``sex``, ``gender`` and ``l1``, where there are such columns.
        num_resamples: of the bootstrap.

    Returns:
        The path of ``README.md``.

    Raises:
        FileNotFoundError: the folder holds no model.
        ValueError: a file that cannot be read, a name of model or data that is a path, or a column of subgroups that
            the predictions have not.

    Examples:
        >>> write_card("out", repo_id="user/levels", datasets="user/answers")  # doctest: +SKIP
        PosixPath('out/README.md')
    """
    if repo_id is not None:
        validate_repo_id(repo_id)
    options = CardOptions(
        repo_id=repo_id,
        language=language if isinstance(language, str) else as_list(language),
        license=license,
        base_model=hub_ids("base_model", base_model),
        datasets=hub_ids("datasets", datasets),
        tags=as_list(tags),
        model_name=model_name,
        dataset_name=dataset_name,
        icnale=icnale,
        num_resamples=num_resamples,
    )
    facts = read_facts(Path(folder))
    known = {name for found in facts.predictions.values() for name in found.columns}
    for name in subgroup_columns or ():
        if name not in known:
            found = f"Choose from: {', '.join(sorted(known))}." if known else "There are no predictions."
            raise ValueError(f"subgroup_columns={name!r} is no column of the predictions in {folder}. {found}")
    if subgroup_columns:
        facts = dataclasses.replace(facts, settings=facts.settings | {"subgroup_columns": list(subgroup_columns)})
    return _write(Path(folder), facts, options)


def write_trainer_card(
    trainer: Any,
    language: str | None = None,
    license: str | None = None,
    tags: str | list[str] | None = None,
    model_name: str | None = None,
    finetuned_from: str | None = None,
    tasks: str | list[str] | None = None,
    dataset_tags: str | list[str] | None = None,
    dataset: str | list[str] | None = None,
    dataset_args: str | list[str] | None = None,
) -> Path:
    """Write the card of a trainer's model into ``args.output_dir``; the arguments are ``create_model_card``'s.

    Results are those in the folder, or else of the last evaluation (with ``load_best_model_at_end`` of the best one).

    Returns:
        The path of ``README.md``.
    """
    folder = Path(trainer.args.output_dir)
    options = CardOptions(
        repo_id=trainer.hub_model_id,
        language=language,
        license=license,
        base_model=hub_ids("finetuned_from", finetuned_from),
        datasets=hub_ids("dataset_tags", dataset_tags),
        tags=as_list(tags),
        model_name=model_name,
        dataset_name=", ".join(as_list(dataset)) or None,
        dataset_args=dataset_args,
        pipeline_tag=(as_list(tasks) or ["text-classification"])[0],
    )
    return _write(folder, read_trainer_facts(trainer), options)


def amend_card(folder: str | Path, repo_id: str, **metadata: str | Sequence[str]) -> None:
    """Give a card, whose text stays, its name on the Hub, and metadata in place of what it says; tags are added."""
    validate_repo_id(repo_id)
    path = Path(folder, CARD_FILE)
    text = path.read_text(encoding="utf-8").replace(PLACEHOLDER, repo_id)
    if "subgroup_columns" in metadata:
        raise ValueError(f"{path} is there already, and its text stays: remove it to have subgroup_columns shown.")
    if metadata:
        card = ModelCard(text)
        for key, value in metadata.items():
            if key in ("base_model", "datasets"):
                value = hub_ids(key, value)
            elif key == "tags":
                value = list(dict.fromkeys([*(card.data.get("tags") or []), *as_list(value)]))
            setattr(card.data, key, value)
        text = str(card)
    write_text(path, text)


def _write(folder: Path, facts: Facts, options: CardOptions) -> Path:
    trained_from = facts.settings.get("model_name_or_path") or (facts.adapter or {}).get("base_model_name_or_path")
    dataset = facts.settings.get("dataset_name") or ""  # a word may be a builder's name
    options = dataclasses.replace(
        options,
        base_model=options.base_model or [name for name in [trained_from] if name and is_on_hub(name, folder)],
        datasets=options.datasets or [name for name in [dataset] if "/" in name and is_on_hub(name, folder)],
        model_name=options.model_name or (options.repo_id or folder.resolve().name).split("/")[-1],
    )
    if options.icnale is None:
        options = dataclasses.replace(options, icnale=of_icnale(facts, options.datasets))
    results = results_of(facts, num_resamples=options.num_resamples)
    text = _render(facts, results, options)
    if results and results[0].scores is not None:
        title = f"{results[0].split}, n = {results[0].num_rows:,}"
        picture = _confusion_picture(results[0].scores.confusion, facts.names, title)
        write_whole(folder / PICTURE_FILE, lambda path: path.write_bytes(picture))
    write_eval_results(folder, results, options.dataset)
    write_text(folder / CARD_FILE, text)
    return folder / CARD_FILE


def _template() -> Path:
    """The template: beside this file where the package is installed, in ``model_card/`` of a source tree."""
    installed = Path(__file__).with_name("template.md")
    return installed if installed.is_file() else Path(__file__).parents[3] / "model_card" / "template.md"


def _render(facts: Facts, results: Sequence[SplitResult], options: CardOptions) -> str:
    """The card as text; every value that comes from data is escaped."""
    environment = Environment(  # finalize escapes for Markdown, which autoescape does not
        finalize=trusted, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"as_it_is": Markdown, "links": links, "plain": plain, "thousands": "{:,}".format}
    environment.filters["in_words"] = Decision.in_words
    first, comparison = results[0] if results else SplitResult("test", None, {}), facts.comparison or {}
    return environment.from_string(_template().read_text(encoding="utf-8")).render(
        card_data=Markdown(card_metadata(facts, results, options)),
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
        formula=sections.loss_formula(facts.loss.get("name")),
        settings=sections.shown_settings(facts.settings),
        icnale_citation=CITATION,
    )


def _confusion_picture(matrix: np.ndarray, names: Sequence[str], title: str) -> bytes:
    names = [" ".join(name.split()) for name in names]
    names = [name if len(name) <= 16 else name[:13] + "..." for name in names]
    longest, size = max(map(len, names)), 1.5 + 0.65 * len(names)  # inches
    figure = Figure(figsize=(size + 0.06 * longest, size + 0.04 * longest), layout="constrained")
    figures.plot_confusion(matrix, names, title=title, ax=figure.subplots())
    return figures.as_png(figure)
