"""Time stretch and pitch shift with another parameter for each clip of a batch.

Source: ``librosa.effects`` 0.11 (phase vocoder). The time stretch is librosa's to rounding, which decides the phase
of bands that hold nothing else: of tones and chirps it differs (docs/parity.md says by how much), of speech it does
not. The pitch shift is librosa's but for its resampler: where librosa runs soxr over the stretched clip, here the
stretched spectrum is cut at the new Nyquist frequency, transformed back at twice the sample rate, and read off at the
new times by quintic B-splines (M. Unser, "Splines: a perfect fit for signal and image processing", 1999). Images are
57 dB down at the old Nyquist frequency, 80 dB at three quarters of it; soxr's are below rounding.

Time and memory grow with the square of a clip's length in frames: meant for utterances.
"""

import numpy as np
import tensorflow as tf

from keras_ser.dsp.spectrum import clear_padding, frame_count, istft, own_lengths, stft

OVERSAMPLING = 2  # of the clip that a shifted one is read off from
SPLINE_TAPS = 6


def time_stretch(waveform, rate, *, lengths=None, n_fft=2048, hop_length=None):
    """Play each clip ``rate`` times faster at the same pitch: ``librosa.effects.time_stretch``.

    Args:
        waveform: float32 [batch, samples].
        rate: float32 [batch], > 0.
        lengths: int32 [batch], None if every clip fills its row.
        hop_length: samples; None for ``n_fft // 4``.

    Returns: (waveform float32 [batch, samples'], lengths int32 [batch] = round(length / rate)).
    """
    return _stretch(waveform, rate, lengths, n_fft, hop_length or n_fft // 4)


def pitch_shift(waveform, n_steps, *, sample_rate, lengths=None, n_fft=2048, hop_length=None):
    """Shift the pitch of each clip by ``n_steps`` semitones: ``librosa.effects.pitch_shift``.

    Args:
        n_steps: float32 [batch].
        sample_rate: there because librosa asks for it; the result does not depend on it.
        n_fft: even.

    The others are those of :func:`time_stretch`.

    Returns: float32 [batch, samples], each clip as long as before.

    Raises ValueError for an odd ``n_fft``, by which the clip would be moved by half a sample.
    """
    del sample_rate
    if n_fft % 2:
        raise ValueError(f"`n_fft` must be even. Received: n_fft={n_fft}")
    rate = tf.pow(2.0, -tf.cast(n_steps, tf.float32) / 12.0)[:, None]  # [batch, 1]
    frequency = tf.range(n_fft // 2 + 1, dtype=tf.float32) / n_fft  # in cycles a sample
    # Played back 1 / rate times faster, what lies above rate · Nyquist would fold over.
    heard = tf.where(frequency < tf.minimum(rate, 1.0) / 2, tf.constant(_spline_gain(n_fft)), 0.0)  # [batch, bins]
    gain = OVERSAMPLING * heard[:, None]
    fine, _ = _stretch(waveform, rate[:, 0], lengths, n_fft, hop_length or n_fft // 4, OVERSAMPLING, gain)
    # float64: float32 would lose a hundredth of a sample within seconds.
    time = OVERSAMPLING * tf.cast(tf.range(tf.shape(waveform)[1]), tf.float64) / tf.cast(rate, tf.float64)
    return clear_padding(_read_off(fine, time), lengths)


def _stretch(waveform, rate, lengths, n_fft, hop_length, oversampling=1, gain=None):
    """Phase vocoder. → (waveform [batch, samples'], lengths [batch]), at ``oversampling`` times the sample rate.

    librosa adds up, frame by frame, the wrapped deviations of each bin's phase from its nominal advance. What is
    wrapped off is whole turns, which no sine sees: the phase of an output frame is a sum of phases of input frames
    with whole coefficients, its magnitude lies between those of two input frames. Both are one matrix per clip.
    ``gain`` [batch, 1, bins] is applied to the magnitudes.
    """
    lengths = own_lengths(waveform, lengths)
    spectrum = stft(waveform, n_fft=n_fft, hop_length=hop_length, lengths=lengths)
    magnitude, real, imag = tf.abs(spectrum), tf.math.real(spectrum), tf.math.imag(spectrum)
    # Silence has phase 0; from atan2(0, 0) it would have a gradient that is no number.
    phase = tf.atan2(imag, tf.where((real == 0) & (imag == 0), 1.0, real))
    stretched_lengths = tf.cast(tf.round(tf.cast(lengths, tf.float64) / tf.cast(rate, tf.float64)), tf.int32)
    # librosa's inverse transform uses no more frames than the samples need.
    most = -(-(stretched_lengths + n_fft) // hop_length)
    interpolate, accumulate, n_frames = _vocoder(lengths, rate, hop_length, tf.shape(spectrum)[1], most)
    magnitude = tf.matmul(interpolate, magnitude if gain is None else magnitude * gain)  # [batch, frames', bins]
    phase = tf.matmul(accumulate, phase)
    stretched_lengths *= oversampling
    stretched = istft(
        tf.complex(magnitude * tf.cos(phase), magnitude * tf.sin(phase)),
        n_fft=n_fft * oversampling,  # the bins that the finer clip has beyond these are 0
        hop_length=hop_length * oversampling,
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
    padded = tf.pad(waveform, [[0, 0], [2, SPLINE_TAPS]])
    pieces = tf.constant(_spline_pieces()[:, None])  # [taps, 1, powers]
    pieces = tf.nn.conv1d(padded[..., None], pieces, 1, "VALID")  # [batch, samples', powers]: a polynomial a sample
    before = tf.floor(time)
    place = tf.minimum(tf.cast(before, tf.int32), tf.shape(pieces)[1] - 1)
    after = tf.cast(time - before, tf.float32)  # in [0, 1)
    *rest, value = tf.unstack(tf.gather(pieces, place, batch_dims=1), axis=-1)
    for coefficient in reversed(rest):  # Horner's rule
        value = value * after + coefficient
    return value


def _spline_pieces():
    """The quintic B-spline between samples 0 and 1, as polynomials: how much samples -2 … 3 add to the coefficient of
    each power. → float32 [taps, powers]
    """
    position = np.linspace(0, 1, SPLINE_TAPS)
    values = _quintic(position[:, None] - np.arange(-2, 4))  # [positions, taps]
    return np.linalg.solve(np.vander(position, increasing=True), values).T.astype(np.float32)


def _quintic(x):
    """Centred quintic B-spline. → as ``x``"""
    x = np.abs(x)
    terms = ((3, 1), (2, -6), (1, 15))
    return sum(factor * np.maximum(edge - x, 0) ** 5 for edge, factor in terms) / 120


def _spline_gain(n_fft):
    """What turns the spectrum of a clip into that of its spline coefficients. → float32 [n_fft // 2 + 1]"""
    frequency = np.arange(n_fft // 2 + 1) / n_fft / OVERSAMPLING
    response = sum(_quintic(k) * np.cos(2 * np.pi * frequency * k) for k in range(-2, 3))
    return (1 / response).astype(np.float32)
