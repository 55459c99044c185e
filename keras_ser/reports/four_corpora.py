"""Gender and emotion from SAVEE, RAVDESS, TESS and CREMA-D together: a CNN on torchaudio's MFCC, written in PyTorch.

Source: "PyTorch Audio Emotion Classifier", a student's notebook (Data 690, Google Colab, 2020) with the remarks of
a reviewer in it ("Prof: …"). Its headings are cited.

Clips of four corpora ("Loading dataset into dataframes") → first channel at a tenth of its own rate → MFCC of
torchaudio's defaults, padded on the right to 158 frames ("Feature Extraction", "Formatting Data") → CNN, 15 outputs:
"unknown" and gender_emotion ("Label Encoding").
"""

import functools

import keras
import numpy as np

from keras_ser.data.augmentation import originals
from keras_ser.data.protocols import Split
from keras_ser.layers import MFCC, Decimate, FixFrames
from keras_ser.librosa_reference import decimate, librosa
from keras_ser.models.conv2d_mfcc import conv2d_mfcc
from keras_ser.reports import notes
from keras_ser.reports.findings import four_corpora as findings
from keras_ser.reports.specification import Experiment, Figure, FrontEnd, Report, Training

CORPORA = ("savee", "ravdess", "tess", "crema_d")
EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

# Label Encoding. Class 0 is kept for what the encoder does not know, and has no clip.
LABELS = ("unknown", *(f"{gender}_{emotion}" for gender in ("female", "male") for emotion in EMOTIONS))

# Feature Extraction. The MFCC transform is told nothing of the rate and takes it for its default.
DIVISOR = 10
NOMINAL_RATE = 16000
N_MFCC = 40
N_FFT = 400
HOP_LENGTH = 200
N_FRAMES = 158  # Formatting Data: 6320 values of 40 rows, the largest tensor


def classes(manifest):
    """Parsing …: gender and emotion, RAVDESS's calm counted as neutral; "" of unknown gender. → Series [clips]"""
    gender = manifest["gender"]
    return gender.mask(gender != "", gender + "_" + manifest["emotion"].replace("calm", "neutral"))


def features(n_frames):
    """Feature Extraction. waveform [batch, samples] at its own rate, lengths [batch] → MFCC [batch, 40, n_frames];
    longer clips are cut, as a negative number of frames to pad cuts them in the listing.
    """
    waveform = keras.Input((None,), name="waveform")
    lengths = keras.Input((), dtype="int32", name="lengths")
    low, shorter = Decimate(DIVISOR, name="resample")(waveform, lengths)
    mfcc = MFCC(
        NOMINAL_RATE,
        N_MFCC,
        n_fft=N_FFT,
        hop_length=HOP_LENGTH,
        htk=True,
        norm=None,
        pad_mode="reflect",
        name="mfcc",
    )(low, shorter)  # [batch, frames, 40]
    mfcc = FixFrames(n_frames, HOP_LENGTH, name="fix_frames")(mfcc, shorter)
    rows = keras.layers.Permute((2, 1), name="rows_first")(mfcc)
    return keras.Model([waveform, lengths], rows, name="four_corpora")


def features_by_librosa(y, sr):
    """Feature Extraction by librosa, its resampling by SciPy: float32 [samples] at any rate ``sr`` → float32 [40, 158].

    The MFCC's filters, which are told nothing of the rate, are those of 16 kHz.
    """
    mel = librosa.feature.melspectrogram(
        y=decimate(y.astype(np.float64), DIVISOR),
        sr=NOMINAL_RATE,
        n_fft=N_FFT,
        hop_length=HOP_LENGTH,
        n_mels=128,
        htk=True,
        norm=None,
        pad_mode="reflect",
    )
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=N_MFCC)  # [40, frames]
    return librosa.util.fix_length(mfcc, size=N_FRAMES, axis=1).astype(np.float32)


FRONT_END = FrontEnd(
    f"mfcc_{N_FRAMES}", None, functools.partial(features, N_FRAMES), features_by_librosa, first_channel=True
)


def training(batch_size):
    """Formatting Data. Ten epochs; no weights are chosen."""
    return Training(optimizer="adam", batch_size=batch_size, epochs=10, callbacks=list, chosen_on=())


def experiment(name, architecture=conv2d_mfcc, *, batch_size=512, **options):
    """Model. ``architecture`` on the MFCC, trained with cross-entropy."""
    model = functools.partial(architecture, (N_MFCC, N_FRAMES, 1))
    return Experiment(name, FRONT_END, model, "categorical_crossentropy", training(batch_size), **options)


EXPERIMENTS = (experiment("cnn"),)


def scores(predictions):
    """Gender, emotion and both, over all test clips and per corpus. → dict"""
    correct = predictions[["corpus"]].copy()
    true, predicted = (predictions[column].str.partition("_") for column in ("true", "predicted"))
    correct["gender"] = true[0] == predicted[0]
    correct["emotion"] = true[2] == predicted[2]
    correct["joint"] = predictions["true"] == predictions["predicted"]
    kinds = ["gender", "emotion", "joint"]
    whole = {f"{kind} accuracy": float(correct[kind].mean()) for kind in kinds[:2]}
    by_corpus = correct.groupby("corpus")[kinds].mean()
    return whole | {
        f"{corpus}: {kind} accuracy": float(by_corpus.at[corpus, kind]) for corpus in by_corpus.index for kind in kinds
    }


FIGURES = (
    Figure("", "savee", 480, "Parsing SAVEE data"),
    Figure("", "ravdess", 1440, "Parsing RAVDESS data"),
    Figure("", "tess", 2798, "Parsing TESS data", "two files are AIFF under the name .wav: we read them, 2800"),
    Figure("", "crema_d", 7442, "Parsing CREMA-D data"),
    Figure("", "clips", 12160, "Concatenating all Four DataFrames"),
    Figure("", "train", 9120, "Data Splitting"),
    Figure("cnn", "accuracy", 0.55, "Model", "55 % after 10 epochs", rounding=0.005),
)

REPORT = Report(
    name="four_corpora",
    title="SAVEE, RAVDESS, TESS, CREMA-D: gender and emotion by a PyTorch CNN on MFCC",
    source="PyTorch Audio Emotion Classifier, student project of Data 690 (Google Colab), 2020",
    corpora=CORPORA,
    labels=LABELS,
    augmentation=originals,  # the report augments nothing
    split=Split(validation=0.05, test=0.2, random_state=0, n_folds=5),
    protocols=("as_reported", "speaker_independent"),
    statistics_from_all=False,
    from_all=(),
    experiments=EXPERIMENTS,
    figures=FIGURES,
    **notes.beside(__file__),
    clip_figures=("class_shares", "durations", "clips"),
    reserved=LABELS[:1],
    classes=classes,
    scores=scores,
    conclusion=findings.conclusion,
)
