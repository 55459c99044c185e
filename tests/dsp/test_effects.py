"""Oracle: librosa 0.11. The stretch is librosa's to rounding, the shift but for its resampler."""

import librosa
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_ser.dsp.effects import pitch_shift, time_stretch
from tests.harness import generated, padded, recordings

# The vocoder carries the phase of every bin from frame to frame. Where a bin holds nothing but rounding noise, so is
# its phase from then on, in librosa as here: signals to compare must have something in every bin.
SIGNALS = generated()
SOUNDS = {
    "chirp in noise": SIGNALS["chirp"] + 0.05 * SIGNALS["noise"],
    "loud then silent": SIGNALS["loud then silent"],
    "quiet": SIGNALS["quiet"],
}


def similarity(a, b):
    return np.corrcoef(a, b)[0, 1]


def check_stretch(signals, rates):
    waveform, lengths = padded(signals)
    found, ends = time_stretch(waveform, np.float32(rates), lengths=lengths)
    for row, end, y, rate in zip(found.numpy(), ends.numpy(), signals.values(), np.float32(rates), strict=True):
        expected = librosa.effects.time_stretch(y, rate=float(rate))
        assert end == len(expected)
        assert not row[end:].any()
        assert similarity(row[:end], expected) > 0.999


def check_shift(signals, steps):
    waveform, lengths = padded(signals)
    found = pitch_shift(waveform, np.float32(steps), sample_rate=16000, lengths=lengths).numpy()
    for row, y, n_steps in zip(found, signals.values(), steps, strict=True):
        expected = librosa.effects.pitch_shift(y, sr=16000, n_steps=n_steps)
        assert not row[len(y) :].any()
        assert similarity(row[: len(y)], expected) > 0.999


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_recordings(real_data, seed):
    signals, rng = recordings(real_data), np.random.default_rng(seed)
    check_stretch(signals, rng.uniform(0.8, 1.25, len(signals)))
    check_shift(signals, rng.uniform(-4, 4, len(signals)))


def test_generated_signals():
    check_stretch(SOUNDS, [0.8, 1.21, 1.0])
    check_shift({"chirp in noise": SOUNDS["chirp in noise"]}, [-3.0])


@pytest.mark.slow
@settings(max_examples=20)
@given(st.integers(1, 9000), st.floats(0.5, 2.0))
def test_a_stretched_clip_lasts_its_length_over_the_rate(n_samples, rate):
    y = np.sin(np.arange(n_samples, dtype=np.float32) / 9)[None]
    stretched, lengths = time_stretch(y, np.float32([rate]))
    assert lengths.numpy() == [round(n_samples / np.float64(np.float32(rate)))]
    assert stretched.shape[1] == lengths.numpy()[0]
    assert np.isfinite(stretched).all()


def test_nothing_to_do_changes_nothing():
    y = SIGNALS["chirp"][None]
    n = y.shape[1] // 512 * 512  # what the frames cover in full
    stretched, _ = time_stretch(y, np.ones(1, np.float32))
    np.testing.assert_allclose(stretched[:, :n], y[:, :n], rtol=0, atol=1e-3)
    shifted = pitch_shift(y, np.zeros(1, np.float32), sample_rate=16000)
    np.testing.assert_allclose(shifted[:, 100 : n - 100], y[:, 100 : n - 100], rtol=0, atol=1e-2)


@pytest.mark.parametrize(("n_steps", "expected"), [(12, 880), (-12, 220), (7, 659.26), (0, 440)])
def test_semitones(n_steps, expected):
    tone = np.sin(2 * np.pi * 440 * np.arange(32000) / 16000).astype(np.float32)
    shifted = pitch_shift(tone[None], np.float32([n_steps]), sample_rate=16000)[0].numpy()
    spectrum = abs(np.fft.rfft(shifted * np.hanning(len(shifted))))
    assert abs(np.fft.rfftfreq(len(shifted), 1 / 16000)[spectrum.argmax()] - expected) < 1


def test_nothing_folds_over_when_shifted_up():
    tone = np.sin(2 * np.pi * 7000 * np.arange(32000) / 16000).astype(np.float32)
    shifted = pitch_shift(tone[None], np.float32([4]), sample_rate=16000)[0].numpy()  # 8819 Hz: beyond Nyquist
    assert np.std(shifted) < 0.01 * np.std(tone)


def test_nothing_is_heard_above_what_is_shifted_down(real_data):
    for y in recordings(real_data).values():
        shifted = pitch_shift(y[None], np.float32([-3]), sample_rate=16000)[0].numpy()
        power = np.mean(abs(librosa.stft(shifted)) ** 2, axis=1)
        assert power[int(1025 * 2 ** (-3 / 12)) + 16 :].mean() < 1e-8 * power.mean()


@pytest.mark.slow
def test_alone_and_in_a_graph():
    waveform, lengths = padded(SOUNDS)
    parameter = np.float32([0.9, 1.1, 1.2])
    signature = [tf.TensorSpec([None, None]), tf.TensorSpec([None]), tf.TensorSpec([None], tf.int32)]
    stretch = tf.function(lambda x, rate, n: time_stretch(x, rate, lengths=n), input_signature=signature)
    shift = tf.function(
        lambda x, n_steps, n: pitch_shift(x, n_steps, sample_rate=16000, lengths=n), input_signature=signature
    )
    stretched, ends = stretch(waveform, parameter, lengths)
    shifted = shift(waveform, parameter, lengths)
    for place, y in enumerate(SOUNDS.values()):
        alone, _ = time_stretch(y[None], parameter[place : place + 1])
        np.testing.assert_allclose(alone[0], stretched[place, : ends[place]], rtol=0, atol=2e-4)
        alone = pitch_shift(y[None], parameter[place : place + 1], sample_rate=16000)
        np.testing.assert_allclose(alone[0], shifted[place, : len(y)], rtol=0, atol=2e-4)


def test_silence_stays_silent():
    silence = np.zeros((2, 5000), np.float32)
    assert not time_stretch(silence, np.float32([0.8, 1.2]))[0].numpy().any()
    assert not pitch_shift(silence, np.float32([-3, 3]), sample_rate=16000).numpy().any()


def test_a_shift_needs_an_even_transform():
    with pytest.raises(ValueError, match=r"`n_fft` must be even\. Received: n_fft=2047"):
        pitch_shift(np.zeros((1, 9000), np.float32), [1.0], sample_rate=16000, n_fft=2047)
