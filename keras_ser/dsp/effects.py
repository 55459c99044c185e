"""Time stretch and pitch shift with another amount for each clip of a batch.

Source: ``librosa.effects`` 0.11 (phase vocoder). The time stretch is librosa's to rounding. The pitch shift is
librosa's but for its resampler: where librosa runs soxr over the stretched clip, here the stretched spectrum is cut
at the new Nyquist frequency and shaped for quintic B-splines (M. Unser, "Splines: a perfect fit for signal and image
processing", 1999), which then read the clip off at the new times, six samples each. Above three quarters of the
Nyquist frequency this lets more images through than soxr does.

Time and memory grow with the square of a clip's length in frames: meant for utterances.
"""

import numpy as np
import tensorflow as tf

from keras_ser.dsp.spectrum import clear_padding, frame_count, istft, stft

SPLINE_TAPS = 6
SPLINE_PHASES = 4096  # positions between two samples that a spline is tabulated at


def time_stretch(waveform, rate, *, lengths=None, n_fft=2048, hop_length=None):
    """Play each clip ``rate`` times faster at the same pitch: ``librosa.effects.time_stretch``.

    Args:
        waveform: float32 [batch, samples].
        rate: float32 [batch], > 0.
        lengths: int32 [batch], None if every clip fills its row.
        hop_length: samples; None for ``n_fft // 4``.

    Returns: (waveform float32 [batch, samples'], lengths int32 [batch] = round(length / rate)).
    """
    return _stretch(waveform, rate, lengths, n_fft, hop_length or n_fft // 4, lambda magnitude: magnitude)


def pitch_shift(waveform, n_steps, *, sample_rate, lengths=None, n_fft=2048, hop_length=None):
    """Shift the pitch of each clip by ``n_steps`` semitones: ``librosa.effects.pitch_shift``.

    Args: as for :func:`time_stretch`; n_steps: float32 [batch]. ``sample_rate`` is there because librosa asks for it;
        the result does not depend on it.

    Returns: float32 [batch, samples], each clip as long as before.
    """
    del sample_rate
    rate = tf.pow(2.0, -tf.cast(n_steps, tf.float32) / 12.0)[:, None]  # [batch, 1]
    frequency = tf.range(n_fft // 2 + 1, dtype=tf.float32) / n_fft  # in cycles a sample
    # Played back 1 / rate times faster, what lies above rate · Nyquist would fold over.
    gain = tf.where(frequency < rate / 2, tf.constant(_spline_gain(n_fft)), 0.0)[:, None]  # [batch, 1, bins]
    stretched, _ = _stretch(
        waveform, rate[:, 0], lengths, n_fft, hop_length or n_fft // 4, lambda magnitude: magnitude * gain
    )
    # float64: float32 would lose a hundredth of a sample within seconds.
    time = tf.cast(tf.range(tf.shape(waveform)[1]), tf.float64) / tf.cast(rate, tf.float64)  # [batch, samples]
    return clear_padding(_read_off(stretched, time), lengths)


def _stretch(waveform, rate, lengths, n_fft, hop_length, shape):
    """Phase vocoder; ``shape`` may change the magnitudes. → (waveform [batch, samples'], lengths [batch])

    librosa adds up, frame by frame, the wrapped deviations of each bin's phase from its nominal advance. What is
    wrapped off is whole turns, which no sine sees: the phase of an output frame is a sum of phases of input frames
    with whole coefficients, its magnitude lies between those of two input frames. Both are one matrix a clip.
    """
    if lengths is None:
        lengths = tf.fill(tf.shape(waveform)[:1], tf.shape(waveform)[1])
    spectrum = stft(waveform, n_fft=n_fft, hop_length=hop_length, lengths=lengths)
    magnitude, phase = tf.abs(spectrum), tf.atan2(tf.math.imag(spectrum), tf.math.real(spectrum))
    stretched_lengths = tf.cast(tf.round(tf.cast(lengths, tf.float64) / tf.cast(rate, tf.float64)), tf.int32)
    # librosa's inverse transform uses no more frames than the samples need.
    most = -(-(stretched_lengths + n_fft) // hop_length)
    interpolate, accumulate, n_frames = _vocoder(lengths, rate, hop_length, tf.shape(spectrum)[1], most)
    magnitude = shape(tf.matmul(interpolate, magnitude))  # [batch, frames', bins]
    phase = tf.matmul(accumulate, phase)
    stretched = istft(
        tf.complex(magnitude * tf.cos(phase), magnitude * tf.sin(phase)),
        n_fft=n_fft,
        hop_length=hop_length,
        n_samples=tf.reduce_max(stretched_lengths),
        n_frames=n_frames,
    )
    return clear_padding(stretched, stretched_lengths), stretched_lengths


def _vocoder(lengths, rate, hop_length, width, most):
    """The two matrices of :func:`_stretch`, float32 [batch, frames', frames], and frames' of each clip, at ``most``.

    ``width``: frames of a row; a clip's own are followed by silence, of phase 0 as in librosa.
    """
    n_frames = frame_count(lengths, hop_length)
    # float64: a step must not fall on the other side of a frame for rounding.
    rate = tf.cast(rate, tf.float64)[:, None]
    n_steps = tf.minimum(tf.cast(tf.math.ceil(tf.cast(n_frames, tf.float64) / rate[:, 0]), tf.int32), most)
    step = tf.range(tf.reduce_max(n_steps))
    position = tf.cast(step, tf.float64) * rate  # [batch, frames']
    frame = tf.cast(tf.minimum(position, tf.cast(width, tf.float64)), tf.int32)
    alpha = tf.cast(position - tf.floor(position), tf.float32)[..., None]

    exists = tf.sequence_mask(n_frames, width, tf.float32)[:, None]  # [batch, 1, frames]
    at = tf.one_hot(frame, width) * exists
    after = tf.one_hot(frame + 1, width) * exists
    used = tf.sequence_mask(n_steps, tf.shape(step)[0], tf.float32)[..., None]  # [batch, frames', 1]
    interpolate = used * ((1.0 - alpha) * at + alpha * after)
    first = tf.one_hot(tf.zeros_like(frame), width)
    accumulate = first + tf.cumsum(after - at, axis=1, exclusive=True)
    return interpolate, accumulate, n_steps


def _read_off(waveform, time):
    """Values of the quintic spline with coefficients ``waveform`` at ``time`` (in samples); 0 outside.

    ``time`` float64 [batch, points] → float32 [batch, points]
    """
    before = tf.floor(time)
    nearest = tf.cast(tf.round((time - before) * SPLINE_PHASES), tf.int32)
    weights = tf.gather(tf.constant(_spline_table()), nearest)  # [batch, points, 6]
    windows = tf.signal.frame(tf.pad(waveform, [[0, 0], [2, SPLINE_TAPS]]), SPLINE_TAPS, 1)  # [batch, samples', 6]
    first = tf.minimum(tf.cast(before, tf.int32), tf.shape(windows)[1] - 1)
    return tf.reduce_sum(weights * tf.gather(windows, first, batch_dims=1), axis=-1)


def _quintic(x):
    """Centred quintic B-spline. → as ``x``"""
    x = np.abs(x)
    terms = ((3, 1), (2, -6), (1, 15))
    return sum(factor * np.maximum(edge - x, 0) ** 5 for edge, factor in terms) / 120


def _spline_table():
    """Weights of samples -2 … 3 for every position between samples 0 and 1. → float32 [SPLINE_PHASES + 1, 6]"""
    position = np.arange(SPLINE_PHASES + 1)[:, None] / SPLINE_PHASES
    return _quintic(position - np.arange(-2, 4)).astype(np.float32)


def _spline_gain(n_fft):
    """What turns the spectrum of a signal into that of its spline coefficients. → float32 [n_fft // 2 + 1]"""
    frequency = np.arange(n_fft // 2 + 1) / n_fft
    response = sum(_quintic(k) * np.cos(2 * np.pi * frequency * k) for k in range(-2, 3))
    return (1 / response).astype(np.float32)
