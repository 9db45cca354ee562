"""``blv-trainer demo``: the paper's comparison on an invented corpus, with nothing to download."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from blv_trainer.cli.tables import format_table

# The four rows of the paper's table: name, loss, options.
METHODS = {
    "cross-entropy": ("cross_entropy", {}),
    "focal loss": ("focal", {}),
    "BLV, sigma 2": ("blv", {"sigma": 2.0}),
    "BLV, sigma 6": ("blv", {"sigma": 6.0}),
}
_MARKER = "made_by_blv_trainer_demo"
_COLUMNS = {  # the paper's columns: key, heading, factor, decimals
    "accuracy": ("Acc %", 100, 2),
    "macro_accuracy": ("Macro acc %", 100, 2),
    "adjacent_accuracy": ("Adj %", 100, 2),
    "macro_adjacent_accuracy": ("Macro adj %", 100, 2),
    "rmse": ("RMSE", 1, 4),
    "macro_rmse": ("Macro RMSE", 1, 4),
    "pcc": ("PCC", 1, 4),
    "macro_f1": ("Macro F1", 1, 4),
}
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

    from blv_trainer.corpora.icnale_names import LABELS

    utils.logging.set_verbosity_error()
    utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    logging.getLogger("blv_trainer").setLevel(logging.ERROR)
    dataset = make_dataset(args.num_speakers, seed=args.seed)
    sizes = ", ".join(f"{len(rows)} {split}" for split, rows in dataset.items())
    print(f"Invented corpus: {4 * args.num_speakers} answers of {args.num_speakers} speakers ({sizes}).", flush=True)
    encoder = build_encoder(dataset["train"]["text"], folder / "encoder", seed=args.seed)
    rows = []
    for title, (loss, loss_kwargs) in METHODS.items():
        print(f"Training with {title} ...", flush=True)
        run_folder = folder / "_".join(title.replace(",", "").replace("-", " ").split())
        metrics = _train(dataset, LABELS, encoder, run_folder, loss=loss, loss_kwargs=loss_kwargs, args=args)
        rows.append([title, *(f"{factor * metrics[key]:.{digits}f}" for key, (_, factor, digits) in _COLUMNS.items())])
    print()
    print(format_table(["", *(heading for heading, _, _ in _COLUMNS.values())], rows))
    print(
        f"These figures describe the invented corpus ({len(dataset['test'])} test answers, one run each), "
        "not learners of English.\n"
    )
    print(f'pipeline("text-classification", model="{run_folder}"):')
    classify = pipeline("text-classification", model=str(run_folder))
    for sentence, answer in zip(_SENTENCES, classify([*_SENTENCES]), strict=True):
        print(f"  {answer['label']:<7}{answer['score']:.2f}  {sentence}")
    return 0


def make_dataset(num_speakers: int, *, seed: int):
    """Invented answers as a ``DatasetDict`` with disjoint speakers: 60 % train, 10 % validation, 30 % test."""
    import dataclasses

    import numpy as np
    from datasets import ClassLabel, Dataset, DatasetDict

    from blv_trainer.corpora.icnale_names import LABELS
    from blv_trainer.corpora.splits import SPLIT_NAMES, split_by_group
    from blv_trainer.corpora.synthetic_text import generate_answers

    answers = [dataclasses.asdict(answer) for answer in generate_answers(num_speakers, seed=seed)]
    columns = ("id", "text", "label", "region", "speaker", "task")
    everything = Dataset.from_dict({name: [answer[name] for answer in answers] for name in columns})
    everything = everything.cast_column("label", ClassLabel(names=list(LABELS)))
    split = split_by_group(
        [answer["label"] for answer in answers],
        [answer["speaker"] for answer in answers],
        fractions=(0.6, 0.1, 0.3),
        seed=seed,
    )
    return DatasetDict({name: everything.select(np.flatnonzero(split == name)) for name in SPLIT_NAMES})


def build_encoder(texts, folder: Path, *, seed: int) -> str:
    """A small BERT with random weights and a WordPiece vocabulary learned from ``texts``; returns its folder."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast, set_seed

    wordpiece = BertWordPieceTokenizer(lowercase=True)
    wordpiece.train_from_iterator(texts, vocab_size=1500, show_progress=False)
    tokenizer = BertTokenizerFast(tokenizer_object=wordpiece._tokenizer, model_max_length=256)
    set_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=256,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def _train(dataset, names, encoder: str, folder: Path, *, loss: str, loss_kwargs: dict, args) -> dict[str, float]:
    from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
    from blv_trainer.experiments.training import train_and_evaluate

    training_args = BLVTrainingArguments(
        str(folder),
        loss=loss,
        loss_kwargs=loss_kwargs,
        num_train_epochs=args.num_train_epochs,
        learning_rate=2e-3,  # weights start from random, not from pretraining
        warmup_steps=0.1,
        per_device_train_batch_size=16,
        per_device_eval_batch_size=64,
        train_sampling_strategy="group_by_length",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=args.seed,
    )
    model_args = ModelArguments(model_name_or_path=encoder, max_length=128)
    return train_and_evaluate(dataset, names, model_args=model_args, training_args=training_args, quiet=True)["test"]


def _start_afresh(folder: Path) -> None:
    """An earlier demo's folder is replaced; anything else that is there is left alone."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARKER).exists():
            raise FileExistsError(f"{folder} is there and was not made by the demo: choose another --output_dir.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).touch()
