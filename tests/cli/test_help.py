import pytest

from blv_trainer import __version__
from blv_trainer.cli import VERBS, main


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_takes_a_configuration(verb, capsys):
    assert main([verb, "--help"]) == 0
    assert "--config" in capsys.readouterr().out


def test_help_names_every_verb(capsys):
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert set(VERBS) <= {line.split()[0] for line in printed.splitlines() if line.startswith("    ")}


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"blv-trainer {__version__}\n"
