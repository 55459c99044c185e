"""Low-level descriptors of speech: waveform [batch, samples] → [batch, frames, descriptors].

Frames are centred on multiples of ``hop_length``; those after the end of a clip are 0.

What the prosody and the voice quality of a clip are computed from (:mod:`keras_ser.dsp.functionals`): the logarithm of
a mel spectrogram, then what ``DESCRIPTORS`` names. One Fourier transform serves all but the pitch.
"""

import math

import numpy as np
import tensorflow as tf

from keras_ser.dsp.mel import mel_filterbank
from keras_ser.dsp.spectrum import frame_count, frame_mask, hann, own_lengths, root, squared_magnitude

DESCRIPTORS = (
    "log_energy",  # of the mean square of the frame, natural
    "zero_crossing_rate",
    "centroid",  # of the power spectrum, in kHz
    "bandwidth",  # deviation of the power spectrum about its centroid, in kHz
    "rolloff_25",  # frequency below which so many per cent of the power lie, in kHz
    "rolloff_50",
    "rolloff_85",
    "flatness",  # geometric over arithmetic mean of the power spectrum
    "flux",  # distance of the mel magnitudes, whose sum is 1, from those of the frame before
    "log2_f0",  # of the pitch in Hz, voiced or not
    "voicing",  # normalised correlation of the frame with itself one period later
)
ROLLOFFS = (0.25, 0.5, 0.85)
FLOOR = 1e-7  # of the mel powers: the square of 16-bit rounding is about 1e-10 a sample
PITCH_RATE = 8000  # Hz: a correlation needs no more
PITCH_FRAME = 0.04  # seconds: two periods of the lowest pitch, or more
PITCH_RANGE = (60.0, 500.0)  # Hz
FIRST_PEAK = 0.9  # of the highest correlation: the shortest period that reaches it is taken, not a multiple of it


