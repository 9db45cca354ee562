import threading

import pytest
import torch

from blv_trainer.asr.whisper_features import FeatureQueue
from blv_trainer.asr.whisper_windows import Window


@pytest.fixture
def windows():
    torch.manual_seed(0)
    return [Window(torch.randn(80, 3_000), None, seed) for seed in range(3)]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_windows_come_back_in_order_with_the_features_of_the_encoder(whisper_model, windows, threads):
    queue = FeatureQueue(whisper_model, threads)
    for window in windows:
        queue.put(window)
    taken = [queue.take(wait=True) for _ in windows]
    queue.close()
    assert taken == windows
    for window in windows:
        expected = whisper_model.encoder(window.mel[None])[0]
        assert torch.allclose(window.features, expected, atol=1e-5)


def test_nothing_is_taken_before_it_is_ready_unless_waited_for(whisper_model, windows, monkeypatch):
    may_encode = threading.Event()
    encoder = whisper_model.encoder.forward
    monkeypatch.setattr(whisper_model.encoder, "forward", lambda mel: may_encode.wait() and encoder(mel))
    queue = FeatureQueue(whisper_model, 2)
    queue.put(windows[0])
    assert queue.take(wait=False) is None
    may_encode.set()
    assert queue.take(wait=True) is windows[0]
    assert queue.take(wait=True) is None
    queue.close()


def test_the_decoder_has_the_other_threads_and_gives_them_back(whisper_model):
    before = torch.get_num_threads()
    queue = FeatureQueue(whisper_model, 3)
    with queue.beside():
        assert torch.get_num_threads() == 2
    queue.close()
    assert torch.get_num_threads() == before


def test_closing_forgets_what_is_not_encoded(whisper_model, windows, monkeypatch):
    may_encode = threading.Event()
    encoder = whisper_model.encoder.forward
    monkeypatch.setattr(whisper_model.encoder, "forward", lambda mel: may_encode.wait() and encoder(mel))
    queue = FeatureQueue(whisper_model, 2)
    for window in windows:
        queue.put(window)
    threading.Timer(0.2, may_encode.set).start()  # the first is under way, and is waited for
    queue.close()
    assert queue.take(wait=True) is None
    assert windows[-1].features is None
