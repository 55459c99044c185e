"""Stacked 1-D features against the mel spectrogram on CREMA-D: a Conv1D stack and a Conv2D model.

Source: "Speech Emotion Recognition", project report with code (Google Colab), 2023. Sections 3 to 13.

Wave files at 16 kHz (4) → 1500 pitch shifts and 1500 time stretches (6) → one length, the mean (7) → zero crossing
rate, RMS, 13 MFCC and centroid, stacked, or a mel spectrogram in dB (8) → stratified 70/30, then 95/5 (5) → Conv1D
(10.2) and Conv2D (10.3) → accuracy, weighted F1, confusion matrix, most confusing class of two runs each (11, 12).
"""

import functools

import keras
import numpy as np
import pandas as pd

from keras_ser.data.augmentation import COLUMNS, drawn, drawn_without_replacement, originals
from keras_ser.data.protocols import StratifiedSplit
from keras_ser.layers import (
    MFCC,
    RMS,
    FixSamples,
    MelSpectrogram,
    PowerToDecibel,
    SpectralCentroid,
    StackFeatures,
    ZeroCrossingRate,
)
from keras_ser.librosa_reference import librosa, resample
from keras_ser.models.conv1d_stack import conv1d_stack
from keras_ser.models.conv2d_mel import conv2d_mel
from keras_ser.reports import notes
from keras_ser.reports.findings import crema_1d_2d as findings
from keras_ser.reports.specification import Experiment, Figure, FrontEnd, Report, Training

# 9. LabelEncoder's order: ANG DIS FEA HAP NEU SAD.
LABELS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")

SAMPLE_RATE = 16000
N_MFCC = 13
N_MELS = 128
N_FFT = 1569  # of the mel spectrogram
HOP_LENGTH = 512

# 6. 1500 of 7442 clips; of another number of clips the same share. By semitones, and to a rate.
SHARE = 1500 / 7442
TRANSFORMS = (("pitch_shift", -4.0, 4.0), ("time_stretch", 0.8, 1.2))

# 7.1. Mean length in samples: in the first run as printed, in the second as its 1392 features allow.
MEAN_LENGTH = {"run_a": 40775, "run_b": 40764}
N_FEATURES = {"run_a": 816, "run_b": 1392}  # 16 times 51 and 87 frames


def augmentation(manifest, seed):
    """6. The clips, then pitch shifts of some, then time stretches of some, drawn anew."""
    tables = [originals(manifest)]
    for copy, (transform, low, high) in enumerate(TRANSFORMS, start=1):
        clips = drawn_without_replacement(manifest, seed, transform, SHARE)
        rows = [drawn(seed, clip, copy, transform, low, high) for clip in clips]
        tables.append(pd.DataFrame(rows, columns=COLUMNS))
    return pd.concat(tables, ignore_index=True)


def frame_length(n_samples):
    """8.1. A clip of ``n_samples`` divided by its first divisor from 15 on."""
    divisor = next(number for number in range(15, n_samples + 1) if n_samples % number == 0)
    return n_samples // divisor


