"""``blv-trainer demo``: ``compare --preset demo``, the chosen model trained, two texts; nothing to download."""

from __future__ import annotations

import argparse
from pathlib import Path

from blv_trainer.cli import compare, train


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser("demo", help="compare losses and decisions on an invented corpus; two minutes")
    parser.add_argument("--output_dir", default="blv_demo", help="folder for answers, runs, report and model")
    parser.add_argument("--num_speakers", type=int, default=200, help="invented speakers, four answers each")
    parser.add_argument("--num_train_epochs", type=float, default=8, help="passes over the training answers")
    parser.add_argument("--seed", type=int, default=42, help="of corpus, folds, weights and noise")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Compare, train what was chosen, predict two texts with it; 0 when done."""
    from blv_trainer.run_folder import is_finished

    flags = {name: getattr(args, name) for name in ("output_dir", "num_speakers", "num_train_epochs", "seed")}
    words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    words += ["--preset", "demo", "--seeds", str(args.seed), "--save_strategy", "no"]
    compare.run(argparse.Namespace(rest=words))
    model, answers = Path(args.output_dir, "winner"), Path(args.output_dir, "answers.csv")
    if not is_finished(model):
        print()
        train.run(argparse.Namespace(rest=["--config", str(model.with_suffix(".yaml"))]))

    from transformers import pipeline

    from blv_trainer.experiments import invented

    print("\nThese figures describe the invented corpus, not learners of English.\n")
    print(f'pipeline("text-classification", model="{model}"):')
    classify = pipeline("text-classification", model=str(model))
    texts = invented.two_new_answers(seed=args.seed)
    for text, answer in zip(texts, classify(texts, truncation=True), strict=True):
        print(f"  {answer['label']:<7}{answer['score']:.2f}  {text[:90]}...")
    print("\nNext, the levels of whole speakers, then your own table in place of these answers:")
    print(f"    blv-trainer predict {model} --input_file {answers} --group_column speaker")
    print("    blv-trainer compare --train_file yours.csv --text_column ... --label_column ... --output_dir comparison")
    return 0
