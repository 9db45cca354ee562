"""``blv-trainer demo``: the paper's comparison on an invented corpus, with nothing to download."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from blv_trainer.cli.tables import format_table
from blv_trainer.experiments.columns import PAPER_COLUMNS, formatted

_MARKER = "made_by_blv_trainer_demo"
_SENTENCES = (
    "Um I think part time job is good because student can get money and he can buy many thing.",
    "Although working part-time inevitably cuts into study time, it teaches students responsibilities that no lecture "
    "ever could, provided that employers respect their examination schedules.",
)


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser("demo", help="compare four losses on an invented corpus; no network, two minutes")
    parser.add_argument("--output_dir", default="blv_demo", help="folder for models and predictions")
    parser.add_argument("--num_speakers", type=int, default=200, help="invented speakers, four answers each")
    parser.add_argument("--num_train_epochs", type=float, default=8, help="passes over the training answers")
    parser.add_argument("--seed", type=int, default=42, help="of corpus, split, weights and noise")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Make corpus and encoder, train four times, print the table, predict two sentences; 0 when done."""
    folder = Path(args.output_dir)
    _start_afresh(folder)

    import datasets
    from transformers import pipeline, utils

    from blv_trainer.corpora.icnale.names import LABELS
    from blv_trainer.experiments.compare import run_once, run_settings
    from blv_trainer.experiments.invented import build_encoder, make_dataset

    utils.logging.set_verbosity_error()
    utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    logging.getLogger("blv_trainer").setLevel(logging.ERROR)
    dataset = make_dataset(args.num_speakers, seed=args.seed)
    sizes = ", ".join(f"{len(rows)} {split}" for split, rows in dataset.items())
    print(f"Invented corpus: {4 * args.num_speakers} answers of {args.num_speakers} speakers ({sizes}).", flush=True)
    encoder = build_encoder(dataset["train"]["text"], folder / "encoder", seed=args.seed)
    plan = _plan(encoder, args)
    settings = run_settings(dataset, LABELS, plan)
    rows = []
    for method in plan.methods:
        print(f"Training with {method.title} ...", flush=True)
        run_folder = folder / "_".join(method.title.replace(",", "").replace("-", " ").split())
        metrics = run_once(dataset, LABELS, plan, method, args.seed, run_folder, settings=settings)["test"]
        rows.append([method.title, *(formatted(metric, metrics[metric]) for metric in PAPER_COLUMNS)])
    print()
    print(format_table(["", *(heading for heading, _, _ in PAPER_COLUMNS.values())], rows))
    print(
        f"These figures describe the invented corpus ({len(dataset['test'])} test answers, one run each), "
        "not learners of English.\n"
    )
    print(f'pipeline("text-classification", model="{run_folder}"):')
    classify = pipeline("text-classification", model=str(run_folder))
    for sentence, answer in zip(_SENTENCES, classify([*_SENTENCES]), strict=True):
        print(f"  {answer['label']:<7}{answer['score']:.2f}  {sentence}")
    return 0


def _plan(encoder: str, args):
    from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
    from blv_trainer.experiments import invented
    from blv_trainer.experiments.compare import Plan
    from blv_trainer.experiments.methods import PAPER_METHODS, parse_methods

    settings = {**invented.TRAINING, "num_train_epochs": args.num_train_epochs, "save_strategy": "no"}
    return Plan(
        methods=parse_methods(PAPER_METHODS),
        seeds=[args.seed],
        model_args=ModelArguments(model_name_or_path=encoder, max_length=invented.MAX_LENGTH),
        training_args=BLVTrainingArguments(args.output_dir, disable_tqdm=True, **settings),
        num_train_predictions=0,
    )


def _start_afresh(folder: Path) -> None:
    """An earlier demo's folder is replaced; anything else that is there is left alone."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARKER).exists():
            raise FileExistsError(f"{folder} is there and was not made by the demo: choose another --output_dir.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).touch()