def stacked(n_samples, frame_length):
    """8.2. waveform [batch, samples], lengths [batch] → [batch, 16, frames]: crossing rate, RMS, MFCC, centroid."""
    waveform = keras.Input((None,), name="waveform")
    lengths = keras.Input((), dtype="int32", name="lengths")
    fixed = FixSamples(n_samples, name="fix_samples")(waveform, lengths)
    frames = {"frame_length": frame_length, "hop_length": frame_length // 2}
    spectra = {"n_fft": frame_length, "hop_length": frame_length // 2}
    features = [
        ZeroCrossingRate(**frames, name="zcr")(fixed),
        RMS(**frames, name="rms")(fixed),
        MFCC(SAMPLE_RATE, N_MFCC, **spectra, name="mfcc")(fixed),
        SpectralCentroid(SAMPLE_RATE, **spectra, name="centroid")(fixed),
    ]
    features = StackFeatures(hop_length=frame_length // 2, name="stack")(features)  # [batch, frames, 16]
    features = keras.layers.Permute((2, 1), name="features_first")(features)
    return keras.Model([waveform, lengths], features, name="crema_1d")


def mel(n_samples):
    """8.3. waveform [batch, samples], lengths [batch] → [batch, 128, frames]: mel spectrogram in dB re its maximum."""
    waveform = keras.Input((None,), name="waveform")
    lengths = keras.Input((), dtype="int32", name="lengths")
    fixed = FixSamples(n_samples, name="fix_samples")(waveform, lengths)
    power = MelSpectrogram(SAMPLE_RATE, N_FFT, HOP_LENGTH, N_MELS, name="mel")(fixed)
    db = PowerToDecibel(ref="max", hop_length=HOP_LENGTH, name="decibel")(power)
    image = keras.layers.Permute((2, 1), name="mels_first")(db)
    return keras.Model([waveform, lengths], image, name="crema_2d")


def stacked_by_librosa(y, sr, *, n_samples, frame_length):
    """8.2 by librosa: float32 [samples] at ``sr`` Hz → float32 [16, frames]."""
    y = librosa.util.fix_length(resample(y, sr, SAMPLE_RATE), size=n_samples)
    hop_length = frame_length // 2
    spectra = {"y": y, "sr": SAMPLE_RATE, "n_fft": frame_length, "hop_length": hop_length}
    rows = [
        librosa.feature.zero_crossing_rate(y, frame_length=frame_length, hop_length=hop_length),
        librosa.feature.rms(y=y, frame_length=frame_length, hop_length=hop_length),
        librosa.feature.mfcc(**spectra, n_mfcc=N_MFCC),
        librosa.feature.spectral_centroid(**spectra),
    ]
    return np.concatenate(rows).astype(np.float32)


def mel_by_librosa(y, sr, *, n_samples):
    """8.3 by librosa: float32 [samples] at ``sr`` Hz → float32 [128, frames]."""
    y = librosa.util.fix_length(resample(y, sr, SAMPLE_RATE), size=n_samples)
    power = librosa.feature.melspectrogram(y=y, sr=SAMPLE_RATE, n_mels=N_MELS, n_fft=N_FFT, hop_length=HOP_LENGTH)
    return librosa.power_to_db(power, ref=np.max).astype(np.float32)


def stop_early():
    """10. Stop when the validation loss has not fallen by 0.001 for 5 epochs, and go back to the best epoch."""
    return [keras.callbacks.EarlyStopping("val_loss", min_delta=1e-3, patience=5, restore_best_weights=True)]


def experiment(name, front_end, model, epochs):
    """10. Adam, cross-entropy, batches of 32."""
    training = Training("adam", batch_size=32, epochs=epochs, callbacks=stop_early, chosen_on=("validation",))
    return Experiment(name, front_end, model, "categorical_crossentropy", training)


def cnn_1d(run, n_samples):
    """10.2. The stacked features of a run."""
    choice = {"n_samples": n_samples, "frame_length": frame_length(n_samples)}
    graph, reference = (functools.partial(function, **choice) for function in (stacked, stacked_by_librosa))
    front_end = FrontEnd(f"stacked_{n_samples}", SAMPLE_RATE, graph, reference)
    return experiment(f"cnn_1d/{run}", front_end, functools.partial(conv1d_stack, (N_FEATURES[run], 1)), epochs=100)


def cnn_2d(run, n_samples):
    """10.3. The mel spectrogram of a run."""
    graph, reference = (functools.partial(function, n_samples=n_samples) for function in (mel, mel_by_librosa))
    front_end = FrontEnd(f"mel_{n_samples}", SAMPLE_RATE, graph, reference)
    return experiment(f"cnn_2d/{run}", front_end, functools.partial(conv2d_mel, (N_MELS, 80, 1)), epochs=80)


EXPERIMENTS = tuple(model(run, n_samples) for model in (cnn_1d, cnn_2d) for run, n_samples in MEAN_LENGTH.items())

# 12. Rows true. The second 1D run's, then those of the 2D runs.
PRINTED = {
    "cnn_1d/run_b": "318 150 14 25 24 0; 21 382 10 20 53 43; 37 142 137 41 97 83; "
    "61 163 37 143 117 12; 4 91 7 9 335 19; 7 155 14 2 131 229",
    "cnn_2d/run_a": "375 75 12 49 16 4; 48 285 13 24 55 104; 49 92 142 63 39 152; "
    "96 87 68 195 61 26; 8 67 16 20 284 70; 10 72 25 5 62 364",
    "cnn_2d/run_b": "368 52 45 36 23 7; 32 241 64 25 39 128; 42 50 259 23 20 143; "
    "74 70 134 159 59 37; 7 68 36 8 233 113; 2 49 68 8 36 375",
}
CONFUSIONS = {name: np.array([row.split() for row in rows.split(";")], int) for name, rows in PRINTED.items()}


def printed():
    """12. Of each run; then, from the matrices, true and false positives and false negatives of each class."""
    metrics = ("accuracy", "weighted_f1", "most_confusing_class", "parameters")
    for experiment, *values in (
        ("cnn_1d/run_a", 0.51069262687519945, 0.5082315293099325, "sadness", 2_105_094),
        ("cnn_1d/run_b", 0.4928183849345675, 0.48168824442015795, "fear", 2_694_918),
        ("cnn_2d/run_a", 0.5250558570060645, 0.5132666027774772, "fear", 3_105_990),
        ("cnn_2d/run_b", 0.52186402808089454, 0.5160473379937462, "happiness", 3_105_990),
    ):
        yield from (Figure(experiment, *of_metric, "12") for of_metric in zip(metrics, values, strict=True))
    for experiment, matrix in CONFUSIONS.items():
        hits = np.diag(matrix)
        for metric, values in (("tp", hits), ("fp", matrix.sum(axis=0) - hits), ("fn", matrix.sum(axis=1) - hits)):
            for label, value in zip(LABELS, values, strict=True):
                yield Figure(experiment, metric, int(value), "12, confusion matrix", label=label)


FIGURES = (
    Figure("", "clips", 7442, "3"),
    Figure("", "examples", 10442, "6", "1500 pitch shifts and 1500 time stretches"),
    *(Figure("", name, n, "8.5") for name, n in (("train", 6943), ("validation", 366), ("test", 3133))),
    *printed(),
)

REPORT = Report(
    name="crema_1d_2d",
    title="CREMA-D: stacked 1-D features against the mel spectrogram, Conv1D and Conv2D",
    source="Speech Emotion Recognition, project report with code (Google Colab), 2023",
    corpora=("crema_d",),
    labels=LABELS,
    augmentation=augmentation,
    split=StratifiedSplit(validation=0.035, test=0.3, random_state=42, n_folds=5),
    protocols=("as_reported", "clip_disjoint", "speaker_independent"),
    statistics_from_all=False,
    from_all=("the mean length of all clips, to which each is cut or padded",),
    experiments=EXPERIMENTS,
    figures=FIGURES,
    **notes.beside(__file__),
    confusions=CONFUSIONS,
    conclusion=findings.conclusion,
    clip_figures=("class_distribution", "clips"),
)
