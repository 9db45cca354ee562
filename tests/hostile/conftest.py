"""Input that nobody meant well with: drawn by hypothesis, judged by what comes out.

``pytest tests/hostile`` draws a few examples of each kind, ``-m slow`` thousands, the same ones every time: a suite
that draws anew fails on somebody else's change. ``HOSTILE_EXAMPLES=20000 pytest tests/hostile -m slow`` draws that many
new ones.
"""

import contextlib
import os
import string

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from blv_trainer.asr import AudioError

FEW = 25
NEW = os.environ.get("HOSTILE_EXAMPLES")
MANY = int(NEW or "3000")
# Exactly these classes: a KeyError, a UnicodeDecodeError or an ArrowInvalid is somebody else's, if by inheritance ours.
OURS = (ValueError, TypeError, FileNotFoundError, AudioError)


@pytest.fixture(params=[pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.slow)])
def fuzz(request):
    """Runs a check on drawn arguments."""
    few = request.param == FEW

    def run(check, *strategies, slower=1):
        drawn = settings(
            max_examples=max(5, request.param // slower),
            derandomize=few or NEW is None,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate] + ([] if few else [Phase.shrink]),
        )
        drawn(given(*strategies)(check))()

    return run


@pytest.fixture
def refusals():
    """Context in which reading a file may be refused, but only by an error of ours that names the file."""

    @contextlib.contextmanager
    def watch(path):
        try:
            yield
        except OURS as error:
            if type(error) not in OURS:
                raise
            said = str(error)
            assert os.fspath(path) in said, f"the file is not named: {said!r}"
            assert len(said) < 4000 + len(os.fspath(path)), f"too long: {said[:300]!r}"

    return watch


def _mutate(content, edits):
    changed = bytearray(content)
    for place, kind, extra in edits:
        at = int(place * len(changed))
        if kind == "cut":
            del changed[at:]
        elif kind == "remove":
            del changed[at : at + max(1, len(extra))]
        elif kind == "insert":
            changed[at:at] = extra
        elif kind == "repeat":
            changed[at:at] = changed[at : at + 64]
        else:
            changed[at : at + len(extra)] = extra
    return bytes(changed)


@pytest.fixture(scope="session")
def mutations():
    """Strategy of damaged copies of valid contents."""
    telling = [b"\x00", b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x7f" + b"\xff" * 7, b"\n", b'"', b"{", b"[" * 50]
    extra = st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(telling))
    kind = st.sampled_from(["overwrite", "overwrite", "insert", "remove", "repeat", "cut"])
    edits = st.lists(st.tuples(st.floats(0, 1), kind, extra), min_size=1, max_size=6)

    def mutated(*contents):
        return st.builds(_mutate, st.sampled_from(contents), edits)

    return mutated


@pytest.fixture(scope="session")
def words():
    """Strategy of short texts with everything that means something to some parser."""
    telling = "\x00\t\r\n\"'`,;:=+-@$\\/{}[]()<>&*!|%#~.?\ufeff\u2028\u200b\x85\x1b\ud800é語\U0001f600"
    plain = string.ascii_letters + string.digits
    return st.text(st.one_of(st.sampled_from(telling), st.sampled_from(plain)), max_size=12)
