"""Mel spectrogram: waveform [batch, samples] → [batch, frames, n_mels], numerically
``librosa.feature.melspectrogram`` of librosa 0.11 (transposed).

The defaults are librosa's: Slaney's mel scale, filters of equal area. ``htk=True, norm=None`` is
torchaudio's.
"""

import functools
import math

import numpy as np
import tensorflow as tf

from keras_ser.dsp.spectrum import clear_padding, frame_count, frame_mask, hann

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
    if lengths is None:
        lengths = tf.fill(tf.shape(waveform)[:1], tf.shape(waveform)[1])
    mask = frame_mask(lengths, hop_length, frame_count(tf.shape(waveform)[1], hop_length))  # [batch, frames]
    index = tf.where(mask)  # [n, 2]: the n frames of all clips. Padding is neither transformed nor multiplied.
    frames = _take_frames(waveform, lengths, index, n_fft, hop_length, pad_mode)
    spectrum = tf.signal.rfft(frames * hann(n_fft))  # [n, bins]
    filters = mel_filterbank(
        sample_rate=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm
    )
    if power == 2.0:
        # Real and imaginary parts side by side, each with its bin's weights: the quickest way to sum their squares.
        parts = tf.reshape(tf.bitcast(spectrum, tf.float32), [-1, 2 * len(filters)])
        mel = tf.matmul(tf.square(parts), np.repeat(filters, 2, axis=0))
    else:
        mel = tf.matmul(tf.abs(spectrum) ** power, filters)  # [n, n_mels]
    return tf.scatter_nd(index, mel, [*tf.unstack(tf.shape(mask, tf.int64)), n_mels])


def _take_frames(waveform, lengths, index, n_fft, hop_length, pad_mode):
    """Frame ``t`` of clip ``b`` for each (b, t) of ``index``, centred on sample t · hop_length. → [n, n_fft]"""
    block = math.gcd(n_fft, hop_length)  # frames are copied in blocks
    before, n_samples = n_fft // 2, tf.shape(waveform)[1]
    n_blocks = -(-(n_samples + 2 * before) // block)
    after = n_blocks * block - n_samples - before
    blocks = tf.reshape(_extend(waveform, lengths, before, after, pad_mode), [-1, block])
    first = index[:, 0] * tf.cast(n_blocks, tf.int64) + index[:, 1] * (hop_length // block)
    frames = tf.gather(blocks, first[:, None] + tf.range(n_fft // block, dtype=tf.int64))
    return tf.reshape(frames, [-1, n_fft])  # from [n, blocks of a frame, block]


def _extend(waveform, lengths, before, after, pad_mode):
    """Each clip with what ``pad_mode`` puts around it. → [batch, before + samples + after]"""
    if pad_mode == "constant":
        return tf.pad(clear_padding(waveform, lengths), [[0, 0], [before, after]])
    if pad_mode != "reflect":
        raise ValueError(f"`pad_mode` must be 'constant' or 'reflect'. Received: pad_mode={pad_mode!r}")
    last = tf.cast(lengths, tf.int32)[:, None] - 1
    position = tf.range(-before, tf.shape(waveform)[1] + after) % tf.maximum(2 * last, 1)
    return tf.gather(waveform, tf.maximum(last - tf.abs(last - position), 0), batch_dims=1)
