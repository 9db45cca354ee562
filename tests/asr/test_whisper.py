import dataclasses
import threading
from unittest.mock import DEFAULT, Mock

import numpy as np
import pytest
import torch
from whisper.model import ModelDimensions, Whisper

from blv_trainer.asr import build_backend
from blv_trainer.asr.whisper import OpenAIWhisper, load_whisper
from blv_trainer.asr.whisper_batches import BatchDecoder
from blv_trainer.asr.whisper_rows import RowDecoder
from blv_trainer.asr.whisper_slots import SlotDecoder
from blv_trainer.asr.whisper_windows import Window, _FileInFlight, transcribe_in_flight

CHANGES = {"language": "en", "initial_prompt": "Jobs.", "seed": 1}
FAST = {"language": "en", "temperature": 0.0, "sample_len": 6, "fp16": False, "condition_on_previous_text": False}


def together(model, files, decoder=None, **options):
    decoder = decoder or RowDecoder(model, 2)
    return transcribe_in_flight(files, decoder, model, **FAST, **options)


def test_files_are_drawn_only_when_there_is_room_and_add_no_threads(whisper_model, make_noise):
    """A thread for each file would bring a team of torch's own, and every product of a step would wait for a worker."""
    list(together(whisper_model, [("a", make_noise(1, 0))]))  # tqdm starts its one
    drawn, finished, threads = [], 0, threading.active_count()

    def files():
        for i in range(6):
            drawn.append(i)
            yield str(i), make_noise(1, i)

    for _ in together(whisper_model, files()):
        finished += 1
        assert len(drawn) - finished <= 2
        assert threading.active_count() == threads
    assert finished == 6


def test_a_file_that_fails_stops_no_other(whisper_model, make_noise):
    files = [("good", make_noise(1, 0)), ("bad", np.zeros((2, 2, 2), "float32")), ("also good", make_noise(1, 1))]
    results = dict(together(whisper_model, files))
    assert isinstance(results["bad"], Exception)
    assert results["good"]["segments"]
    assert results["also good"]["segments"]


@pytest.mark.parametrize("clips", ["0,9", [0.25, 1.2], [5, 7]])
def test_a_clip_beyond_the_end_of_a_sound_ends_with_it(whisper_model, make_noise, clips):
    decoder = RowDecoder(whisper_model, 1)
    decoder.submit = Mock(wraps=decoder.submit, side_effect=[DEFAULT])  # of whisper's own loop there was no end
    ((_, result),) = together(whisper_model, [("a", make_noise(1, 0))], decoder, clip_timestamps=clips)
    assert bool(result["segments"]) == decoder.submit.called == (clips != [5, 7])


@pytest.fixture
def spoils_silence(whisper_model):
    """Has the encoder make nan of silent windows."""

    def spoil(encoder, args, features):
        silent = args[0][:, :, :50].std(dim=(1, 2)) < 1e-6
        return features.masked_fill(silent[:, None, None], torch.nan)

    handle = whisper_model.encoder.register_forward_hook(spoil)
    yield
    handle.remove()


SILENT_THIRD = ["0", "1", "silent", "3"]


@pytest.mark.usefixtures("spoils_silence")
@pytest.mark.parametrize("make_decoder", [RowDecoder, BatchDecoder])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_a_file_of_which_the_model_makes_nan_fails_alone(whisper_model, make_noise, make_decoder, temperature):
    files = [(name, make_noise(1, 0) * (name != "silent")) for name in SILENT_THIRD]
    options = {**FAST, "temperature": temperature}
    results = dict(transcribe_in_flight(files, make_decoder(whisper_model, 3), whisper_model, **options))
    assert "nan" in str(results["silent"])
    assert all(results[name]["segments"] for name in SILENT_THIRD if name != "silent")


