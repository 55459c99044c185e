"""Oracle: librosa 0.11 with soxr's HQ setting: its lengths exactly, its samples where neither filter cuts."""

import librosa
import numpy as np
import pytest
import tensorflow as tf

from keras_ser import librosa_reference
from keras_ser.dsp.resample import decimate, resample, resample_any
from tests.harness import generated, padded, recordings

RATES = [(48000, 16000), (44100, 16000), (24414, 16000), (16000, 22050), (16000, 16000), (8000, 16000)]


def tone(frequency, sample_rate, seconds=1.0):
    return np.sin(2 * np.pi * frequency * np.arange(int(sample_rate * seconds)) / sample_rate).astype(np.float32)


@pytest.mark.parametrize(("orig_sr", "target_sr"), RATES)
def test_close_to_librosa(orig_sr, target_sr):
    signals = {f: tone(f, orig_sr, 0.5 + f / 9000) for f in (100, 1000, 3000)}
    waveform, lengths = padded(signals)
    found, ends = resample(waveform, orig_sr=orig_sr, target_sr=target_sr, lengths=lengths)
    for row, end, y in zip(found.numpy(), ends.numpy(), signals.values(), strict=True):
        expected = librosa.resample(y, orig_sr=orig_sr, target_sr=target_sr)
        assert end == len(expected)
        assert not row[end:].any()
        inside = slice(300, end - 300)  # the ends ring differently
        np.testing.assert_allclose(row[inside], expected[inside], rtol=0, atol=1e-4)


def test_recordings(real_data):
    for y in recordings(real_data, n=2).values():
        found, _ = resample(y[None], orig_sr=48000, target_sr=16000)
        expected = librosa.resample(y, orig_sr=48000, target_sr=16000)
        assert np.corrcoef(found[0], expected)[0, 1] > 0.999


@pytest.mark.slow
@pytest.mark.parametrize(("orig_sr", "target_sr"), [(48000, 16000), (24414, 16000)])
def test_what_the_new_rate_cannot_hold_is_removed(orig_sr, target_sr):
    for frequency in (8500, 9500, 11000):
        found, _ = resample(tone(frequency, orig_sr)[None], orig_sr=orig_sr, target_sr=target_sr)
        assert abs(found[0, 300:-300]).numpy().max() < 1e-4  # 80 dB below


@pytest.mark.slow
@pytest.mark.parametrize(("orig_sr", "target_sr"), RATES)
def test_alone_and_in_a_graph(orig_sr, target_sr):
    signals = {name: y[:7000] for name, y in generated().items() if name in ("quiet", "chirp")}
    signals["chirp"] = signals["chirp"][:5001]
    waveform, lengths = padded(signals)
    graph = tf.function(
        lambda x, n: resample(x, orig_sr=orig_sr, target_sr=target_sr, lengths=n),
        input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([None], tf.int32)],
    )
    together, ends = graph(waveform, lengths)
    for place, y in enumerate(signals.values()):
        alone, end = resample(y[None], orig_sr=orig_sr, target_sr=target_sr)
        assert end == ends[place]
        np.testing.assert_allclose(alone[0], together[place, : ends[place]], rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_samples", [1, 2, 3, 100])
def test_shortest_clips(n_samples):
    found, ends = resample(np.ones((1, n_samples), np.float32), orig_sr=48000, target_sr=16000)
    assert found.shape[1] == ends.numpy()[0] == -(-n_samples // 3)


@pytest.mark.slow
@pytest.mark.parametrize("orig_sr", [16000, 48000, 24414, 12345, 37800, 192000, 4000])
def test_a_rate_that_only_the_graph_knows(orig_sr):
    y = 0.5 * generated()["noise"][:6001]
    graph = tf.function(
        lambda x, rate: resample_any(x, rate, target_sr=16000),
        input_signature=[tf.TensorSpec([None]), tf.TensorSpec([], tf.int32)],
    )
    expected, _ = resample(y[None], orig_sr=orig_sr, target_sr=16000)
    found = graph(y, orig_sr)
    assert found.shape == expected[0].shape
    np.testing.assert_allclose(found, expected[0], rtol=0, atol=2e-6)
    eager = resample_any(y, orig_sr, target_sr=16000)
    np.testing.assert_allclose(eager, found, rtol=0, atol=1e-6)


def decimated_by_definition(y, factor):
    """torchaudio's sinc interpolation with a Hann window, one output sample after the other."""
    t = (np.arange(len(y)) - np.arange(0, len(y), factor)[:, None]) * 0.99 / factor  # [samples', samples]
    weights = 0.99 / factor * np.sinc(t) * np.cos(np.pi / 2 * t / 6) ** 2
    return np.where(np.abs(t) < 6, weights, 0.0) @ y.astype(np.float64)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [2, 3, 10])
@pytest.mark.parametrize("n_samples", [1, 9, 10, 11, 4003])
def test_decimation_is_torchaudios(factor, n_samples):
    y = generated()["noise"][:n_samples]
    found, ends = decimate(y[None], factor)
    assert ends.numpy() == [-(-n_samples // factor)]
    np.testing.assert_allclose(found[0], decimated_by_definition(y, factor), rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        librosa_reference.decimate(y, factor), decimated_by_definition(y, factor), rtol=0, atol=1e-6
    )


def test_a_clip_of_the_report_has_its_length():
    found, ends = decimate(np.zeros((1, 274585), np.float32), 10)
    assert found.shape == (1, 27459)
    assert ends.numpy() == [27459]


def test_decimation_keeps_what_is_low_and_removes_what_is_high():
    t = np.arange(48000) / 48000
    for hz, share in ((300, 1.0), (1500, 1.0), (3500, 0.0), (9000, 0.0)):
        y = np.sin(2 * np.pi * hz * t).astype(np.float32)
        level = np.std(decimate(y[None], 10)[0][0, 100:-100])
        assert abs(level - share / np.sqrt(2)) < 0.03
