"""The same features and effects by librosa 0.11 and noisereduce 3.0, one clip at a time, with the calls that
the reports make: the oracle of the tests, the baseline of the benchmark, and ``--features reference``.

Every function takes one clip, float32 [samples] in [-1, 1]; features keep librosa's order, [features,
frames].
"""

import librosa
import noisereduce
import numpy as np


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