@pytest.mark.parametrize("make_decoder", [RowDecoder, BatchDecoder])
def test_a_window_that_the_decoder_fails_on_stops_no_other(whisper_model, make_noise, monkeypatch, make_decoder):
    def failing(encoder, args):
        if (args[0][:, :, :50].std(dim=(1, 2)) < 1e-6).any():
            raise RuntimeError("no such kernel")

    files = [(name, make_noise(1, 0) * (name != "silent")) for name in SILENT_THIRD]
    handle = whisper_model.encoder.register_forward_pre_hook(failing)
    try:
        results = dict(together(whisper_model, files, make_decoder(whisper_model, 3)))
    finally:
        handle.remove()
    assert str(results["silent"]) == "no such kernel"
    assert all(results[name]["segments"] for name in SILENT_THIRD if name != "silent")


@pytest.mark.parametrize("make_decoder", [RowDecoder, BatchDecoder])
def test_sampled_texts_depend_on_seed_and_sound_and_on_nothing_else(whisper_model, make_noise, make_decoder):
    sounds = [make_noise(2, seed) for seed in range(4)]
    options = {**FAST, "temperature": 0.9}

    def texts(order, names, slots, seed=0):
        files = [(names[i], sounds[i]) for i in order]
        done = dict(
            transcribe_in_flight(files, make_decoder(whisper_model, slots), whisper_model, seed=seed, **options)
        )
        return [done[name]["text"] for name in names]

    first = texts((0, 1, 2, 3), "abcd", 4)
    torch.rand(7)
    assert texts((3, 1, 0, 2), "wxyz", 1) == first
    assert texts((0, 1, 2, 3), "abcd", 4, seed=1) != first


