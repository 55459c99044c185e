"""The same features and effects by librosa 0.11 and noisereduce 3.0, one clip at a time, with the calls that
the reports make: the oracle of the tests, the baseline of the benchmark, and ``--backend librosa``.

Every function takes one clip, float32 [samples] in [-1, 1]; features keep librosa's order, [features,
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
    """Mel spectrogram in dB, at least 80 dB below its maximum. → [n_mels, frames]"""
    return librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr, n_mels=n_mels))


def mfcc(y, sr, n_mfcc=20):
    """→ [n_mfcc, frames]"""
    return librosa.feature.mfcc(y=y, sr=sr, n_mfcc=n_mfcc)


def emodb_features(y, sr, *, n_mfcc=12, n_frames=150):
    """The front end of the Emo-DB report: 16 kHz, noise removed, MFCC and the mean energy, each row divided
    by its largest magnitude, cut or zero-padded on the right. → float32 [n_mfcc + 1, n_frames]
    """
    y = denoise(resample(y, sr, 16000), 16000)
    rows = mfcc(y, 16000, n_mfcc)
    energy = np.full_like(rows[:1], np.mean(y**2))
    features = librosa.util.normalize(np.concatenate([rows, energy]), axis=1)
    return librosa.util.fix_length(features, size=n_frames, axis=1).astype(np.float32)


def tess_features(y, sr, *, sample_rate=22050, n_mfcc=20, n_frames=100):
    """The front end of the TESS report: MFCC, cut or zero-padded on the right. → float32 [n_frames, n_mfcc]"""
    rows = mfcc(resample(y, sr, sample_rate), sample_rate, n_mfcc)
    return librosa.util.fix_length(rows, size=n_frames, axis=1).T.astype(np.float32)


def decimate(y, factor, lowpass_filter_width=6, rolloff=0.99):
    """torchaudio's resampling to a ``factor``-th of the rate: a sinc under a Hann window. → [ceil(samples / factor)]"""
    reach = math.ceil(lowpass_filter_width * factor / rolloff)
    crossings = np.arange(-reach, reach + 1) * rolloff / factor
    window = np.cos(np.pi / 2 * np.clip(crossings / lowpass_filter_width, -1, 1)) ** 2
    kernel = rolloff / factor * np.sinc(crossings) * window
    return scipy.signal.upfirdn(kernel, np.pad(y, (0, reach)))[reach::factor][: -(-len(y) // factor)]


def four_corpora_features(y, sr, *, n_frames=158):
    """The front end of the four-corpora report: a tenth of the rate, torchaudio's default MFCC, which takes it for 16
    kHz, cut or zero-padded on the right. → float32 [40, n_frames]
    """
    y = decimate(y.astype(np.float64), 10)
    mel = librosa.feature.melspectrogram(
        y=y, sr=16000, n_fft=400, hop_length=200, n_mels=128, htk=True, norm=None, pad_mode="reflect"
    )
    rows = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=40)
    return librosa.util.fix_length(rows, size=n_frames, axis=1).astype(np.float32)


def fix_samples(y, sr, n_samples):
    """At 16 kHz, cut or zero-padded on the right. → [n_samples]"""
    return librosa.util.fix_length(resample(y, sr, 16000), size=n_samples)


def crema_stacked(y, sr, *, n_samples=40775, frame_length=1631):
    """The 1D feature space of the CREMA-D report: zero crossing rate, RMS, 13 MFCC, centroid. → float32 [16, frames]"""
    y, hop_length = fix_samples(y, sr, n_samples), frame_length // 2
    rows = [
        librosa.feature.zero_crossing_rate(y, frame_length=frame_length, hop_length=hop_length),
        librosa.feature.rms(y=y, frame_length=frame_length, hop_length=hop_length),
        librosa.feature.mfcc(y=y, sr=16000, n_fft=frame_length, n_mfcc=13, hop_length=hop_length),
        librosa.feature.spectral_centroid(y=y, sr=16000, n_fft=frame_length, hop_length=hop_length),
    ]
    return np.concatenate(rows).astype(np.float32)


def crema_mel(y, sr, *, n_samples=40775):
    """The 2D feature space of the CREMA-D report: mel spectrogram in dB below its maximum. → float32 [128, frames]"""
    y = fix_samples(y, sr, n_samples)
    power = librosa.feature.melspectrogram(y=y, sr=16000, n_mels=128, n_fft=1569, hop_length=512)
    return librosa.power_to_db(power, ref=np.max).astype(np.float32)


def band_shapes(y, sr, *, bands, unit, n_fft=16384, n_mels=3401, n_frames=200, fmin=0.0, fmax=None):
    """The spectral-features report's centroid, bandwidth and share of the energy of each band, from the mel spectrogram
    itself. → dict of float64 [n_frames, bands]; see :func:`keras_ser.dsp.shape.band_shape`
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


def int16_wave(y, sr, *, n_samples, mean=1000.0, std=100.0):
    """The spectral-features report's raw wave: 16-bit samples, cut or zero-padded, (x - mean) / std. → [n_samples]"""
    return (librosa.util.fix_length(y * 32768.0, size=n_samples) - mean) / std


def mel_picture(y, sr, *, n_fft=16384, n_mels=3401, n_frames=200):
    """The spectral-features report's picture: log of the magnitude mel spectrogram, scaled to 8 bits.

    → uint8 [n_mels, n_frames]
    """
    options = {"n_fft": n_fft, "hop_length": int(sr * 0.015), "n_mels": n_mels, "power": 1.0}
    mel = librosa.util.fix_length(librosa.feature.melspectrogram(y=y, sr=sr, **options), size=n_frames, axis=1)
    x = np.log(mel + 1e-9)
    return ((x - x.min()) / (x.max() - x.min()) * 255).astype(np.uint8)


def small_mel_picture(y, sr):
    """The same picture as the spectral-features report's 2D CNN sees it: 150 × 50, in [-1, 1]. → float32 [150, 50, 1]

    Resized by the triangle that bilinear resizing with antialiasing amounts to.
    """
    picture = mel_picture(y, sr).astype(np.float64)
    rows, columns = (_resizing(n_in, n_out) for n_in, n_out in zip(picture.shape, (150, 50), strict=True))
    return (rows @ picture @ columns.T / 127.5 - 1.0).astype(np.float32)[..., None]


def _resizing(n_in, n_out):
    """Weights of a bilinear reduction with antialiasing. → [n_out, n_in]"""
    scale = n_in / n_out
    centre = (np.arange(n_out)[:, None] + 0.5) * scale - 0.5
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(n_in) - centre) / scale)
    return weights / weights.sum(axis=1, keepdims=True)


def clip_wave(y, sr, *, n_samples):
    """The raw wave with mean 0 and deviation 1 a clip, cut or zero-padded. → [n_samples]"""
    return librosa.util.fix_length((y - np.mean(y)) / np.std(y), size=n_samples)
