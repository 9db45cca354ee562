import os
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture
def prints_under_hash_seeds():
    """What a script prints, run once under each of three hash seeds: one text, unless an order of sets shows in it."""

    def run(code, *words):
        return {
            subprocess.run(
                [sys.executable, "-c", textwrap.dedent(code), *map(str, words)],
                env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for seed in ("0", "1", "12345")
        }

    return run
