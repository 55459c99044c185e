"""Mel spectrogram: waveform [batch, samples] → [batch, frames, n_mels], numerically
``librosa.feature.melspectrogram`` of librosa 0.11 (transposed).

The defaults are librosa's: Slaney's mel scale, filters of equal area. ``htk=True, norm=None`` is
torchaudio's.
"""

import functools

import numpy as np
import tensorflow as tf

from keras_ser.dsp.spectrum import hann, own_frames

# Slaney's scale (Auditory Toolbox, 1998): linear below 1 kHz, then 27 mels for each factor of 6.4.
_BREAK_HZ = 1000.0
_HZ_PER_MEL = 200.0 / 3
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27


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
    filters = mel_filterbank(
        sample_rate=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm
    )
    if power == 2.0:
        # No root that would be squared again.
        mel = tf.matmul(tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum)), filters)
    else:
        mel = tf.matmul(tf.abs(spectrum) ** power, filters)  # [n, n_mels]
    return put_back(mel)
