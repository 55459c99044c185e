"""Conv1D, LSTM and CNN-LSTM on MFCC of TESS, normalised by running mean and standard deviation.

Source: U. Wasowska, M. Kapitan, "Emotion recognition from audio", February 2024. Sections 2 to 5.

Clips of two actresses (2) → MFCC [n_frames, n_mfcc] (3.1, 5) → running mean and standard deviation over the whole set,
then the split (5) → CNN (5.1), LSTM (5.2), CNN-LSTM (5.3) → test accuracy.
"""

import functools

import keras

from keras_ser import librosa_reference
from keras_ser.data.augmentation import originals
from keras_ser.data.protocols import Split
from keras_ser.layers import MFCC, FixFrames, RunningNormalization
from keras_ser.models.conv1d import conv1d
from keras_ser.models.conv1d_lstm import conv1d_lstm
from keras_ser.models.lstm import lstm
from keras_ser.reports.specification import Experiment, Figure, FrontEnd, NotStated, Report, Training
from keras_ser.training.networks import BestCheckpoint

# 2. The seven emotions in the report's order.
LABELS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

# 5. None of the three is stated.
SAMPLE_RATE = 22050
N_MFCC = 20
N_FRAMES = 100


def augmentation(manifest, seed):
    """Every clip as it is: the report augments nothing."""
    return originals(manifest)


def features(sample_rate, n_mfcc, n_frames):
    """5. waveform [batch, samples] at ``sample_rate``, lengths [batch] → MFCC [batch, n_frames, n_mfcc]; longer clips
    are cut, shorter ones padded with zeros.
    """
    waveform = keras.Input((None,), name="waveform")
    lengths = keras.Input((), dtype="int32", name="lengths")
    mfcc = MFCC(sample_rate, n_mfcc, name="mfcc")(waveform, lengths)  # [batch, frames, n_mfcc]
    mfcc = FixFrames(n_frames, name="fix_frames")(mfcc, lengths)
    return keras.Model([waveform, lengths], mfcc, name="tess_mfcc")


def front_end(sample_rate, n_mfcc, n_frames):
    """MFCC by one choice of what the report does not state."""
    choice = {"sample_rate": sample_rate, "n_mfcc": n_mfcc, "n_frames": n_frames}
    return FrontEnd(
        f"mfcc_{sample_rate}_{n_mfcc}_{n_frames}",
        sample_rate,
        functools.partial(features, **choice),
        functools.partial(librosa_reference.tess_features, **choice),
    )


def normalization():
    """5. (mfcc - mean) / std, a mean and a deviation a coefficient, padding left out."""
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
        ours=bool(choice),
        note=", ".join(f"{key} {value} instead of {usual[key]}" for key, value in choice.items()),
    )


EXPERIMENTS = (
    experiment("cnn", conv1d, reduce_learning_rate),
    experiment("lstm", lstm, list),
    experiment("cnn_lstm", conv1d_lstm, keep_the_best),
    # How much the choices matter that the report leaves to us.
    experiment("cnn_13_mfcc", conv1d, reduce_learning_rate, n_mfcc=13),
    experiment("cnn_40_mfcc", conv1d, reduce_learning_rate, n_mfcc=40),
    experiment("cnn_60_frames", conv1d, reduce_learning_rate, n_frames=60),
    experiment("cnn_130_frames", conv1d, reduce_learning_rate, n_frames=130),
    experiment("cnn_16_khz", conv1d, reduce_learning_rate, sample_rate=16000),
)

FIGURES = (
    Figure("", "test", 280, "5.1"),
    Figure("cnn", "accuracy", 0.97, "5.1", "around 97 %", rounding=0.005),
    Figure("lstm", "accuracy", 0.94, "5.2", "around 94 %", rounding=0.005),
    Figure("cnn_lstm", "accuracy", 0.9821, "5.3", "275 of 280", rounding=0.00005),
)

NOT_STATED = (
    NotStated(
        "the sample rate",
        "22050 Hz",
        "librosa.load's default, with which the report reads its files; TESS is at 24414 Hz",
    ),
    NotStated("n_mfcc", "20", "librosa's default; experiments cnn_13_mfcc and cnn_40_mfcc try others"),
    NotStated(
        "n_frames",
        "100 (2.3 s)",
        "longer clips are truncated and shorter ones padded, so it lies between the shortest (55 frames) and the "
        "longest (129); three of four clips fit; cnn_60_frames and cnn_130_frames try others",
    ),
    NotStated(
        "frames, hop and mel filters of the MFCC",
        "librosa's defaults (n_fft 2048, hop_length 512, 128 mel filters)",
        "the report names the library and prints no arguments",
    ),
    NotStated(
        "the split",
        "80 % train, 10 % validation, 10 % test at random, random_state 42 + seed",
        "280 test clips are 10 % of 2800 (98.21 % is 275 of 280); validation as large as test",
    ),
    NotStated("the batch size", "32", "Keras's default"),
    NotStated(
        "the callbacks of the CNN",
        "ReduceLROnPlateau on validation accuracy, Keras's factor (0.1) and patience (10)",
        'section 4.1: "only if validation accuracy (or some other metric) hasn\'t improved"',
    ),
    NotStated(
        "the callbacks of the CNN-LSTM",
        "ModelCheckpoint on validation accuracy; the best epoch's weights are tested",
        "its listing names the callback and not its arguments",
    ),
    NotStated(
        "whether padding is normalised",
        "it counts for nothing and stays 0, the mean",
        "zeros of the padding would pull mean and deviation with the length of the clips",
    ),
    NotStated(
        "seeds",
        "0, 1, 2, …; every figure is a mean over seeds",
        "the report sets none",
    ),
)

DIFFERENCES = (
    "Mean and deviation are computed before the split, over test clips too; under every other protocol they are "
    "taken from train.",
    "Section 3.1 lists a pre-emphasis; librosa's MFCC, which the report uses, has none. Ours has none.",
    'Section 2: "Speakers tell the same sentence": in TESS it is "Say the word …" with 200 words, each spoken in '
    "every emotion by both actresses; a random split has every test word in train.",
    "With two speakers, speaker_independent trains on one actress and tests on the other; validation can only be clips "
    "of the actress in train, so it says nothing of the test.",
)

REPORT = Report(
    name="tess_mfcc",
    title="TESS: Conv1D, LSTM and CNN-LSTM on MFCC",
    source="U. Wasowska, M. Kapitan, Emotion recognition from audio, February 2024",
    corpora=("tess",),
    labels=LABELS,
    augmentation=augmentation,
    split=Split(validation=0.1, test=0.1, random_state=42, n_folds=10),
    protocols=("as_reported", "sentence_independent", "speaker_independent"),
    statistics_from_all=True,
    from_all=("running mean and standard deviation of all clips",),
    experiments=EXPERIMENTS,
    figures=FIGURES,
    not_stated=NOT_STATED,
    differences=DIFFERENCES,
    pictures=("class_distribution", "clips", "chirp"),
)
