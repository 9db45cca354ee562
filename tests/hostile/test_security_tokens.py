"""A token given on the command line ends in no file and on no terminal."""

import pickle

import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from blv_trainer.arguments import BLVTrainingArguments
from blv_trainer.cli import main
from blv_trainer.cli.compare import without_tokens

TOKEN = "hf_ThisIsNoRealTokenButNobodyShallSeeIt"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "coffee"]


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    """Data, a tiny encoder and a token, as flags of train and compare."""
    folder = tmp_path_factory.mktemp("given")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **sizes)).save_pretrained(folder)
    BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)}, model_max_length=32).save_pretrained(folder)
    lines = [f"{'tea ' * (k + 1)}{('', 'coffee')[k % 2]},{'AB'[k % 2]}" for k in range(16)]
    (folder / "rows.csv").write_text("\n".join(["text,label", *lines]))
    files = [
        word for split in ("train", "validation", "test") for word in (f"--{split}_file", str(folder / "rows.csv"))
    ]
    return [*files, "--model_name_or_path", str(folder), "--use_cpu", "--max_steps", "2", "--disable_tqdm", "true"]


def places(folder, capsys):
    """Where the token stands."""
    captured = capsys.readouterr()
    found = [path.name for path in folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    return found + [name for name in ("out", "err") if TOKEN in getattr(captured, name)]


@pytest.mark.parametrize("how", [["--hub_token", TOKEN], [f"--hub-token={TOKEN}"]], ids=["two words", "one word"])
def test_train_writes_no_token(how, flags, tmp_path, capsys):
    steps = ["--save_strategy", "steps", "--save_steps", "1", "--eval_strategy", "no"]
    assert main(["train", *flags, *steps, "--output_dir", str(tmp_path / "out"), *how]) == 0
    assert (tmp_path / "out" / "config.yaml").is_file()
    assert list((tmp_path / "out").rglob("training_args.bin"))  # the pickle that used to hold it
    assert places(tmp_path, capsys) == []


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
