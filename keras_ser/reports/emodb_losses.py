"""Mean squared error against cross-entropy on Emo-DB: a CNN and a CNN-LSTM.

Source: H. Mohammadi Alashti, "4th Homework (Recurrent Networks)", course Artificial Intelligence, Department of
Mechanical Engineering, University of Tehran, June 2024. Sections A to E.

Wave files (A) → three pitch shifts and three time stretches of each (A) → 70/15/15 over all of them (A) → noise
reduction, 12 MFCC and the mean energy, 13 × 150 (B) → CNN (C) and CNN-LSTM (D), each with both losses → accuracy and
true/false positives per class (C, D, E).
"""

import keras
import numpy as np

from keras_ser.data.augmentation import Copies, with_copies
from keras_ser.data.protocols import Split
from keras_ser.layers import MFCC, Denoise, FixFrames, MeanEnergy, PeakNormalization, StackFeatures
from keras_ser.librosa_reference import denoise, librosa, resample
from keras_ser.models.cnn import cnn
from keras_ser.models.cnn_lstm import cnn_lstm
from keras_ser.reports import notes
from keras_ser.reports.specification import Experiment, Figure, FrontEnd, Report, Training

# A. The seven emotions in the report's order: file letters W L E A F T N are classes 0 … 6.
LABELS = ("anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral")

SAMPLE_RATE = 16000
N_MFCC = 12
N_FRAMES = 150

# A. 535 clips and 6 copies of each: 3745. All originals, then all pitch shifts, then all time stretches.
COPIES = (
    Copies("pitch_shift", 3, -3.0, 3.0),  # semitones
    Copies("time_stretch", 3, 0.8, 1.2),  # rate
)


def augmentation(manifest, seed):
    """A. Three pitch shifts and three time stretches of every clip."""
    return with_copies(manifest, seed, COPIES)


def features():
    """B. waveform [batch, samples] at 16 kHz, lengths [batch] → [batch, 13, 150]: 12 MFCC and the energy.

    Each row is divided by its largest magnitude over the clip, so the energy, one number per clip, becomes 1 in every
    frame of the clip and 0 in the padding: what it tells the network is how long the clip is.
    """
    waveform = keras.Input((None,), name="waveform")
    lengths = keras.Input((), dtype="int32", name="lengths")
    clean = Denoise(SAMPLE_RATE, name="denoise")(waveform, lengths)
    mfcc = MFCC(SAMPLE_RATE, N_MFCC, name="mfcc")(clean, lengths)  # [batch, frames, 12]
    energy = MeanEnergy(name="energy")(clean, lengths)  # [batch]
    features = StackFeatures(name="stack")([mfcc, energy], lengths)  # [batch, frames, 13]
    features = PeakNormalization(name="normalise")(features, lengths)
    features = FixFrames(N_FRAMES, name="fix_frames")(features, lengths)  # [batch, 150, 13]
    features = keras.layers.Permute((2, 1), name="coefficients_first")(features)  # [batch, 13, 150]
    return keras.Model([waveform, lengths], features, name="emodb_losses")


def features_by_librosa(y, sr):
    """B by the libraries: float32 [samples] at ``sr`` Hz → float32 [13, 150]."""
    clean = denoise(resample(y, sr, SAMPLE_RATE), SAMPLE_RATE)
    mfcc = librosa.feature.mfcc(y=clean, sr=SAMPLE_RATE, n_mfcc=N_MFCC)  # [12, frames]
    energy = np.full_like(mfcc[:1], np.mean(clean**2))
    rows = librosa.util.normalize(np.concatenate([mfcc, energy]), axis=1)
    return librosa.util.fix_length(rows, size=N_FRAMES, axis=1).astype(np.float32)


FRONT_END = FrontEnd("mfcc_and_energy", SAMPLE_RATE, features, features_by_librosa)


def cnn_on_image(n_classes):
    """C. The features as an image of 13 × 150 with one channel. 314,759 parameters."""
    return cnn((N_MFCC + 1, N_FRAMES, 1), n_classes)


def cnn_lstm_over_coefficients(n_classes):
    """D. As the code has it: 13 steps, one per coefficient, of 150 × 1 × 1. 1,479,047 parameters."""
    return cnn_lstm((N_MFCC + 1, N_FRAMES, 1, 1), n_classes)


def callbacks():
    """C, D. Stop when the validation loss has not fallen for 5 epochs; D: go back to the best epoch, and so for C."""
    return [keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)]


# C, D. 50 epochs; D: Adam() and batches of 32, and so for C.
TRAINING = Training(optimizer="adam", batch_size=32, epochs=50, callbacks=callbacks, chosen_on=("validation",))

EXPERIMENTS = tuple(
    Experiment(f"{name}/{loss}", FRONT_END, model, loss, TRAINING)
    for name, model in (("cnn", cnn_on_image), ("cnn_lstm", cnn_lstm_over_coefficients))
    for loss in ("categorical_crossentropy", "mean_squared_error")
)

# E. The table of true and false positives per class; it does not say which loss. Its true positives sum to 509 and 472,
# which are the test accuracies of the two models with cross-entropy (0.9057 and 0.8399 of 562).
TRUE_POSITIVES = {
    "cnn/categorical_crossentropy": (124, 81, 40, 74, 62, 62, 66),
    "cnn_lstm/categorical_crossentropy": (124, 79, 39, 66, 55, 55, 54),
}
FALSE_POSITIVES_AND_NEGATIVES = {  # the report prints the same number for both
    "cnn/categorical_crossentropy": (11, 8, 3, 3, 4, 5, 7),
    "cnn_lstm/categorical_crossentropy": (11, 10, 6, 12, 15, 12, 19),
}


def class_figures():
    """E as figures: TP, FP and FN of 562 test clips by class."""
    for metric, table in (
        ("tp", TRUE_POSITIVES),
        ("fp", FALSE_POSITIVES_AND_NEGATIVES),
        ("fn", FALSE_POSITIVES_AND_NEGATIVES),
    ):
        for experiment, counts in table.items():
            for label, count in zip(LABELS, counts, strict=True):
                yield Figure(experiment, metric, count, "E, table", label=label)


FIGURES = (
    Figure("", "clips", 535, "A"),
    Figure("", "examples", 3745, "A", "3 pitch shifts and 3 time stretches of each clip"),
    Figure("", "train", 2621, "A"),
    Figure("", "validation", 562, "A"),
    Figure("", "test", 562, "A"),
    Figure("cnn/categorical_crossentropy", "accuracy", 0.9057, "C", "509 of 562", rounding=0.00005),
    Figure("cnn/mean_squared_error", "accuracy", 0.9093, "C", "511 of 562", rounding=0.00005),
    Figure("cnn_lstm/categorical_crossentropy", "accuracy", 0.8399, "D", "472 of 562", rounding=0.00005),
    Figure("cnn_lstm/mean_squared_error", "accuracy", 0.8025, "D", "451 of 562", rounding=0.00005),
    *class_figures(),
)

REPORT = Report(
    name="emodb_losses",
    title="Emo-DB: mean squared error against cross-entropy, CNN and CNN-LSTM",
    source="H. Mohammadi Alashti, 4th Homework (Recurrent Networks), University of Tehran, June 2024",
    corpora=("emodb",),
    labels=LABELS,
    augmentation=augmentation,
    split=Split(validation=0.15, test=0.15, random_state=42, n_folds=5),
    protocols=("as_reported", "clip_disjoint", "speaker_independent"),
    statistics_from_all=False,
    from_all=(),
    experiments=EXPERIMENTS,
    figures=FIGURES,
    **notes.beside(__file__),
)
