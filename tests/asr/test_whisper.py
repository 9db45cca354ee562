import pickle
import threading

import numpy as np
import pytest
import torch

from blv_trainer.asr.batch_size import BatchSize
from blv_trainer.asr.whisper import OpenAIWhisper, check_model, load_whisper
from blv_trainer.asr.whisper_batches import BatchDecoder
from blv_trainer.asr.whisper_rows import RowDecoder
from blv_trainer.asr.whisper_slots import SlotDecoder
from blv_trainer.asr.whisper_windows import _FileInFlight, transcribe_in_flight

FAST = {"language": "en", "temperature": 0.0, "sample_len": 6, "fp16": False, "condition_on_previous_text": False}


def test_a_checkpoint_is_transcribed_with(checkpoint, sounds):
    backend = OpenAIWhisper(str(checkpoint), language="English", batch_size=2, temperature=0.0, sample_len=6)
    outcomes = dict(backend.transcribe(sounds))
    assert outcomes.keys() == dict(sounds).keys()
    assert {outcome["language"] for outcome in outcomes.values()} == {"en"}


def test_files_are_drawn_only_when_there_is_room(checkpoint, make_noise):
    drawn, finished = [], 0
    backend = OpenAIWhisper(str(checkpoint), language="en", batch_size=2, temperature=0.0, sample_len=6)

    def files():
        for i in range(6):
            drawn.append(i)
            yield str(i), make_noise(1, i)

    for _ in backend.transcribe(files()):
        finished += 1
        assert len(drawn) - finished <= 2
    assert finished == 6


def test_a_file_that_fails_stops_no_other(whisper_model, make_noise):
    files = [("good", make_noise(1, 0)), ("bad", np.zeros((2, 2, 2), "float32")), ("also good", make_noise(1, 1))]
    outcomes = dict(transcribe_in_flight(files, RowDecoder(whisper_model, 2), whisper_model, **FAST))
    assert isinstance(outcomes["bad"], Exception)
    assert outcomes["good"]["segments"]
    assert outcomes["also good"]["segments"]


