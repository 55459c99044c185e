"""Mel spectrogram: waveform [batch, samples] → [batch, frames, n_mels], numerically
``librosa.feature.melspectrogram`` of librosa 0.11 (transposed).

The defaults are librosa's: Slaney's mel scale, filters of equal area. ``htk=True, norm=None`` is
torchaudio's.
"""

import functools

import numpy as np
import scipy.sparse
import tensorflow as tf

from keras_ser.dsp.spectrum import hann, own_frames, squared_magnitude

# Slaney's scale (Auditory Toolbox, 1998): linear below 1 kHz, then 27 mels for each factor of 6.4.
_BREAK_HZ = 1000.0
_HZ_PER_MEL = 200.0 / 3
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27
TOGETHER = 32  # neighbouring filters that are multiplied at once
WIDE = 512  # so many filters at most are wide enough to be kept as a dense matrix


def hz_to_mel(hz, htk=False):
    """Frequency in Hz → mel, on Slaney's scale or HTK's (O'Shaughnessy, 1987). NumPy."""
    hz = np.asarray(hz, np.float64)
    if htk:
        return 2595.0 * np.log10(1.0 + hz / 700.0)
    above = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _HZ_PER_MEL, above)


def mel_to_hz(mel, htk=False):
    """The inverse of :func:`hz_to_mel`. NumPy."""
    mel = np.asarray(mel, np.float64)
    if htk:
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _HZ_PER_MEL, above)


@functools.cache
def mel_filterbank(*, sample_rate, n_fft, n_mels=128, fmin=0.0, fmax=None, htk=False, norm="slaney"):
    """Triangular filters, evenly spaced in mel between ``fmin`` and ``fmax`` Hz (None: half the sample rate).

    ``norm="slaney"`` gives each filter the same area, ``None`` the same peak of 1. A filter narrower than a
    bin may be empty. → float32 [1 + n_fft // 2, n_mels], read-only; ``librosa.filters.mel`` transposed.
    """
    if norm not in ("slaney", None):
        raise ValueError(f"`norm` must be 'slaney' or None. Received: norm={norm!r}")
    low, high = hz_to_mel([fmin, sample_rate / 2 if fmax is None else fmax], htk)
    edges = mel_to_hz(np.linspace(low, high, n_mels + 2), htk)
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    distance = bins[:, None] - edges  # [bins, n_mels + 2], in Hz
    width = np.diff(edges)
    rising, falling = distance[:, :-2] / width[:-1], -distance[:, 2:] / width[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if norm == "slaney":
        filters *= 2.0 / (edges[2:] - edges[:-2])
    filters = filters.astype(np.float32)
    filters.setflags(write=False)
    return filters


@functools.cache
def narrow_filterbank(*, sample_rate, n_fft, n_mels, fmin=0.0, fmax=None, htk=False, norm="slaney"):
    """The filters of :func:`mel_filterbank` as a sparse matrix: a bin lies on the rising edge of one filter and on the
    falling edge of the one below, whatever their number. → scipy.sparse.csr_array [1 + n_fft // 2, n_mels]
    """
    low, high = hz_to_mel([fmin, sample_rate / 2 if fmax is None else fmax], htk)
    edges = mel_to_hz(np.linspace(low, high, n_mels + 2), htk)
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    between = np.searchsorted(edges, bins, side="right") - 1  # bin lies in [edges[between], edges[between + 1])
    inside = (between >= 0) & (between <= n_mels)
    bin_, between = np.flatnonzero(inside), between[inside]
    rising = (bins[bin_] - edges[between]) / np.diff(edges)[between]
    weights = np.concatenate([rising, 1.0 - rising])
    bin_, filter_ = np.concatenate([bin_, bin_]), np.concatenate([between, between - 1])
    exists = (filter_ >= 0) & (filter_ < n_mels)
    bin_, filter_, weights = bin_[exists], filter_[exists], weights[exists]
    if norm == "slaney":
        weights *= (2.0 / (edges[2:] - edges[:-2]))[filter_]
    return scipy.sparse.csr_array((weights, (bin_, filter_)), shape=(len(bins), n_mels))


def _neighbours(filters):
    """A matrix of filters in pieces of ``TOGETHER``, each with the few bins that one of them hears.

    → list of (slice of bins, float32 [its bins, its filters])
    """
    pieces = []
    for first in range(0, filters.shape[1], TOGETHER):
        piece = filters[:, first : first + TOGETHER]
        (heard,) = np.nonzero(piece.any(axis=1))
        bins = slice(heard[0], heard[-1] + 1) if len(heard) else slice(0, 1)
        pieces.append((bins, piece[bins]))
    return pieces


def _filter(spectrum, sample_rate, n_fft, n_mels, **scale):
    """Sum the bins of each filter. [n, bins] → [n, n_mels]"""
    if n_mels <= WIDE:
        filters = mel_filterbank(sample_rate=sample_rate, n_fft=n_fft, n_mels=n_mels, **scale)
        return tf.concat([tf.matmul(spectrum[:, bins], part) for bins, part in _neighbours(filters)], axis=1)
    filters = narrow_filterbank(sample_rate=sample_rate, n_fft=n_fft, n_mels=n_mels, **scale).T.tocoo()
    filters = tf.SparseTensor(np.stack(filters.coords, axis=1), filters.data.astype(np.float32), filters.shape)
    return tf.transpose(tf.sparse.sparse_dense_matmul(tf.sparse.reorder(filters), spectrum, adjoint_b=True))


def mel_spectrogram(
    waveform,
    *,
    sample_rate,
    n_fft=2048,
    hop_length=512,
    n_mels=128,
    fmin=0.0,
    fmax=None,
    htk=False,
    norm="slaney",
    power=2.0,
    pad_mode="constant",
    lengths=None,
):
    """``|stft| ** power`` summed by each mel filter; frames after the end of a clip are 0.

    ``pad_mode``: how a clip goes on before its start and after its end, "constant" (zeros) or "reflect".
    → [batch, frames, n_mels]
    """
    frames, put_back = own_frames(waveform, n_fft, hop_length, lengths, pad_mode)
    spectrum = tf.signal.rfft(frames * hann(n_fft))  # [n, bins]
    magnitude = squared_magnitude(spectrum) if power == 2.0 else tf.abs(spectrum) ** power
    return put_back(_filter(magnitude, sample_rate, n_fft, n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm))
