import errno
import os
import sys

import pytest

from blv_trainer.cli import list as list_verb
from blv_trainer.cli import main


@pytest.fixture
def ends_with(monkeypatch):
    """Makes the verb list raise something instead of listing."""

    def raise_in_list(error):
        def run(args):
            raise error

        monkeypatch.setattr(list_verb, "run", run)

    return raise_in_list


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("5 is too many."), 2),
        (TypeError("5 is no name."), 2),
        (FileNotFoundError("no file x"), 2),
        (ImportError("install y"), 2),
        (PermissionError("z"), 1),
        (FloatingPointError("loss is nan"), 1),
        (SystemExit(2), 2),
        (SystemExit("words"), 2),
        (SystemExit(0), 0),
    ],
    ids=repr,
)
def test_each_kind_of_error_has_its_code(error, code, ends_with):
    ends_with(error)
    assert main(["list"]) == code


def test_what_happened_is_one_line_on_stderr(ends_with, capsys):
    ends_with(ValueError("5 is too many: give 4."))
    main(["list"])
    captured = capsys.readouterr()
    assert captured.err == "blv-trainer list: 5 is too many: give 4.\n"
    assert captured.out == ""


def test_an_interruption_is_no_traceback(ends_with, capsys):
    ends_with(KeyboardInterrupt())
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_fault_of_ours_keeps_its_traceback(ends_with):
    ends_with(ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError, match="ours"):
        main(["list"])


def test_a_traceback_is_shown_where_it_is_asked_for(ends_with):
    ends_with(ValueError("5 is too many"))
    with pytest.raises(ValueError, match="5 is too many"):
        main(["--traceback", "list"])


def test_a_full_disk_says_what_to_do(ends_with, capsys):
    ends_with(OSError(errno.ENOSPC, "No space left on device", "out/metrics.json"))
    assert main(["list"]) == 1
    assert "out/metrics.json: No space left on device. Make room" in capsys.readouterr().err


def test_an_error_of_the_system_names_the_file_and_no_number(ends_with, capsys):
    ends_with(OSError(errno.ENAMETOOLONG, "File name too long", "a-long-name"))
    assert main(["list"]) == 1
    assert capsys.readouterr().err == "blv-trainer list: a-long-name: File name too long.\n"


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise there")
def test_a_reader_who_has_seen_enough_is_no_error(ends_with, tmp_path, monkeypatch):
    ends_with(BrokenPipeError())
    with open(tmp_path / "out", "w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        assert main(["list"]) == 1
        print("goes nowhere", flush=True)
    assert (tmp_path / "out").read_text() == ""
