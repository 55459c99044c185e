"""Conv1D, LSTM and CNN-LSTM on MFCC of TESS, normalised by running mean and standard deviation.

Source: U. Wasowska, M. Kapitan, "Emotion recognition from audio", February 2024. Sections 2 to 5.

Clips of two actresses (2) → MFCC [n_frames, n_mfcc] (3.1, 5) → running mean and standard deviation over the whole set,
then the split (5) → CNN (5.1), LSTM (5.2), CNN-LSTM (5.3) → test accuracy.
"""

import functools

import keras
import numpy as np

from keras_ser.data.augmentation import originals
from keras_ser.data.protocols import Split
from keras_ser.layers import MFCC, FixFrames, RunningNormalization
from keras_ser.librosa_reference import librosa, resample
from keras_ser.models.conv1d import conv1d
from keras_ser.models.conv1d_lstm import conv1d_lstm
from keras_ser.models.lstm import lstm
from keras_ser.reports import notes
from keras_ser.reports.specification import Experiment, Figure, FrontEnd, Report, Training
from keras_ser.training.networks import BestCheckpoint

# 2. The seven emotions in the report's order.
LABELS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

# 5. None of the three is stated.
SAMPLE_RATE = 22050
N_MFCC = 20
N_FRAMES = 100


def features(sample_rate, n_mfcc, n_frames):
    """5. waveform [batch, samples] at ``sample_rate``, lengths [batch] → MFCC [batch, n_frames, n_mfcc]; longer clips
    are cut, shorter ones padded with zeros.
    """
    waveform = keras.Input((None,), name="waveform")
    lengths = keras.Input((), dtype="int32", name="lengths")
    mfcc = MFCC(sample_rate, n_mfcc, name="mfcc")(waveform, lengths)  # [batch, frames, n_mfcc]
    mfcc = FixFrames(n_frames, name="fix_frames")(mfcc, lengths)
    return keras.Model([waveform, lengths], mfcc, name="tess_mfcc")


def features_by_librosa(y, sr, *, sample_rate, n_mfcc, n_frames):
    """5 by librosa: float32 [samples] at ``sr`` Hz → float32 [n_frames, n_mfcc]."""
    mfcc = librosa.feature.mfcc(y=resample(y, sr, sample_rate), sr=sample_rate, n_mfcc=n_mfcc)  # [n_mfcc, frames]
    return librosa.util.fix_length(mfcc, size=n_frames, axis=1).T.astype(np.float32)


def front_end(sample_rate, n_mfcc, n_frames):
    """MFCC by one choice of what the report does not state."""
    choice = {"sample_rate": sample_rate, "n_mfcc": n_mfcc, "n_frames": n_frames}
    return FrontEnd(
        f"mfcc_{sample_rate}_{n_mfcc}_{n_frames}",
        sample_rate,
        functools.partial(features, **choice),
        functools.partial(features_by_librosa, **choice),
    )


def normalization():
    """5. (mfcc - mean) / std, a mean and a deviation per coefficient, padding excluded."""
    return [RunningNormalization(name="running_normalization")]


def reduce_learning_rate():
    """4.1, 5.1. A tenth of the learning rate when validation accuracy has not risen for 10 epochs."""
    return [keras.callbacks.ReduceLROnPlateau(monitor="val_accuracy")]


def keep_the_best():
    """5.3. The weights of the epoch with the best validation accuracy are those that are tested."""
    return [BestCheckpoint("val_accuracy")]


def training(callbacks):
    """5. 30 epochs of Adam."""
    chosen_on = () if callbacks is list else ("validation",)
    return Training(optimizer="adam", batch_size=32, epochs=30, callbacks=callbacks, chosen_on=chosen_on)


def experiment(name, architecture, callbacks, **choice):
    """``architecture`` on the MFCC of a choice."""
    usual = {"sample_rate": SAMPLE_RATE, "n_mfcc": N_MFCC, "n_frames": N_FRAMES}
    taken = {**usual, **choice}
    return Experiment(
        name,
        front_end(**taken),
        functools.partial(architecture, (taken["n_frames"], taken["n_mfcc"])),
        "categorical_crossentropy",
        training(callbacks),
        before=normalization,
        extension=bool(choice),
        note=", ".join(f"{key} {value} instead of {usual[key]}" for key, value in choice.items()),
    )


EXPERIMENTS = (
    experiment("cnn", conv1d, reduce_learning_rate),
    experiment("lstm", lstm, list),
    experiment("cnn_lstm", conv1d_lstm, keep_the_best),
)

FIGURES = (
    Figure("", "test", 280, "5.1"),
    Figure("cnn", "accuracy", 0.97, "5.1", "around 97 %", rounding=0.005),
    Figure("lstm", "accuracy", 0.94, "5.2", "around 94 %", rounding=0.005),
    Figure("cnn_lstm", "accuracy", 0.9821, "5.3", "275 of 280", rounding=0.00005),
)

REPORT = Report(
    name="tess_mfcc",
    title="TESS: Conv1D, LSTM and CNN-LSTM on MFCC",
    source="U. Wasowska, M. Kapitan, Emotion recognition from audio, February 2024",
    corpora=("tess",),
    labels=LABELS,
    augmentation=originals,  # the report augments nothing
    split=Split(validation=0.1, test=0.1, random_state=42, n_folds=10),
    protocols=("as_reported", "sentence_independent", "speaker_independent"),
    statistics_from_all=True,
    from_all=("running mean and standard deviation of all clips",),
    experiments=EXPERIMENTS,
    figures=FIGURES,
    **notes.beside(__file__),
    clip_figures=("class_distribution", "clips", "chirp"),
)
