"""Features and effects by librosa 0.11 and noisereduce 3.0, one clip at a time: the oracle of the tests, the baseline
of the benchmark, and what the reports' listings for ``--backend librosa`` are made of (each stands in its report).

A clip is float32 [samples] in [-1, 1], one per call; features keep librosa's order, [features,
frames]. The two libraries are imported when they are first used: who compares nothing with them needs neither.
"""

import importlib
import math
import types

import numpy as np
import scipy.signal


class _WhenUsed(types.ModuleType):
    """A library that is imported with the first of its names."""

    def __getattr__(self, name):
        return getattr(importlib.import_module(self.__name__), name)


librosa, noisereduce = _WhenUsed("librosa"), _WhenUsed("noisereduce")


def resample(y, orig_sr, target_sr):
    """→ float32 [samples']"""
    return librosa.resample(y, orig_sr=orig_sr, target_sr=target_sr)


def denoise(y, sr):
    """Non-stationary spectral gating. Silence, where noisereduce divides 0 by 0, is returned as it is. →
    [samples]
    """
    return noisereduce.reduce_noise(y=y, sr=sr) if y.any() else y


def pitch_shift(y, sr, n_steps):
    """Shift by ``n_steps`` semitones. → [samples]"""
    return librosa.effects.pitch_shift(y, sr=sr, n_steps=n_steps)


def time_stretch(y, rate):
    """Play ``rate`` times faster at the same pitch. → [round(samples / rate)]"""
    return librosa.effects.time_stretch(y, rate=rate)


def mel_db(y, sr, n_mels=128):
    """Mel spectrogram in dB, at most 80 dB below its maximum. → [n_mels, frames]"""
    return librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr, n_mels=n_mels))


def mfcc(y, sr, n_mfcc=20):
    """→ [n_mfcc, frames]"""
    return librosa.feature.mfcc(y=y, sr=sr, n_mfcc=n_mfcc)


def decimate(y, factor, lowpass_filter_width=6, rolloff=0.99):
    """torchaudio's resampling to a ``factor``-th of the rate: a sinc under a Hann window. → [ceil(samples / factor)]"""
    reach = math.ceil(lowpass_filter_width * factor / rolloff)
    crossings = np.arange(-reach, reach + 1) * rolloff / factor
    window = np.cos(np.pi / 2 * np.clip(crossings / lowpass_filter_width, -1, 1)) ** 2
    kernel = rolloff / factor * np.sinc(crossings) * window
    return scipy.signal.upfirdn(kernel, np.pad(y, (0, reach)))[reach::factor][: -(-len(y) // factor)]


def resizing(n_in, n_out):
    """Weights of a bilinear reduction with antialiasing, which amounts to a triangle. → [n_out, n_in]"""
    scale = n_in / n_out
    centre = (np.arange(n_out)[:, None] + 0.5) * scale - 0.5
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(n_in) - centre) / scale)
    return weights / weights.sum(axis=1, keepdims=True)


def band_shapes(y, sr, *, bands, unit, n_fft=16384, n_mels=3401, n_frames=200, fmin=0.0, fmax=None):
    """Centroid, bandwidth and share of the energy of each band, from the mel spectrogram itself.

    → dict of float64 [n_frames, bands]; see :func:`keras_ser.dsp.shape.band_shape`
    """
    options = {"n_fft": n_fft, "hop_length": int(sr * 0.015), "n_mels": n_mels, "fmin": fmin, "fmax": fmax}
    mel = librosa.feature.melspectrogram(y=y, sr=sr, power=2.0, **options)
    mel = librosa.util.fix_length(mel, size=n_frames, axis=1).astype(np.float64)
    position = np.arange(n_mels)
    if unit == "hertz":
        position = librosa.mel_frequencies(n_mels + 2, fmin=fmin, fmax=sr / 2 if fmax is None else fmax)[1:-1]
    firsts, lasts = zip(*bands, strict=True)
    ends = [last + 1 for last in lasts] if unit == "rows" else [*firsts[1:], np.nextafter(lasts[-1], np.inf)]
    shapes = {"centroid": [], "bandwidth": [], "raw_energy": []}
    for first, end in zip(firsts, ends, strict=True):
        inside = (position >= first) & (position < end)
        rows, m = mel[inside], position[inside][:, None]
        energy = rows.sum(axis=0)
        safe = np.where(energy > 0, energy, 1.0)
        centroid = (m * rows).sum(axis=0) / safe
        shapes["centroid"].append(centroid)
        shapes["bandwidth"].append(((m - centroid) ** 2 * rows).sum(axis=0) / safe)
        shapes["raw_energy"].append(energy)
    shapes = {kind: np.stack(values, axis=1) for kind, values in shapes.items()}
    total = shapes["raw_energy"].sum(axis=1, keepdims=True)
    shapes["energy"] = shapes["raw_energy"] / np.where(total > 0, total, 1.0)
    shapes["deviation"] = np.sqrt(shapes["bandwidth"])
    return shapes
