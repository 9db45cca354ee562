"""``blv-trainer demo``: ``compare --preset demo`` with one seed, then two predictions; nothing to download."""

from __future__ import annotations

import argparse
from pathlib import Path

from blv_trainer.cli import compare

_SENTENCES = (
    "Um I think part time job is good because student can get money and he can buy many thing.",
    "Although working part-time inevitably cuts into study time, it teaches students responsibilities that no lecture "
    "ever could, provided that employers respect their examination schedules.",
)


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser("demo", help="compare four losses on an invented corpus; no network, two minutes")
    parser.add_argument("--output_dir", default="blv_demo", help="folder for models, predictions and report")
    parser.add_argument("--num_speakers", type=int, default=200, help="invented speakers, four answers each")
    parser.add_argument("--num_train_epochs", type=float, default=8, help="passes over the training answers")
    parser.add_argument("--seed", type=int, default=42, help="of corpus, split, weights and noise")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Compare the paper's four methods, then predict two sentences with the last one; 0 when done."""
    flags = {name: getattr(args, name) for name in ("output_dir", "num_speakers", "num_train_epochs", "seed")}
    words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    words += [
        "--preset",
        "demo",
        "--seeds",
        str(args.seed),
        "--keep_models",
        "--save_strategy",
        "no",
        "--tsne_rows",
        "0",
    ]
    compare.run(argparse.Namespace(rest=words))

    from transformers import pipeline

    model = Path(args.output_dir, "runs", "blv_sigma=6", f"seed_{args.seed}")
    print("\nThese figures describe the invented corpus, not learners of English.\n")
    print(f'pipeline("text-classification", model="{model}"):')
    classify = pipeline("text-classification", model=str(model))
    for sentence, answer in zip(_SENTENCES, classify([*_SENTENCES]), strict=True):
        print(f"  {answer['label']:<7}{answer['score']:.2f}  {sentence}")
    return 0