def descriptors(waveform, *, sample_rate, n_fft=512, hop_length=160, n_mels=64, fmin=50.0, fmax=7600.0, lengths=None):
    """Mel powers and what :data:`DESCRIPTORS` names, for each frame. → [batch, frames, n_mels + 11]

    Args:
        waveform: float32 [batch, samples] in [-1, 1].
        sample_rate: in Hz, a multiple of 8000.
        lengths: int32 [batch], None if every clip fills its row.
    """
    batch, n_samples = tf.unstack(tf.shape(waveform))
    lengths = own_lengths(waveform, lengths)
    mask = frame_mask(lengths, hop_length, frame_count(n_samples, hop_length))
    own = tf.where(mask)  # [n, 2]: clip and frame; neither padding is transformed nor multiplied
    spectral = _of_spectrum(_frames(waveform, lengths, n_fft, hop_length, own), own, sample_rate, n_mels, fmin, fmax)
    factor = sample_rate // PITCH_RATE
    # Neighbours are averaged; the row is filled up with silence so that it can be cut into as many.
    low = tf.reshape(tf.pad(waveform, [[0, 0], [0, -n_samples % factor]]), [batch, -1, factor])
    low = tf.add_n(tf.unstack(low, axis=2)) / factor
    pitch = _pitch(_frames(low, lengths // factor, int(PITCH_FRAME * PITCH_RATE), hop_length // factor, own))
    found = tf.concat([*spectral, *pitch], axis=1)  # [n, descriptors]
    return tf.scatter_nd(own, found, tf.concat([tf.shape(mask, tf.int64), found.shape[1:]], axis=0))


def _frames(waveform, lengths, size, hop_length, own):
    """The frames ``own`` int64 [n, 2] (clip and frame), each centred on a multiple of ``hop_length``. → [n, size]"""
    n_samples, before = tf.shape(waveform)[1], size // 2
    n_hops = frame_count(n_samples, hop_length) + -(-size // hop_length)  # of a clip
    extended = tf.pad(waveform, [[0, 0], [before, n_hops * hop_length - n_samples - before]])
    extended = tf.reshape(extended, [-1, n_hops, hop_length])
    end = (lengths + before)[:, None] - hop_length * tf.range(n_hops)  # of the clip, from the start of each hop
    extended = tf.where(np.arange(hop_length) < end[..., None], extended, 0.0)
    # A frame is a run of blocks.
    width = math.gcd(size, hop_length)
    first = (own[:, :1] * tf.cast(n_hops, tf.int64) + own[:, 1:]) * (hop_length // width)  # [n, 1]
    taken = tf.gather(tf.reshape(extended, [-1, width]), first + np.arange(size // width))
    return tf.reshape(taken, [-1, size])


def _of_spectrum(frames, own, sample_rate, n_mels, fmin, fmax):
    """All but the pitch, of frames [n, n_fft] at the places ``own``. → list of [n, …]"""
    n_fft = frames.shape[1]
    power = squared_magnitude(tf.signal.rfft(frames * hann(n_fft)))  # [n, bins]
    scale = {"n_mels": n_mels, "fmin": fmin, "fmax": fmax, "htk": True, "norm": None}
    frequency = (np.arange(1 + n_fft // 2) * (sample_rate / n_fft / 1000)).astype(np.float32)[:, None]  # kHz
    weights = [mel_filterbank(sample_rate=sample_rate, n_fft=n_fft, **scale), *(frequency**order for order in range(3))]
    mel, total, first, second = tf.split(tf.matmul(power, np.concatenate(weights, axis=1)), [n_mels, 1, 1, 1], axis=1)
    energy = tf.math.log(tf.reduce_mean(tf.square(frames), axis=1, keepdims=True) + 1e-9)
    negative = frames < 0
    crossings = tf.cast(tf.not_equal(negative[:, 1:], negative[:, :-1]), tf.float32)
    crossings = tf.reduce_mean(crossings, axis=1, keepdims=True)
    flatness = tf.exp(tf.reduce_mean(tf.math.log(power + 1e-9), axis=1, keepdims=True))
    flatness /= total / len(frequency) + 1e-9
    total += 1e-9
    first, second = first / total, second / total
    bandwidth = root(second - first**2)
    below = tf.searchsorted(running_sum(power), total * np.float32(ROLLOFFS))  # bins; of silence as many as there are
    rolloffs = tf.cast(tf.minimum(below, len(frequency)), tf.float32) * frequency[1]
    magnitude = root(mel)
    magnitude /= tf.reduce_sum(magnitude, axis=1, keepdims=True) + 1e-6
    flux = root(tf.reduce_sum(tf.square(magnitude[1:] - magnitude[:-1]), axis=1, keepdims=True))
    flux = tf.where(own[:, 1:] > 0, tf.pad(flux, [[1, 0], [0, 0]]), 0.0)
    return [tf.math.log(mel + FLOOR), energy, crossings, first, bandwidth, rolloffs, flatness, flux]


def _pitch(frames):
    """Pitch and voicing of frames [n, size] at ``PITCH_RATE`` by normalised cross-correlation. → two of [n, 1]

    Source: B. S. Atal, "Automatic speaker recognition based on pitch contours", 1968; the shortest of the periods that
    correlate about as well is taken.
    """
    size = frames.shape[1]
    shortest, longest = int(PITCH_RATE / PITCH_RANGE[1]), int(PITCH_RATE / PITCH_RANGE[0])  # periods in samples
    least, most = shortest - 1, longest + 1  # that are computed
    frames -= tf.reduce_mean(frames, axis=1, keepdims=True)
    transformed = [1 << int(np.ceil(np.log2(size + longest)))]
    spectrum = tf.signal.rfft(frames, transformed)
    power = tf.cast(squared_magnitude(spectrum), tf.complex64)
    correlation = tf.signal.irfft(power, transformed)[:, least : most + 1]
    # Energies of the two parts that a period sets side by side.
    cumulated = running_sum(tf.square(frames))
    ahead = tf.reverse(cumulated[:, size - most - 1 : size - least], [1])
    behind = cumulated[:, size - 1 : size] - cumulated[:, least - 1 : most]
    normalised = correlation / tf.sqrt(tf.maximum(ahead * behind, 0.0) + 1e-6)  # [n, periods]
    before, here, after = normalised[:, :-2], normalised[:, 1:-1], normalised[:, 2:]
    best = tf.reduce_max(here, axis=1, keepdims=True)
    peak = (here >= before) & (here > after) & (here > FIRST_PEAK * best)
    place = tf.argmax(tf.where(peak, np.inf, here), axis=1, output_type=tf.int32)[:, None]  # the first peak, if any
    before, here, after = tf.split(tf.gather(normalised, place + tf.range(3), batch_dims=1), 3, axis=1)
    # The top of the parabola through the three values, at most half a sample away.
    bend = before - 2.0 * here + after
    shift = tf.where(bend < 0, 0.5 * (before - after) / tf.where(bend < 0, bend, -1.0), 0.0)
    period = tf.cast(shortest + place, tf.float32) + tf.clip_by_value(shift, -0.5, 0.5)
    octave = np.float32(np.log2(PITCH_RATE)) - tf.math.log(period) / np.float32(np.log(2.0))
    return octave, here


def running_sum(values, size=32):
    """Sums of the values [batch, ..., n] up to each. → [batch, ..., n up to a multiple of ``size``], the last repeated

    All axes but the first and the last are known. By blocks of ``size``, as a product of matrices: ``tf.cumsum`` takes
    five times as long.
    """
    width = tf.shape(values)[-1] if values.shape[-1] is None else values.shape[-1]
    others, n_blocks = [-1, *values.shape[1:-1]], -(-width // size)
    values = tf.pad(values, [[0, 0]] * len(others) + [[0, n_blocks * size - width]])
    inside = tf.matmul(tf.reshape(values, [-1, size]), np.triu(np.ones((size, size), np.float32)))
    inside = tf.reshape(inside, [*others, n_blocks, size])
    before = tf.cumsum(inside[..., -1:], axis=-2, exclusive=True)
    return tf.reshape(inside + before, [*others, n_blocks * size])
