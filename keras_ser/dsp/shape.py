"""Shape of the spectrum: waveform [batch, samples] → [batch, frames], numerically librosa 0.11, and of its bands."""

import functools

import numpy as np
import tensorflow as tf

from keras_ser.dsp.mel import hz_to_mel, mel_to_hz, narrow_filterbank
from keras_ser.dsp.spectrum import hann, own_frames, squared_magnitude

BAND_SHAPES = ("centroid", "bandwidth", "deviation", "energy", "raw_energy")


def spectral_centroid(waveform, *, sample_rate, n_fft=2048, hop_length=512, lengths=None):
    """Mean frequency of each frame in Hz, weighted by magnitude: ``librosa.feature.spectral_centroid``.

    0 where there is no sound, and in frames after the end of a clip. → [batch, frames]
    """
    frames, put_back = own_frames(waveform, n_fft, hop_length, lengths)
    magnitude = tf.abs(tf.signal.rfft(frames * hann(n_fft)))  # [n, bins]
    frequency = np.arange(1 + n_fft // 2) * (sample_rate / n_fft)
    weights = np.stack([np.ones_like(frequency), frequency], axis=1).astype(np.float32)  # [bins, 2]
    total, moment = tf.unstack(tf.matmul(magnitude, weights), axis=-1)
    return put_back(tf.math.divide_no_nan(moment, tf.where(total < np.finfo(np.float32).tiny, 0.0, total)))


def band_shape(
    waveform,
    *,
    kind,
    sample_rate,
    n_fft,
    hop_length,
    n_mels,
    bands,
    unit,
    fmin=0.0,
    fmax=None,
    at_most=None,
    lengths=None,
):
    """Shape of each band of each frame of a mel spectrogram. → [batch, frames, bands]; 0 where a band has no power.

    With S the power of the rows of ``librosa.feature.melspectrogram`` and m their position, sums over the rows of a
    band: "centroid" Σ m S / Σ S; "bandwidth" Σ (m - centroid)² S / Σ S; "deviation" its root; "raw_energy" Σ S;
    "energy" Σ S over that of all bands.

    Args:
        bands: pairs (first, last) of the positions that belong to a band, both included.
        unit: "rows": m is the number of the row, from 0; "hertz": the frequency of its filter's peak (a row between
            the last of a band and the first of the next belongs to the lower).
        at_most: no more frames than this are computed.

    Source: the spectral-features report, section 1. All three sums are linear in the power spectrum, so 3 weights a
    bin and band do for the rows of the mel spectrogram, however many; positions count from the middle of the band, in
    half widths, so that float32 keeps its digits.
    """
    if kind not in BAND_SHAPES:
        raise ValueError(f"`kind` must be one of {BAND_SHAPES}. Received: kind={kind!r}")
    frames, put_back = own_frames(waveform, n_fft, hop_length, lengths, at_most=at_most)
    power = squared_magnitude(tf.signal.rfft(frames * hann(n_fft)))  # [n, bins]
    weights, middle, half = _band_weights(sample_rate, n_fft, n_mels, tuple(map(tuple, bands)), unit, fmin, fmax)
    energy, first, second = tf.split(tf.matmul(power, weights), 3, axis=1)  # [n, bands] each
    if kind == "raw_energy":
        return put_back(energy)
    if kind == "energy":
        return put_back(tf.math.divide_no_nan(energy, tf.reduce_sum(energy, axis=1, keepdims=True)))
    mean = tf.math.divide_no_nan(first, energy)
    if kind == "centroid":
        return put_back(tf.where(energy > 0, middle + half * mean, 0.0))
    variance = tf.maximum(tf.math.divide_no_nan(second, energy) - mean**2, 0.0)
    return put_back(half * tf.sqrt(variance) if kind == "deviation" else half**2 * variance)


@functools.cache
def _band_weights(sample_rate, n_fft, n_mels, bands, unit, fmin, fmax):
    """What a bin adds to the zeroth, first and second moment of each band. → float32 [bins, 3 · bands], the middle and
    half the width of each band [bands]
    """
    filters = narrow_filterbank(sample_rate=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    if unit == "rows":
        position = np.arange(n_mels, dtype=np.float64)
        last = [last for _, last in bands]
    elif unit == "hertz":
        position = mel_to_hz(np.linspace(*hz_to_mel([fmin, sample_rate / 2 if fmax is None else fmax]), n_mels + 2))[
            1:-1
        ]
        last = [following - 1e-9 for following, _ in bands[1:]] + [bands[-1][1]]
    else:
        raise ValueError(f"`unit` must be 'rows' or 'hertz'. Received: unit={unit!r}")
    first = np.array([first for first, _ in bands], np.float64)
    inside = (position[:, None] >= first) & (position[:, None] <= last)  # [n_mels, bands]
    middle, half = (first + last) / 2, (np.array(last) - first) / 2
    scaled = (position[:, None] - middle) / half
    weights = np.concatenate([filters @ (inside * scaled**power) for power in range(3)], axis=1)
    return weights.astype(np.float32), middle.astype(np.float32), half.astype(np.float32)
