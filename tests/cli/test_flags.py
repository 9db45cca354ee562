"""Flags that are read in source files: the same as transformers' own parser has, with the same values."""

import dataclasses

import pytest
from transformers import HfArgumentParser

from blv_trainer import BLVTrainingArguments
from blv_trainer.cli import main, source_files, train
from blv_trainer.decision import shifts
from blv_trainer.losses import LOSSES, loss_options
from blv_trainer.metrics import METRICS

# Read as a text here, where transformers takes a single kind of several: with a blank between, or as true or false.
_OTHERWISE = {"debug", "include_num_input_tokens_seen", "liger_kernel_config", "parallelism_config"}


def settings_of(*words):
    return train.parse(["--output_dir", "out", *words])[2]


def test_the_fields_are_those_of_the_class_with_their_defaults():
    found = source_files.training_fields()
    known = {field.name: field for field in dataclasses.fields(BLVTrainingArguments) if field.init}
    assert found.keys() == known.keys()
    for name, field in known.items():
        default = field.default if field.default_factory is dataclasses.MISSING else None
        if name != "optim":  # a name there; TrainingArguments has its own default where no flag is given
            assert found[name].default == default, name
        if name not in ("log_level", "log_level_replica"):  # their help is put together while transformers is imported
            assert found[name].about == field.metadata, name


def test_losses_and_metrics_are_those_that_there_are():
    assert {name: options for name, (_, options) in source_files.losses().items()} == {
        name: loss_options(name) for name in LOSSES
    }
    assert {name: text for name, (text, _) in source_files.losses().items()} == {
        name: loss.__doc__.splitlines()[0] for name, loss in LOSSES.items()
    }
    assert source_files.rules() == [*shifts._OPTIMAL]
    assert source_files.metrics() == {name: metric.function.__doc__.splitlines()[0] for name, metric in METRICS.items()}


def words_for(action):
    """Words after a flag of transformers' parser that it takes."""
    if action.choices:
        return [[str(choice)] for choice in action.choices]
    if action.type in (int, float):
        return [["2"]]
    if action.nargs == "+":
        return [["one", "two"]]
    return [["yes"], ["0"]] if getattr(action.type, "__name__", "") == "string_to_bool" else [["epoch"]]


def test_every_flag_gives_what_transformers_parser_gives():
    oracle = HfArgumentParser(BLVTrainingArguments)
    for action in oracle._actions:
        if action.dest in ("help", "output_dir", "loss", *_OTHERWISE):
            continue
        flag = action.option_strings[0]
        alone = [[]] if action.nargs in ("?", 0) else []
        for words in alone if action.nargs == 0 else [*alone, *words_for(action)]:
            given = [flag, *words]
            expected = getattr(oracle.parse_known_args(given)[0], action.dest)
            assert settings_of(*given)[action.dest] == expected, given


def test_dashes_are_taken_for_underscores_in_flags_alone():
    settings = settings_of("--learning-rate", "1e-4", "--run-name=a-b", "--hub-model-id", "you/a-b")
    assert (settings["learning_rate"], settings["run_name"], settings["hub_model_id"]) == (1e-4, "a-b", "you/a-b")


def test_what_nobody_gave_is_left_to_transformers():
    assert settings_of().keys() == {"output_dir", *train.DEFAULTS}


def test_an_early_stop_without_a_best_checkpoint_is_refused():
    with pytest.raises(ValueError, match="early_stopping_patience=2 counts evaluations without a better one: give"):
        BLVTrainingArguments("out", early_stopping_patience=2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--eval_strategy", "epochs"], "argument --eval_strategy: invalid choice: 'epochs' (choose from"),
        (["--fp16", "maybe"], "argument --fp16: 'maybe' is neither true nor false"),
        (["--seed", "x"], "argument --seed: invalid int value: 'x'"),
    ],
)
def test_a_value_that_a_flag_does_not_take_is_named(words, message, capsys):
    assert main(["train", "--output_dir", "out", *words]) == 2
    assert message in capsys.readouterr().err


def test_presets_of_train():
    _, (_, *_, model_args), settings = train.parse(["--output_dir", "out", "--preset", "quick", "--learning_rate", "1"])
    assert model_args.model_name_or_path == "sentence-transformers/all-MiniLM-L6-v2"
    assert model_args.max_length == 256
    assert (settings["load_best_model_at_end"], settings["metric_for_best_model"]) == (True, "qwk")
    assert settings["learning_rate"] == 1  # the flag over the preset
    _, (_, *_, model_args), settings = train.parse(["--output_dir", "out"])
    assert (model_args.model_name_or_path, settings["num_train_epochs"]) == ("bert-base-uncased", 20)
    settings = settings_of("--preset", "quick", "--freeze_encoder")
    assert (settings["save_strategy"], settings["load_best_model_at_end"]) == ("no", False)
    BLVTrainingArguments(**settings)
