"""Oracles: NumPy and SciPy on each clip's own frames; signals whose pitch and modulation are known."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_ser.dsp import functionals
from keras_ser.dsp.descriptors import DESCRIPTORS, descriptors, running_sum
from tests.harness import generated, padded

N_MELS = 64


def described(waveform, **options):
    """→ (mel powers, dict descriptor → values), each [batch, frames, …]"""
    found = descriptors(waveform, sample_rate=16000, **options).numpy()
    return found[..., :N_MELS], dict(zip(DESCRIPTORS, np.moveaxis(found[..., N_MELS:], -1, 0), strict=True))


@pytest.mark.parametrize("f0", [70.0, 121.7, 233.0, 410.0])
def test_pitch_of_a_voice(f0):
    t = np.arange(16000) / 16000
    voice = sum(np.sin(2 * np.pi * f0 * k * t) / k for k in range(1, 12)).astype(np.float32) / 4
    _, found = described(voice[None])
    inner = slice(5, -5)
    np.testing.assert_allclose(2.0 ** found["log2_f0"][0, inner], f0, rtol=0.01)
    assert found["voicing"][0, inner].min() > 0.9


def test_noise_and_tone():
    t = np.arange(16000) / 16000
    tone = 0.5 * np.sin(2 * np.pi * 2000 * t)
    noise = np.random.default_rng(0).normal(0, 0.1, 16000)
    _, found = described(np.stack([tone, noise]).astype(np.float32))
    mean = {name: values[:, 5:-5].mean(axis=1) for name, values in found.items()}
    for name in ("centroid", "rolloff_25", "rolloff_50", "rolloff_85"):
        assert mean[name][0] == pytest.approx(2.0, abs=0.05), name
    assert mean["centroid"][1] == pytest.approx(4.0, abs=0.3)  # in the middle of a white spectrum
    assert mean["rolloff_25"][1] == pytest.approx(2.0, abs=0.3)
    assert mean["bandwidth"][0] < 0.1 < 2.0 < mean["bandwidth"][1]
    assert mean["flatness"][0] < 0.01 < 0.4 < mean["flatness"][1]
    assert mean["flux"][0] < 0.01 < mean["flux"][1]
    assert mean["zero_crossing_rate"] == pytest.approx([0.25, 0.5], abs=0.01)
    assert mean["voicing"][1] < functionals.VOICED
    np.testing.assert_allclose(mean["log_energy"], np.log([0.125, 0.01]), atol=0.05)


@pytest.mark.slow
def test_a_clip_is_described_alike_alone_and_in_a_batch():
    signals = generated()
    waveform, lengths = padded(signals)
    frames = descriptors(waveform, sample_rate=16000, lengths=lengths)
    together = functionals.of_speech(frames, N_MELS, 1 + lengths // 160).numpy()
    assert np.isfinite(together).all()
    for row, n, of_batch, y in zip(frames.numpy(), 1 + lengths // 160, together, signals.values(), strict=True):
        alone = descriptors(y[None], sample_rate=16000)
        np.testing.assert_allclose(row[:n], alone[0], rtol=0, atol=1e-4)
        assert not row[n:].any()
        np.testing.assert_allclose(of_batch, functionals.of_speech(alone, N_MELS, None)[0], rtol=1e-4, atol=2e-3)


@settings(deadline=None, max_examples=30)
@given(st.integers(3, 30), st.integers(0, 2**32 - 1))
def test_statistics_are_those_of_the_frames_that_count(n_frames, seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(1, n_frames + 3, 2)).astype(np.float32)
    mask = np.arange(n_frames + 3)[None] < n_frames
    found = functionals.statistics(features, mask).numpy().reshape(len(functionals.STATISTICS), 2)
    found = dict(zip(functionals.STATISTICS, found, strict=True))
    own = features[0, :n_frames].astype(np.float64)
    position = np.linspace(-1, 1, n_frames)[:, None]
    low, least, first, middle, third, most, high = np.quantile(own, functionals.QUANTILES, axis=0)
    expected = {
        "mean": own.mean(axis=0),
        "deviation": own.std(axis=0),
        "skewness": scipy.stats.skew(own),
        "kurtosis": scipy.stats.kurtosis(own, fisher=False),
        "quantile_01": low,
        "quantile_25": first,
        "quantile_50": middle,
        "quantile_75": third,
        "quantile_99": high,
        "range_50": third - first,
        "range_90": most - least,
        "range_98": high - low,
        "slope": ((own - own.mean(axis=0)) * position).mean(axis=0),
        "change": np.abs(np.diff(own, axis=0)).mean(axis=0),
    }
    assert list(expected) == list(functionals.STATISTICS)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-3, atol=1e-4, err_msg=name)


def test_frames_sorted_once_serve_every_mask(rng):
    features = np.round(rng.normal(size=(2, 40, 3)), 1).astype(np.float32)  # some are alike
    inside = np.arange(40) < np.array([[40], [29]])
    some = inside & (rng.random((2, 40)) < 0.5)
    none = np.zeros_like(some)
    masks = np.stack([inside, some, none], axis=2).astype(np.float32)
    found = functionals._statistics(features, functionals._sorted(features, inside), masks, [(0, 3), (1, 3), (0, 1)])
    parts = zip((inside, some, none), (slice(0, 3), slice(1, 3), slice(0, 1)), strict=True)
    alone = [functionals.statistics(features[..., own], mask) for mask, own in parts]
    alone = [np.reshape(values, (2, len(functionals.STATISTICS), -1)) for values in alone]
    np.testing.assert_allclose(found, np.concatenate(alone, axis=2), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 1), (3, 32), (2, 3, 257)])
def test_running_sums(shape, rng):
    values = rng.random(shape).astype(np.float32)
    found = running_sum(values).numpy()
    np.testing.assert_allclose(found[..., : shape[-1]], np.cumsum(values, axis=-1), rtol=1e-5)
    np.testing.assert_allclose(
        found[..., shape[-1] :], values.sum(axis=-1, keepdims=True) + 0 * found[..., shape[-1] :], rtol=1e-5
    )


def test_change_does_not_reach_over_a_gap():
    features = np.array([0.0, 1.0, 9.0, 5.0, 5.0], np.float32)[None, :, None]
    mask = np.array([[True, True, False, True, True]])
    found = dict(zip(functionals.STATISTICS, functionals.statistics(features, mask).numpy()[0], strict=True))
    assert found["change"] == pytest.approx(0.5)  # (|1 - 0| + |5 - 5|) / 2
    assert found["slope"] == pytest.approx(np.mean((np.array([0, 1, 5, 5]) - 2.75) * np.linspace(-1, 1, 4)))


def test_a_clip_of_which_no_frame_counts_has_zeros():
    features = np.ones((1, 4, 3), np.float32)
    assert not functionals.statistics(features, np.zeros((1, 4), bool)).numpy().any()


@pytest.mark.parametrize(("hertz", "band"), [(1.2, 0), (4.0, 2), (8.0, 4), (20.0, 6)])
def test_modulation_is_found_in_its_band(hertz, band):
    frames = np.arange(300) / 100
    course = np.sin(2 * np.pi * hertz * frames)[None, :, None].astype(np.float32)
    found = functionals.modulation_spectrum(course, np.array([300])).numpy()[0]
    assert found.argmax() == band
    assert np.sort(found)[-1] - np.median(found) > 3
