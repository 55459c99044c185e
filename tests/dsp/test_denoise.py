"""Oracle: noisereduce 3.0.3, its default gate."""

import noisereduce
import numpy as np
import pytest
import tensorflow as tf

from keras_ser.dsp.denoise import CHUNK_SIZE, denoise
from tests.harness import generated, padded, recordings

# noisereduce divides 0 by 0 where a bin is silent throughout.
HEARD = {name: y for name, y in generated().items() if name not in ("silence", "impulse")}


def check(signals, sample_rate=16000, **options):
    waveform, lengths = padded(signals)
    found = denoise(waveform, sample_rate=sample_rate, lengths=lengths, **options).numpy()
    for row, y in zip(found, signals.values(), strict=True):
        expected = noisereduce.reduce_noise(y, sr=sample_rate, **options)
        np.testing.assert_allclose(row[: len(y)], expected, rtol=0, atol=1e-5)
        assert not row[len(y) :].any()


def test_recordings(real_data):
    check(recordings(real_data))


def test_generated_signals():
    check(HEARD)


@pytest.mark.parametrize(
    "options",
    [
        {"prop_decrease": 0.6},
        {"time_constant_s": 0.3, "thresh_n_mult_nonstationary": 1, "sigmoid_slope_nonstationary": 3},
        {"thresh_n_mult_nonstationary": -0.5, "sigmoid_slope_nonstationary": 2},
        {"freq_mask_smooth_hz": 900, "time_mask_smooth_ms": 90},
        {"n_fft": 512},
        {"freq_mask_smooth_hz": 40, "time_mask_smooth_ms": 20},  # over one bin and one frame: not at all
    ],
)
def test_other_settings(options):
    check({"noise": HEARD["noise"]}, **options)


def test_another_rate():
    check(HEARD, sample_rate=48000)


@pytest.mark.slow
def test_clips_longer_than_a_chunk_beside_a_short_one(rng):
    t = np.arange(2 * CHUNK_SIZE + 7001) / 16000
    long = (np.sin(2 * np.pi * 300 * t) * (np.sin(5 * t) > 0) * 0.5 + 0.02 * rng.normal(size=t.shape)).astype(
        np.float32
    )
    check(
        {"long": long, "one chunk": long[:CHUNK_SIZE], "one sample more": long[: CHUNK_SIZE + 1], "short": long[:20001]}
    )


def test_silence_stays_silent_beside_speech():
    waveform, lengths = padded({"silence": np.zeros(9000, np.float32), "noise": HEARD["noise"]})
    found = denoise(waveform, sample_rate=16000, lengths=lengths).numpy()
    assert not found[0].any()
    assert np.isfinite(found).all()


@pytest.mark.parametrize("n_samples", [1, 2, 255, 1023])
def test_shortest_clips(n_samples, rng):
    check({"short": rng.normal(size=n_samples).astype(np.float32)})


def test_no_decrease_gives_the_clip_back():
    y = HEARD["chirp"][None]
    np.testing.assert_allclose(denoise(y, sample_rate=16000, prop_decrease=0.0), y, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_alone_and_in_a_graph():
    waveform, lengths = padded(HEARD)
    graph = tf.function(
        lambda waveform, lengths: denoise(waveform, sample_rate=16000, lengths=lengths),
        input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([None], tf.int32)],
    )
    together = graph(waveform, lengths).numpy()
    for row, y in zip(together, HEARD.values(), strict=True):
        np.testing.assert_allclose(denoise(y[None], sample_rate=16000)[0], row[: len(y)], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["freq_mask_smooth_hz", "time_mask_smooth_ms"])
def test_too_little_smoothing(name):
    with pytest.raises(ValueError, match=rf"`{name}` must be at least .* Received: {name}=1"):
        denoise(np.zeros((1, 999), np.float32), sample_rate=16000, **{name: 1})


def test_a_transform_that_has_no_quarter():
    with pytest.raises(ValueError, match=r"`n_fft` must be a multiple of 4\. Received: n_fft=1022"):
        denoise(np.zeros((1, 9000), np.float32), sample_rate=16000, n_fft=1022)
