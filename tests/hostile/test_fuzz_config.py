"""Configurations and method specs: damaged YAML, YAML that explodes, values of every wrong type."""

import time

import pytest
import yaml
from hypothesis import strategies as st

from blv_trainer.cli import build_parser, main
from blv_trainer.cli.config import apply_config, read_config
from blv_trainer.experiments.methods import parse_method

VALID = [
    b"output_dir: out\ntopics: [PTJ, SMK]\nlevels: 5\ndurations: true\nsplit_seed: 7\n",
    b"# a comment\nloss_kwargs: {sigma: 2, scope: step}\nlearning_rate: 1e-5\ntext: >\n  two\n  lines\n",
    b"a: !!timestamp 2001-12-14\nb: !!binary aGk=\nc: !!set {x, y}\nd: 0x1F\ne: 190:20:30\nf: .inf\n<<: {g: 1}\n",
]
TAGGED = ["!!int abc", "!!int ''", "!!bool maybe", "!!timestamp no", "!!float x", "2001-13-45", "0x_", "9" * 5000]


def bomb(levels=30):
    """Thirty lines that stand for ten to the thirtieth words."""
    lines = ["a0: &a0 [x, x]"] + [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, levels)]
    return "\n".join([*lines, f"levels: *a{levels - 1}"])


def test_damaged_configurations_are_read_or_refused_with_a_sentence(fuzz, refusals, mutations, tmp_path):
    path = tmp_path / "config.yaml"

    def check(content):
        path.write_bytes(content)
        with refusals(path):
            assert isinstance(read_config(path), dict)

    fuzz(check, st.one_of(st.binary(max_size=200), mutations(*VALID)))


def test_random_yaml_is_read_or_refused_with_a_sentence(fuzz, refusals, words, tmp_path):
    path = tmp_path / "config.yaml"

    def check(text):
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with refusals(path):
            read_config(path)

    fuzz(check, st.lists(words, max_size=6).map("\n".join))


@pytest.mark.parametrize("value", TAGGED, ids=lambda value: value[:20])
def test_a_value_that_its_tag_forbids_is_refused_by_name(value, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(f"levels: {value}\n")
    with pytest.raises(ValueError, match="config.yaml is no readable YAML: .") as caught:
        read_config(path)
    assert type(caught.value) is ValueError


def test_python_objects_are_no_yaml(tmp_path):
    path, mark = tmp_path / "config.yaml", tmp_path / "ran"
    path.write_text(f"levels: !!python/object/apply:pathlib.Path.touch [!!python/object:pathlib.Path ['{mark}']]\n")
    with pytest.raises(ValueError, match="could not determine a constructor"):
        read_config(path)
    assert not mark.exists()


def test_aliases_are_refused_before_they_explode(tmp_path, capsys):
    path = tmp_path / "config.yaml"
    path.write_text(bomb())
    start = time.monotonic()
    assert main(["prepare", "--config", str(path)]) == 2
    assert time.monotonic() - start < 10  # seconds
    assert "alias" in capsys.readouterr().err


def test_deep_nesting_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("a: " + "[" * 100_000)
    with pytest.raises(ValueError, match="more than 20 deep"):
        read_config(path)


def test_a_name_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("split_seed: 1\nlevels: 5\nsplit_seed: 2\n")
    with pytest.raises(ValueError, match="sets 'split_seed' twice"):
        read_config(path)


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


def test_any_setting_of_prepare_is_taken_or_refused(fuzz, words, tmp_path, capsys):
    path = tmp_path / "config.yaml"
    flags = sorted(vars(build_parser()[0].parse_args(["prepare"])).keys() - {"verb", "run", "rest", "output_dir"})
    scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words, st.dates(), st.binary(max_size=4))
    values = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)
    )

    def check(settings):
        path.write_text(yaml.safe_dump({**settings, "data_dir": str(tmp_path / "nowhere")}, allow_unicode=False))
        assert main(["prepare", "--config", str(path)]) == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert "blv-trainer prepare: " in said

    fuzz(check, st.dictionaries(st.sampled_from(flags), values, max_size=3))


def test_method_specs_are_read_or_refused_with_a_sentence(fuzz, refusals, words):
    losses = st.sampled_from(
        ["blv", "focal", "ldam", "class_balanced", "emd", "ordinal_log_loss", "gaussian_clouded", ""]
    )
    options = st.sampled_from(["sigma", "scope", "clamp", "sign", "gamma", "beta", "max_margin", "alpha", "x"])
    value = st.one_of(
        words,
        st.floats().map(str),
        st.integers().map(str),
        st.sampled_from(["9" * 400, "9" * 5000, "1e308", "-1e308", "1e-400", "[" * 5000, '{"a":1}', "null", "true"]),
    )
    spec = st.builds(
        lambda loss, pairs, junk: f"{loss}:{','.join(f'{name}={value}' for name, value in pairs)}{junk}",
        losses,
        st.lists(st.tuples(options, value), max_size=3),
        words,
    )

    def check(spec):
        with refusals(repr(spec), at_most=10_000 + 2 * len(spec)):
            method = parse_method(spec)
            assert len(method.folder.encode()) <= 255  # a file name is no longer
            assert "/" not in method.folder
            assert method.folder not in (".", "..")
            assert parse_method(method.spec) == method

    fuzz(check, st.one_of(spec, words))


@pytest.mark.parametrize("value", ["9" * 400, "1" * 300, "[" * 50_000, "word", "[1]", "{}", "NaN"], ids=len)
def test_a_value_that_is_no_number_is_refused_whatever_its_size(value):
    with pytest.raises(ValueError, match="method 'blv:sigma=") as caught:
        parse_method(f"blv:sigma={value}")
    assert type(caught.value) is ValueError


@pytest.mark.parametrize("value", ["1e300", "1e-300", "0.1234567890123456789"])
def test_a_number_of_any_size_gives_a_short_folder(value):
    assert len(parse_method(f"blv:sigma={value}").folder) < 40