def test_an_official_name_comes_before_a_file_of_that_name(whisper_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").write_text("notes")
    monkeypatch.setattr("whisper.load_model", lambda name, device: whisper_model)
    assert load_whisper("tiny") is whisper_model
    assert OpenAIWhisper("tiny").describe()["weights"] is None

    monkeypatch.setattr("whisper.load_model", Mock(side_effect=OSError("no network")))
    with pytest.raises(OSError, match="the weights of 'tiny' cannot be fetched"):
        load_whisper("tiny")


def test_stopping_early_ends_the_files_in_flight(whisper_model, make_noise, monkeypatch):
    made, park = set(), _FileInFlight.park
    monkeypatch.setattr(_FileInFlight, "park", lambda self, *args: made.add(self) or park(self, *args))
    files = [(str(i), make_noise(1, i)) for i in range(5)]
    results = together(whisper_model, files)
    next(results)
    assert not all(file.dead for file in made)
    results.close()
    assert all(file.dead for file in made)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_word_timestamps_leave_the_number_of_threads_as_it_was(number, whisper_model, make_noise):
    """numba, which aligns words, sets OpenMP's number of threads, which is torch's too."""
    torch.set_num_threads(number)
    list(together(whisper_model, [("a", make_noise(1, 0))], word_timestamps=True))
    assert torch.get_num_threads() == number


def test_an_interruption_inside_a_file_reaches_the_caller(whisper_model, make_noise, monkeypatch):
    monkeypatch.setattr(_FileInFlight, "park", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        list(together(whisper_model, [("a", make_noise(1, 0))]))


def test_a_batch_that_memory_does_not_suffice_for_is_halved_until_it_does(whisper_model, make_noise, monkeypatch):
    files = [(str(i), make_noise(1, i)) for i in range(6)]
    expected = dict(together(whisper_model, files))
    sizes = []
    decode = BatchDecoder._decode

    def hungry(self, group):
        sizes.append(len(group))
        if len(group) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        decode(self, group)

    monkeypatch.setattr(BatchDecoder, "_decode", hungry)
    results = dict(together(whisper_model, files, BatchDecoder(whisper_model, 2, limit=64)))
    assert all(results[name]["text"] == result["text"] for name, result in expected.items())
    assert max(sizes) == 4
    assert sizes.count(4) == 1


def test_a_window_too_large_for_the_memory_fails_its_file_only(whisper_model, make_noise, monkeypatch):
    full = torch.OutOfMemoryError("CUDA out of memory")
    monkeypatch.setattr(BatchDecoder, "_decode", Mock(side_effect=full))
    decoder = BatchDecoder(whisper_model, 4)
    assert dict(together(whisper_model, [("a", make_noise(1, 0))], decoder)) == {"a": full}


def test_a_rare_kind_of_window_is_not_passed_over_for_ever(whisper_model):
    decoder = BatchDecoder(whisper_model, 2)
    rare = Window(torch.zeros(80, 3_000), None, seed=0)
    common = [Window(torch.zeros(80, 3_000), "other options", seed=0) for _ in range(20)]
    for window in (rare, *common):
        decoder.submit(window)
    groups = [decoder._next_group() for _ in range(6)]
    assert any(rare in group for group in groups)


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


def test_a_checkpoint_is_loaded_on_first_use(checkpoint, make_noise):
    backend = OpenAIWhisper(str(checkpoint), language="English", temperature=0.0, sample_len=6)
    [(name, result)] = backend.transcribe([("a", make_noise(1, 0))])
    assert (name, result["language"]) == ("a", "en")


def test_weights_that_are_no_numbers_are_said_once_before_anything_is_transcribed(whisper_model, tmp_path):
    weights = {name: weight.clone() for name, weight in whisper_model.state_dict().items()}
    weights["decoder.ln.bias"][3] = torch.nan
    torch.save({"dims": dataclasses.asdict(whisper_model.dims), "model_state_dict": weights}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"model\.pt is no Whisper checkpoint.*weights are nan or infinite"):
        load_whisper(str(tmp_path / "model.pt"))


def test_weights_that_know_english_only_are_refused_for_another_language(tmp_path, make_noise):
    with pytest.raises(ValueError, match=r"language='de' cannot be used with tiny\.en, which knows English only"):
        build_backend("openai-whisper", "tiny.en", language="de")
    assert build_backend("openai-whisper", "tiny.en", language="English").describe()["language"] == "en"
    model = Whisper(ModelDimensions(80, 1500, 16, 2, 1, 51864, 448, 16, 2, 1))
    torch.nn.init.zeros_(model.decoder.positional_embedding)
    content = {"dims": dataclasses.asdict(model.dims), "model_state_dict": model.state_dict()}
    torch.save(content, tmp_path / "english.pt")
    backend = build_backend("openai-whisper", str(tmp_path / "english.pt"), language="de")
    with pytest.raises(ValueError, match=r"language='de' cannot be used: .*english\.pt knows English only"):
        next(backend.transcribe([("a", make_noise(1, 0))]))


def test_the_description_names_what_decides_the_words_and_nothing_else(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(b"weights")

    def describe(**options):
        return OpenAIWhisper(str(path), **options).describe()

    before = describe()
    assert before == describe(batch_size=3, device="cpu")
    assert all(before != describe(**{option: value}) for option, value in CHANGES.items())
    path.write_bytes(b"others")
    assert before != describe()


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "large-v9"}, "'large-v9' is unknown. Choose from: .*tiny.* Did you mean 'large-v"),
        ({"model": "gone.pt"}, r"there is no checkpoint file gone\.pt \(looked in "),
        ({"language": "Englsh"}, "language='Englsh' is unknown to Whisper.*Did you mean 'english'"),
        ({"batch_size": 0}, "batch_size=0 cannot be used: give a number from 1 up, or 'auto'"),
        ({"temprature": 0}, "option 'temprature' of openai-whisper is unknown. Did you mean 'temperature'"),
        ({"fp16": True, "device": "cpu"}, "fp16=True needs a GPU"),
        ({"device": "tpu0"}, "device='tpu0' cannot be used: give 'cpu', 'cuda', 'cuda:1'"),
        ({"device": "cuda:99"}, "device='cuda:99' cannot be used: torch finds .* GPU"),
    ],
)
def test_options_that_cannot_be_used_are_named(options, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        OpenAIWhisper(**{"model": "tiny", **options})