def test_an_official_name_comes_before_a_file_of_that_name(whisper_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").write_text("notes")
    monkeypatch.setattr("whisper.load_model", lambda name, device: whisper_model)
    assert load_whisper("tiny") is whisper_model
    assert OpenAIWhisper("tiny").describe()["weights"] is None

    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("whisper.load_model", unreachable)
    with pytest.raises(OSError, match="the weights of 'tiny' cannot be fetched"):
        load_whisper("tiny")


def test_stopping_early_ends_the_files_in_flight(whisper_model, make_noise, monkeypatch):
    made = []
    initialise = _FileInFlight.__init__
    monkeypatch.setattr(
        _FileInFlight, "__init__", lambda self, *args, **kwargs: made.append(self) or initialise(self, *args, **kwargs)
    )
    files = [(str(i), make_noise(1, i)) for i in range(5)]
    outcomes = transcribe_in_flight(files, RowDecoder(whisper_model, 4), whisper_model, **FAST)
    next(outcomes)
    assert not all(file.dead for file in made)
    outcomes.close()
    assert all(file.dead for file in made)


def test_files_in_flight_add_no_threads(whisper_model, make_noise):
    """Each would bring a team of torch's own, and every parallel product of a step would wait for a sleeping worker."""
    before = threading.active_count()
    files = [(str(i), make_noise(1, i)) for i in range(3)]
    for _ in transcribe_in_flight(files, RowDecoder(whisper_model, 2), whisper_model, **FAST):
        assert threading.active_count() == before


@pytest.mark.parametrize("number", [1, 2])
def test_word_timestamps_leave_the_number_of_threads_as_it_was(number, whisper_model, make_noise):
    """numba, which aligns words, sets OpenMP's number of threads, which is torch's too."""
    torch.set_num_threads(number)
    files = [("a", make_noise(1, 0))]
    list(transcribe_in_flight(files, RowDecoder(whisper_model, 1), whisper_model, word_timestamps=True, **FAST))
    assert torch.get_num_threads() == number


def test_an_interruption_inside_a_file_reaches_the_caller(whisper_model, make_noise, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_FileInFlight, "park", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(transcribe_in_flight([("a", make_noise(1, 0))], RowDecoder(whisper_model, 1), whisper_model, **FAST))


def test_a_batch_that_memory_does_not_suffice_for_is_halved_until_it_does(whisper_model, make_noise, monkeypatch):
    files = [(str(i), make_noise(1, i)) for i in range(8)]
    expected = dict(transcribe_in_flight(files, RowDecoder(whisper_model, 1), whisper_model, **FAST))
    sizes = []
    decode = BatchDecoder._decode

    def hungry(self, group):
        sizes.append(len(group))
        if len(group) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        decode(self, group)

    monkeypatch.setattr(BatchDecoder, "_decode", hungry)
    decoder = BatchDecoder(whisper_model, BatchSize(2, limit=64))
    outcomes = dict(transcribe_in_flight(files, decoder, whisper_model, **FAST))
    assert {name: outcome["text"] for name, outcome in outcomes.items()} == {
        name: outcome["text"] for name, outcome in expected.items()
    }
    assert max(sizes) == 4
    assert sizes.count(4) == 1


def test_a_window_too_large_for_the_memory_fails_its_file_only(whisper_model, make_noise, monkeypatch):
    def full(self, group):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(BatchDecoder, "_decode", full)
    decoder = BatchDecoder(whisper_model, BatchSize(4, limit=4))
    outcomes = dict(transcribe_in_flight([("a", make_noise(1, 0))], decoder, whisper_model, **FAST))
    assert isinstance(outcomes["a"], torch.OutOfMemoryError)


def test_a_rare_kind_of_window_is_not_passed_over_for_ever(whisper_model):
    from blv_trainer.asr.whisper_windows import Window

    decoder = BatchDecoder(whisper_model, BatchSize(2, limit=2))
    rare = Window(torch.zeros(80, 3_000), None, seed=0)
    common = [Window(torch.zeros(80, 3_000), "other options", seed=0) for _ in range(20)]
    for window in (rare, *common):
        decoder.submit(window)
    groups = [decoder._next_group() for _ in range(6)]
    assert any(rare in group for group in groups)


def test_rows_refuse_beams(whisper_model, make_noise):
    files = [("a", make_noise(1, 0))]
    with pytest.raises(ValueError, match="rows have one sample each; decode beam_size or best_of in batches"):
        list(transcribe_in_flight(files, RowDecoder(whisper_model, 1), whisper_model, beam_size=2, **FAST))


@pytest.mark.parametrize("packed", [True, False])
def test_one_step_for_rows_of_unequal_length_gives_the_models_own_logits(whisper_model, monkeypatch, packed):
    if not packed:
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 1_500, 64, generator=generator)
    rows = [torch.randint(50_000, (length,), generator=generator).tolist() for length in (9, 4, 6)]
    decoder = SlotDecoder(whisper_model, 3)
    for tokens, feature in zip(rows, features, strict=True):
        decoder.add(tokens[:-1], feature)
    decoder.remove(0, last_length=5)  # the last row, with 5 tokens in its cache, takes its slot
    rows, features = [rows[2], rows[1]], features[[2, 1]]
    logits = decoder.advance([tokens[-1] for tokens in rows], [len(tokens) - 1 for tokens in rows])
    with torch.no_grad():
        for row, tokens, feature in zip(logits, rows, features, strict=True):
            expected = whisper_model.decoder(torch.tensor([tokens]), feature[None])[0, -1]
            torch.testing.assert_close(row, expected, atol=1e-4, rtol=0)


def test_the_description_names_what_decides_the_words_and_nothing_else(checkpoint):
    def describe(**options):
        return OpenAIWhisper(str(checkpoint), **options).describe()

    assert describe() == describe(batch_size=3, device="cpu")
    assert describe() != describe(language="en")
    assert describe() != describe(initial_prompt="Jobs.")
    assert describe() != describe(seed=1)


def test_changed_weights_change_the_description(checkpoint, tmp_path):
    path = tmp_path / "miniature.pt"
    path.write_bytes(checkpoint.read_bytes())
    before = OpenAIWhisper(str(path)).describe()
    content = torch.load(path, weights_only=True)
    content["model_state_dict"]["decoder.ln.bias"] += 1
    torch.save(content, path)
    assert OpenAIWhisper(str(path)).describe() != before


def test_a_checkpoint_that_holds_more_than_weights_is_refused(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (print, ("run while loading",))

    path = tmp_path / "model.pt"
    with open(path, "wb") as file:
        pickle.dump(Harmful(), file)
    with pytest.raises(ValueError, match=r"model\.pt is no Whisper checkpoint"):
        load_whisper(str(path))


@pytest.mark.parametrize(
    "content",
    [{"weights": 1}, {"dims": {"n_mels": 80}, "model_state_dict": {}}, []],
    ids=["other keys", "dims missing", "list"],
)
def test_a_file_that_is_no_whisper_checkpoint_is_named(tmp_path, content):
    path = tmp_path / "model.pt"
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"model\.pt is no Whisper checkpoint"):
        load_whisper(str(path))


def test_an_unknown_model_is_named_with_the_nearest():
    with pytest.raises(ValueError, match=r"'large-v9' is unknown. Choose from: .*tiny.* Did you mean 'large-v"):
        check_model("large-v9")
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint file gone\.pt \(looked in "):
        check_model("gone.pt")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "Englsh"}, "language='Englsh' is unknown to Whisper.*Did you mean 'english'"),
        ({"batch_size": 0}, "batch_size=0 cannot be used: give a number from 1 up, or 'auto'"),
        ({"temprature": 0}, "option 'temprature' of openai-whisper is unknown. Did you mean 'temperature'"),
        ({"fp16": True, "device": "cpu"}, "fp16=True needs a GPU"),
        ({"device": "tpu0"}, "device='tpu0' cannot be used: give 'cpu', 'cuda', 'cuda:1'"),
        ({"device": "cuda:99"}, "device='cuda:99' cannot be used: torch finds .* GPU"),
    ],
)
def test_options_that_cannot_be_used_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        OpenAIWhisper("tiny", **options)
