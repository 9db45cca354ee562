"""``python -m tests.benchmarks evidence``: which loss and which decision, measured on public corpora, as one page.

Makes the logits (finished ones are kept, so that it can be stopped at any time), judges them, writes ``evidence.json``,
and renders ``docs/evidence.md`` with its pictures from that file alone.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import transformers

from blv_trainer.files import write_json, write_text, write_whole
from tests.benchmarks.harness import SHARED, NotHereError, conditions

_ROOT = Path(__file__).parents[3]
FIGURES = Path("docs", "assets", "evidence.json")
_CURVES = ("cefr_sp_wikiauto", "cowsl2h", "clear_readability")


def main(argv: list[str]) -> int:
    """0 when the page is written."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks evidence", description=__doc__)
    parser.add_argument("--data_dir", type=Path, default=SHARED, help="holds a folder for each corpus")
    parser.add_argument("--output_dir", type=Path, default=Path("evidence"), help="logits, features, what is finished")
    parser.add_argument(
        "--encoders",
        nargs="*",
        default=[],
        metavar="NAME=FOLDER",
        help="frozen encoders, such as MiniLM=/path, or mpnet=/path@cefr_asag,merlin_german for some corpora",
    )
    parser.add_argument("--fine_tune", nargs="*", default=[], metavar="CORPUS[@SEEDS]", help="with the first encoder")
    parser.add_argument("--corpora", nargs="*", help="default: all that are there")
    parser.add_argument("--methods", nargs="*", help="losses as compare --methods takes them; default: all")
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--num_resamples", type=int, default=2000, help="of each bootstrap")
    parser.add_argument("--logits_only", action="store_true", help="make logits, judge nothing")
    parser.add_argument("--page_only", action="store_true", help="render the page again from its JSON")
    parser.add_argument("--page_dir", type=Path, default=_ROOT, help="gets docs/evidence.md and docs/assets")
    args = parser.parse_args(argv)
    if not args.page_only:
        _quiet()
        settings, seconds = make(args)
        if args.logits_only:
            return 0
        write_json(args.page_dir / FIGURES, evidence_of(settings, args, seconds))
    return write_page(args.page_dir)


def make(args: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """A setting for each corpus and features, judged, and how long each took to train and to judge."""
    from tests.benchmarks.evidence import judging, training
    from tests.benchmarks.evidence.corpora import CORPORA, load_corpus

    encoders = dict(word.split("=", 1) for word in args.encoders)
    places = {encoder: where.partition("@")[::2] for encoder, where in encoders.items()}  # a folder, corpora or ""
    fine_tuned = dict(word.partition("@")[::2] for word in args.fine_tune)  # seeds or "" by corpus
    names = args.corpora or [name for name in CORPORA if (args.data_dir / name).is_dir()]
    if not names:
        raise NotHereError(f"{args.data_dir} holds none of {', '.join(CORPORA)}")
    settings, seconds = [], {}
    for name in names:
        rows, levels = load_corpus(name, args.data_dir, args.output_dir)
        corpus, folder = CORPORA[name], args.output_dir / name
        shared = {"group_column": corpus.group_column, "seeds": args.seeds}
        makers: dict[str, tuple[Path, dict[str, Any]]] = {}
        for encoder, (path, some) in places.items():
            if not some or name in some.split(","):
                methods = args.methods or training.METHODS
                makers[f"{encoder}, frozen"] = (folder / encoder, {"encoder": path, "methods": methods})
        if name in fine_tuned:
            encoder, (path, _) = next(iter(places.items()))
            methods = [m for m in training.FINE_TUNED_METHODS if m in (args.methods or training.METHODS)]
            tuning = {"encoder": path, "methods": methods, "fine_tune": True}
            if fine_tuned[name]:
                tuning["seeds"] = [int(seed) for seed in fine_tuned[name].split(",")]
            makers[f"{encoder}, fine-tuned"] = (folder / f"{encoder}-fine-tuned", tuning)
        made = {kind: training.train_heads(rows, levels, to, **shared | how) for kind, (to, how) in makers.items()}
        made["TF-IDF"] = training.train_words(rows, levels, folder / "tfidf", **shared)
        for to in (*(to for to, _ in makers.values()), folder / "tfidf"):
            seconds[f"training, {to.relative_to(args.output_dir)}"] = training.seconds_of(to)
        if args.logits_only:
            continue
        labels = np.array(rows["label"])
        for kind, logits in made.items():
            start = time.perf_counter()
            setting: dict[str, Any] = {"corpus": name, "title": corpus.title, "features": kind}
            setting |= {"frozen": kind.endswith("frozen"), "levels": levels, "n": len(labels)}
            setting["counts"] = np.bincount(labels, minlength=len(levels)).tolist()
            setting["num_seeds"] = len(logits[0].logits)
            if corpus.group_column:
                setting["num_groups"] = len({*rows[corpus.group_column]})
            setting["human"] = judging.human(rows, corpus.rater_columns, len(levels))
            setting["entries"] = judging.judge(logits, rows, levels, corpus, num_resamples=args.num_resamples)
            if name in _CURVES and kind == f"{next(iter(encoders), '')}, frozen":
                setting["curve"] = judging.learning_curve(logits[0], labels, levels)
            settings.append(setting)
            seconds[f"judging, {name}, {kind}"] = time.perf_counter() - start
            print(f"judged {name}, {kind}", flush=True)
    return settings, seconds


def evidence_of(settings: list[dict[str, Any]], args: argparse.Namespace, seconds: dict[str, float]) -> dict[str, Any]:
    """Everything that the page says, in plain types."""
    from tests.benchmarks.evidence.power import power_of_published
    from tests.benchmarks.evidence.summary import summarise

    return {
        "conditions": conditions(),
        "encoders": [word.partition("=")[0] + word[word.find("@") :] * ("@" in word) for word in args.encoders],
        "fine_tuned": args.fine_tune,
        "seeds": args.seeds,
        "num_resamples": args.num_resamples,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "summary": summarise(settings),
        "settings": _rounded(settings),
        "power": power_of_published(),
    }


def write_page(folder: Path) -> int:
    """``docs/evidence.md`` and its pictures, from the JSON."""
    from tests.benchmarks.evidence import page, pictures

    evidence = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    write_text(folder / "docs" / "evidence.md", page.render(evidence))
    drawn = {"gains": pictures.forest(evidence["settings"]), "recalls": pictures.recalls(evidence["summary"])}
    drawn["rows"] = pictures.curve(evidence["settings"])
    for name, picture in drawn.items():
        path = folder / FIGURES.parent / f"evidence_{name}.png"
        write_whole(path, lambda temporary, picture=picture: temporary.write_bytes(picture))
    return 0


def _quiet() -> None:
    """A line for each run, no more."""
    logging.getLogger("blv_trainer").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def _rounded(value: Any) -> Any:
    """Floats with five significant digits, so that the file stays small."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: _rounded(own) for name, own in value.items()}
    return [_rounded(own) for own in value] if isinstance(value, list) else value
