"""``--config``: YAML that cannot be read, values that a flag does not take."""

import pytest

from blv_trainer.cli import build_parser, main
from blv_trainer.cli.config import _read_config, apply_config


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("levels: [5\n", "is no readable YAML: while parsing"),
        ("split_file: 2001-13-45\n", "is no readable YAML: month must be in 1..12"),
        ("- levels\n", "must hold lines of the form 'flag: value'"),
        ("a: !!python/object/apply:pathlib.Path [x]\n", "could not determine a constructor"),
    ],
)
def test_what_is_no_mapping_of_flags_is_refused_with_a_sentence(content, message, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"config.yaml .*{message}"):
        _read_config(path)


def test_a_file_that_is_empty_or_missing(tmp_path):
    (tmp_path / "config.yaml").write_text("# nothing\n")
    assert _read_config(tmp_path / "config.yaml") == {}
    with pytest.raises(FileNotFoundError, match="none.yaml: there is no such file"):
        _read_config(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("durations: 'no'", "sets durations: 'no'. Write true or false."),  # a word is true where a flag is set
        ("durations: 1", "Write true or false."),
        ("levels: 6", "Choose from: 5, 4."),
        ("levels: [5]", "Give a single value."),
        ("split_seed: x", "invalid int value: 'x'"),
        ("split_seed: 1.5", "invalid int value: '1.5'"),
        ("split_seed: {a: 1}", "Give a single value."),
        ("data_dir: [a, b]", "Give a single value."),
        ("topics: [PTJ, XYZ]", "Choose from: PTJ, SMK"),
        ("regions: [[JPN]]", "Give a single value."),
        ("levls: 5", "sets 'levls', which is no flag of this verb. Did you mean 'levels'?"),
    ],
)
def test_a_value_that_its_flag_does_not_take_is_refused(line, message, tmp_path, capsys):
    path = tmp_path / "config.yaml"
    path.write_text(line + "\n")
    assert main(["prepare", "--config", str(path)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("topics: [PTJ]", "topics", ["PTJ"]),
        ("topics: SMK", "topics", ["SMK"]),
        ("regions: [JPN, TWN]", "regions", ["JPN", "TWN"]),
        ("output_dir: 2024", "output_dir", "2024"),
        ("split_file: 2024-01-02", "split_file", "2024-01-02"),
        ("durations: true", "durations", True),
        ("levels: 4", "levels", 4),
        ("text_tree: null", "text_tree", None),
    ],
)
def test_a_value_is_what_the_same_words_on_the_command_line_give(line, name, value, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(line + "\n")
    parser, verbs = build_parser()
    apply_config(verbs["prepare"], ["--config", str(path)])
    assert getattr(parser.parse_args(["prepare"]), name) == value


def test_a_flag_that_may_be_given_several_times_takes_a_list(tmp_path):
    path = tmp_path / "config.yaml"
    for line, texts in (("text: [a, 2]", ["a", "2"]), ("text: yes please", ["yes please"])):
        path.write_text(line + "\n")
        parser, verbs = build_parser()
        apply_config(verbs["predict"], ["--config", str(path)])
        assert parser.parse_args(["predict"]).text == texts
