"""Low-level descriptors of speech: waveform [batch, samples] → [batch, frames, descriptors].

Frames are centred on multiples of ``hop_length``; those after the end of a clip are 0.

What the prosody and the voice quality of a clip are computed from (:mod:`keras_ser.dsp.functionals`): the logarithm of
a mel spectrogram, then what ``DESCRIPTORS`` names. One Fourier transform serves all but the pitch.
"""

import numpy as np
import tensorflow as tf

from keras_ser.dsp.mel import mel_filterbank
from keras_ser.dsp.spectrum import clear_padding, frame_mask, hann, own_frames, squared_magnitude

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
    lengths = tf.fill(tf.shape(waveform)[:1], tf.shape(waveform)[1]) if lengths is None else lengths
    frames, put_back = own_frames(waveform, n_fft, hop_length, lengths)
    power = squared_magnitude(tf.signal.rfft(frames * hann(n_fft)))  # [n, bins]
    scale = {"n_mels": n_mels, "fmin": fmin, "fmax": fmax, "htk": True, "norm": None}
    mel = tf.matmul(power, mel_filterbank(sample_rate=sample_rate, n_fft=n_fft, **scale))
    energy = tf.math.log(tf.reduce_mean(tf.square(frames), axis=1, keepdims=True) + 1e-9)
    crossings = tf.not_equal(frames[:, 1:] < 0, frames[:, :-1] < 0)
    crossings = tf.reduce_mean(tf.cast(crossings, tf.float32), axis=1, keepdims=True)
    of_spectrum = tf.concat([tf.math.log(mel + FLOOR), energy, crossings, *_shape(power, sample_rate, n_fft)], axis=1)
    mask = frame_mask(lengths, hop_length, 1 + tf.shape(waveform)[1] // hop_length)[..., None]
    magnitude = put_back(tf.sqrt(mel))
    magnitude = magnitude / (tf.reduce_sum(magnitude, axis=2, keepdims=True) + 1e-6)
    flux = tf.norm(magnitude[:, 1:] - magnitude[:, :-1], axis=2, keepdims=True)
    flux = tf.where(mask, tf.pad(flux, [[0, 0], [1, 0], [0, 0]]), 0.0)
    f0 = _pitch(waveform, sample_rate, hop_length, lengths)
    return tf.concat([put_back(of_spectrum), flux, f0], axis=2)


def _shape(power, sample_rate, n_fft):
    """Centroid, bandwidth, rolloffs and flatness of power spectra [n, bins]. → list of [n, 1]"""
    frequency = (np.arange(1 + n_fft // 2) * (sample_rate / n_fft / 1000)).astype(np.float32)  # kHz
    total = tf.reduce_sum(power, axis=1, keepdims=True) + 1e-9
    first, second = (tf.matmul(power, frequency[:, None] ** order) / total for order in (1, 2))
    cumulated = tf.cumsum(power, axis=1)
    rolloffs = [
        tf.reduce_sum(tf.cast(cumulated < share * total, tf.float32), axis=1, keepdims=True) * frequency[1]
        for share in ROLLOFFS
    ]
    flatness = tf.exp(tf.reduce_mean(tf.math.log(power + 1e-9), axis=1, keepdims=True))
    flatness /= tf.reduce_mean(power, axis=1, keepdims=True) + 1e-9
    return [first, tf.sqrt(tf.maximum(second - first**2, 0.0)), *rolloffs, flatness]


def _pitch(waveform, sample_rate, hop_length, lengths):
    """Pitch and voicing by normalised cross-correlation. → [batch, frames, 2], 0 after a clip's end

    Source: B. S. Atal, "Automatic speaker recognition based on pitch contours", 1968; the shortest of the periods that
    correlate about as well is taken.
    """
    factor = sample_rate // PITCH_RATE
    waveform = clear_padding(waveform, lengths)
    batch, n_samples = tf.unstack(tf.shape(waveform))
    # Neighbours are averaged, and the whole padded so that the frames are those of the spectrum.
    low = tf.pad(waveform, [[0, 0], [0, -n_samples % (factor * hop_length) + factor * hop_length]])
    low = tf.reduce_mean(tf.reshape(low, [batch, -1, factor]), axis=2)
    size, hop = int(PITCH_FRAME * PITCH_RATE), hop_length // factor
    shortest, longest = int(PITCH_RATE / PITCH_RANGE[1]), int(PITCH_RATE / PITCH_RANGE[0])  # periods in samples
    n_frames = 1 + n_samples // hop_length
    frames, put_back = own_frames(low[:, : n_frames * hop - 1], size, hop, lengths // factor)
    frames -= tf.reduce_mean(frames, axis=1, keepdims=True)
    transformed = 1 << int(np.ceil(np.log2(size + longest)))
    power = squared_magnitude(tf.signal.rfft(frames, [transformed]))
    correlation = tf.signal.irfft(tf.cast(power, tf.complex64), [transformed])[:, : longest + 2]
    # Energies of the two parts that a period sets side by side.
    cumulated = tf.cumsum(tf.square(frames), axis=1)
    total = cumulated[:, -1:]
    ahead = tf.concat([total, tf.reverse(cumulated, [1])[:, 1 : longest + 2]], axis=1)
    behind = total - tf.pad(cumulated[:, : longest + 1], [[0, 0], [1, 0]])
    normalised = correlation / tf.sqrt(ahead * behind + 1e-6)  # [n, longest + 2], of periods from 0
    before, here, after = (normalised[:, start : start + longest - shortest + 1] for start in _around(shortest))
    best = tf.reduce_max(here, axis=1, keepdims=True)
    peak = (here >= before) & (here > after) & (here > FIRST_PEAK * best)
    place = tf.where(tf.reduce_any(peak, axis=1), tf.argmax(peak, axis=1), tf.argmax(here, axis=1))
    before, here, after = (tf.gather(part, place, batch_dims=1) for part in (before, here, after))
    # The top of the parabola through the three values, at most half a sample away.
    bend = before - 2.0 * here + after
    shift = tf.where(bend < 0, 0.5 * (before - after) / tf.where(bend < 0, bend, -1.0), 0.0)
    period = tf.cast(shortest + tf.cast(place, tf.int32), tf.float32) + tf.clip_by_value(shift, -0.5, 0.5)
    octave = np.float32(np.log2(PITCH_RATE)) - tf.math.log(period) / np.float32(np.log(2.0))
    return put_back(tf.stack([octave, here], axis=1))


def _around(start):
    return start - 1, start, start + 1
