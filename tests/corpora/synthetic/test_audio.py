import numpy as np
import pytest

from blv_trainer.corpora.synthetic.audio import SAMPLE_RATE, speech_like


@pytest.fixture(scope="module")
def signal():
    return speech_like(20.0, pitch_hz=120.0, seed=1)


def test_samples_are_in_range_and_of_the_length_asked(signal):
    assert signal.shape == (20 * SAMPLE_RATE,)
    assert signal.dtype == np.float32
    assert np.abs(signal).max() == pytest.approx(0.7, abs=1e-3)


def test_energy_lies_where_speech_has_it(signal):
    power = np.abs(np.fft.rfft(signal)) ** 2
    frequencies = np.fft.rfftfreq(len(signal), 1 / SAMPLE_RATE)
    assert power[(frequencies > 80) & (frequencies < 4000)].sum() > 0.98 * power.sum()


def test_loudness_rises_and_falls_at_the_rate_of_syllables(signal):
    frames = np.sqrt((signal.reshape(-1, SAMPLE_RATE // 50) ** 2).mean(axis=1))  # 20 ms
    modulation = np.abs(np.fft.rfft(frames - frames.mean()))
    rates = np.fft.rfftfreq(len(frames), 0.02)
    assert 1.5 < (modulation * rates).sum() / modulation.sum() < 12
    assert (frames < 0.1 * frames.max()).mean() > 0.1  # pauses


def test_seed_decides():
    assert np.array_equal(speech_like(0.5, seed=3), speech_like(0.5, seed=3))
    assert not np.array_equal(speech_like(0.5, seed=3), speech_like(0.5, seed=4))


def test_nothing_is_a_signal_of_no_samples():
    assert speech_like(0.0).shape == (0,)
