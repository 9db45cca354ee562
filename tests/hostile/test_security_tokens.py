"""A token given on the command line ends in no file and on no terminal."""

import pickle

import pytest
import torch

from blv_trainer.arguments import BLVTrainingArguments
from blv_trainer.cli import main
from blv_trainer.cli.compare import without_tokens

TOKEN = "hf_ThisIsNoRealTokenButNobodyShallSeeIt"


@pytest.fixture(scope="module")
def flags(tmp_path_factory, save_tiny_bert):
    """Data, a tiny encoder and a token, as flags of train and compare."""
    folder = tmp_path_factory.mktemp("given")
    save_tiny_bert(folder, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "coffee"])
    lines = [f"{'tea ' * (k + 1)}{('', 'coffee')[k % 2]},{'AB'[k % 2]}" for k in range(16)]
    (folder / "rows.csv").write_text("\n".join(["text,label", *lines]))
    files = " ".join(f"--{split}_file {folder / 'rows.csv'}" for split in ("train", "validation", "test"))
    words = f"{files} --model_name_or_path {folder} --use_cpu --max_steps 2 --disable_tqdm true"
    return words.split()


def places(folder, capsys):
    """Where the token stands."""
    captured = capsys.readouterr()
    found = [path.name for path in folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    return found + [name for name in ("out", "err") if TOKEN in getattr(captured, name)]


def test_train_writes_no_token(flags, tmp_path, capsys):
    steps = ["--save_strategy", "steps", "--save_steps", "1", "--eval_strategy", "no"]
    words = ["train", *flags, *steps, "--output_dir", str(tmp_path / "out"), f"--hub-token={TOKEN}"]
    assert main(words) == 0
    assert (tmp_path / "out" / "config.yaml").is_file()
    assert list((tmp_path / "out").rglob("training_args.bin"))  # the pickle that used to hold it
    assert places(tmp_path, capsys) == []


@pytest.mark.slow
def test_compare_writes_no_token(flags, tmp_path, capsys):
    few = ["--seeds", "1", "--methods", "cross_entropy", "blv", "--num_resamples", "20", "--tsne_iterations", "0"]
    out = tmp_path / "out"
    words = ["compare", *flags, *few, "--freeze_encoder", "--output_dir", str(out), "--hub_token", TOKEN]
    assert main(words) == 0
    assert "--hub_token &#39;***&#39;" in (out / "report" / "report.html").read_text()
    assert places(tmp_path, capsys) == []


def test_a_wrong_flag_beside_a_token_does_not_repeat_it(flags, tmp_path, capsys):
    words = ["train", *flags, "--output_dir", str(tmp_path / "out"), "--hub_token", TOKEN, "--no_such_flag"]
    assert main(words) == 2
    assert places(tmp_path, capsys) == []


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--hub_token", "x", "--seed", "1"], ["--hub_token", "***", "--seed", "1"]),
        (["--hub-token=x"], ["--hub-token=***"]),
        (["--some_other_token=x=y"], ["--some_other_token=***"]),
        (["--text", "a token"], ["--text", "a token"]),
        (["--hub_token"], ["--hub_token"]),
    ],
)
def test_words_that_follow_a_token_flag_are_hidden(words, shown):
    assert without_tokens(words) == shown


def test_arguments_are_pickled_without_the_token_and_keep_it(tmp_path):
    args = BLVTrainingArguments(str(tmp_path), hub_token=TOKEN, use_cpu=True)
    assert TOKEN.encode() not in pickle.dumps(args)
    torch.save(args, tmp_path / "args.bin")
    assert TOKEN.encode() not in (tmp_path / "args.bin").read_bytes()
    assert args.hub_token == TOKEN
    assert TOKEN not in f"{args} {args!r} {args.to_json_string()}"
