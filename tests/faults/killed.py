"""Gives a command, kills it at a random moment, gives it again; many times over, each time in a folder of its own.

Usage: killed.py FOLDER KILLS WORDS..., where {out} in a word stands for the output folder. Run by a test in a process
of its own, because it forks: the children import nothing anew. The first child, in FOLDER/undisturbed, is left alone.

Half of the kills fall on a moment drawn from all, half on one at which a file has just appeared. Prints one JSON object
for each kill: the folder, whether the process was killed before it ended, what was there then, and what the same
command given again returned.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

import datasets
import torch

import blv_trainer.asr.transcription
import blv_trainer.asr.whisper
import blv_trainer.corpora.icnale_asa
import blv_trainer.corpora.table
import blv_trainer.experiments.report  # noqa: F401  with the others, all that takes long to import
from blv_trainer.cli import main

torch.set_num_threads(1)


def start(words, folder):
    out = folder / "out"
    child = os.fork()
    if child:
        return child
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    datasets.config.HF_DATASETS_CACHE = folder / "cache"
    try:
        code = main([word.replace("{out}", str(out)) for word in words])
    except BaseException:
        traceback.print_exc()
        code = 99
    sys.stdout.flush()
    os._exit(code)


def wait(child):
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def names(out):
    # By os.walk, which minds nothing that is gone while it looks.
    return {os.path.join(folder, name) for folder, folders, files in os.walk(out) for name in (*folders, *files)}


def watch(child, out, *, seconds=float("inf"), num_names=float("inf")):
    """Waits for so many seconds or names of files, or until the child has ended; whether it is alive, and both."""
    start, seen = time.monotonic(), set()
    while True:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False, time.monotonic() - start, len(seen)
        seen |= names(out)
        if time.monotonic() - start >= seconds or len(seen) >= num_names:
            return True, time.monotonic() - start, len(seen)
        time.sleep(0.001)


def kill_at_random(child, out, limits, rng):
    kind, limit = rng.choice(list(limits.items()))
    alive, _, _ = watch(child, out, **{kind: rng.uniform(0, limit)})
    if not alive:
        return False
    os.kill(child, signal.SIGKILL)
    return wait(child) == -signal.SIGKILL


def stamps(out):
    found = {}
    for path in sorted(out.rglob("*")):
        if path.is_file():
            status = path.stat()
            found[str(path.relative_to(out))] = [status.st_mtime_ns, status.st_ino]
    return found


def run(folder, kills, *words):
    rng = random.Random(0)
    calm = Path(folder, "undisturbed")
    calm.mkdir()
    _, seconds, num_names = watch(start(words, calm), calm / "out")
    for number in range(int(kills)):
        trial = Path(folder, f"trial_{number}")
        trial.mkdir()
        out = trial / "out"
        killed = kill_at_random(start(words, trial), out, {"seconds": seconds, "num_names": num_names}, rng)
        found = {"trial": str(trial), "killed": killed, "at_kill": stamps(out)}
        found["again"] = wait(start(words, trial))
        found["log"] = (trial / "log.txt").read_text(encoding="utf-8", errors="replace")[-5000:]
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    run(*sys.argv[1:])
