"""Gender and emotion from SAVEE, RAVDESS, TESS and CREMA-D together: a CNN on torchaudio's MFCC, written in PyTorch.

Source: "PyTorch Audio Emotion Classifier", a student's notebook (Data 690, Google Colab, 2020) with the remarks of
a reviewer in it ("Prof: …"). Its headings are cited.

Clips of four corpora ("Loading dataset into dataframes") → first channel at a tenth of its own rate → MFCC of
torchaudio's defaults, padded on the right to 158 frames ("Feature Extraction", "Formatting Data") → CNN, 15 outputs:
"unknown" and gender_emotion ("Label Encoding").
"""

import functools

import keras
import pandas as pd

from keras_ser import librosa_reference
from keras_ser.data.augmentation import originals
from keras_ser.data.protocols import Split
from keras_ser.layers import MFCC, Decimate, FixFrames
from keras_ser.models.conv2d_mfcc import conv2d_mfcc
from keras_ser.models.resnet_mfcc import resnet_mfcc
from keras_ser.reports.specification import Experiment, Figure, FrontEnd, NotStated, Report, Training

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


def augmentation(manifest, seed):
    """Every clip as it is: the report augments nothing."""
    return originals(manifest)


def classes(manifest):
    """Parsing …: gender and emotion, RAVDESS's calm counted as neutral. → Series [clips]"""
    return manifest["gender"] + "_" + manifest["emotion"].replace("calm", "neutral")


def longest(manifest):
    """Frames of the longest clip: what the report's reviewer asks to be found by program ("Formatting Data")."""
    decimated = -(-manifest["samples"] // DIVISOR)
    return int(decimated.max() // HOP_LENGTH + 1)


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


def front_end(n_frames):
    return FrontEnd(
        f"mfcc_{n_frames}",
        None,
        functools.partial(features, n_frames),
        functools.partial(librosa_reference.four_corpora_features, n_frames=n_frames),
        first_channel=True,
    )


def training(batch_size):
    """Formatting Data. Ten epochs; no weights are chosen."""
    return Training(optimizer="adam", batch_size=batch_size, epochs=10, callbacks=list, chosen_on=())


def experiment(name, architecture=conv2d_mfcc, *, n_frames=N_FRAMES, batch_size=512, **options):
    return Experiment(
        name,
        front_end(n_frames),
        functools.partial(architecture, (N_MFCC, n_frames, 1)),
        "categorical_crossentropy",
        training(batch_size),
        **options,
    )


def padded_to(n_frames):
    """The report's CNN on clips padded to ``n_frames``."""
    note = "padded to the longest clip of the data, instead of 158 frames"
    return experiment(
        "cnn_longest", n_frames=n_frames, size=n_frames, size_of=longest, at_size=padded_to, ours=True, note=note
    )


EXPERIMENTS = (
    experiment("cnn"),
    experiment("cnn_batch_32", batch_size=32, ours=True, note="batches of 32 (the reviewer: 512 is large)"),
    experiment(
        "resnet",
        resnet_mfcc,
        batch_size=32,
        ours=True,
        note="a small residual network, batches of 32 (the reviewer: why not a ResNet)",
    ),
    padded_to(N_FRAMES),
)


def scores(predictions):
    """Gender, emotion and both, over all test clips and per corpus. → dict"""
    found = predictions[["corpus"]].copy()
    true, predicted = (predictions[column].str.partition("_") for column in ("true", "predicted"))
    found["gender"] = true[0] == predicted[0]
    found["emotion"] = true[2] == predicted[2]
    found["joint"] = predictions["true"] == predictions["predicted"]
    kinds = ["gender", "emotion", "joint"]
    whole = {f"{kind} accuracy": float(found[kind].mean()) for kind in kinds[:2]}
    by_corpus = found.groupby("corpus")[kinds].mean()
    return whole | {
        f"{corpus}: {kind} accuracy": float(by_corpus.at[corpus, kind]) for corpus in by_corpus.index for kind in kinds
    }


def conclusion(table, passes):
    """What the joint label hides; the report's table of epochs (Model), means over the repetitions."""
    rows = table[table["experiment"] == "cnn"].set_index(["protocol", "metric"])["mean"]
    lines = []
    for protocol in rows.index.unique("protocol"):
        mean = rows[protocol].dropna()
        if "gender accuracy" in mean:
            joint = {name: mean.get(f"{name}: joint accuracy") for name in CORPORA}
            by_corpus = ", ".join(f"{name} {share:.3f}" for name, share in joint.items() if share is not None)
            lines.append(
                f"- `{protocol}`, cnn: {mean['accuracy']:.3f} of the clips get gender and emotion right ({by_corpus}), "
                f"{mean['gender accuracy']:.3f} the gender, {mean['emotion accuracy']:.3f} the emotion."
            )
    histories = [
        history
        for item in passes
        if (item.facts["experiment"], item.facts["protocol"]) == ("cnn", "as_reported") and not item.diverged
        for history in item.histories()
    ]
    if histories:
        epochs = pd.concat(histories).groupby("epoch").mean().reset_index()
        epochs = epochs[["epoch", "seconds", "loss", "val_loss", "accuracy", "val_accuracy"]]
        lines += ["", "Epochs of cnn, as_reported:", "", epochs.to_markdown(index=False, floatfmt=".3g")]
    return "\n".join(lines)


FIGURES = (
    Figure("", "savee", 480, "Parsing SAVEE data"),
    Figure("", "ravdess", 1440, "Parsing RAVDESS data"),
    Figure("", "tess", 2798, "Parsing TESS data", "two files are AIFF under the name .wav: we read them, 2800"),
    Figure("", "crema_d", 7442, "Parsing CREMA-D data"),
    Figure("", "clips", 12160, "Concatenating all Four DataFrames"),
    Figure("", "train", 9120, "Data Splitting"),
    Figure("cnn", "accuracy", 0.55, "Model", "55 % after 10 epochs", rounding=0.005),
)

NOT_STATED = (
    NotStated(
        "the split's random_state, and whether it is stratified",
        "75 % train at random, random_state 0 + seed, not stratified",
        "the call is cut off at the edge of the page; 9120 of 12160 are 75 %",
    ),
    NotStated(
        "validation",
        "5 % of the clips, taken from the 25 % that are held out; 20 % are the test",
        "the report watches its test clips after each epoch; here no curve shows a test clip. It chooses nothing by "
        "them: the weights after the tenth epoch are tested",
    ),
    NotStated("the optimizer", "Adam, learning rate 0.001", "it lies in a file that is not printed (train_network)"),
    NotStated(
        "the order of the classes",
        "unknown, then by alphabet",
        "the encoder numbers them as os.listdir brings them, which no system promises; it decides nothing",
    ),
    NotStated(
        "TESS's rate, a tenth of which is 2441.4 Hz",
        "every tenth sample of the low-passed wave, as for the other corpora",
        "torchaudio 0.5.0 does that too, but skips 4 of every 24414 samples since it counts in whole hertz",
    ),
    NotStated(
        "speakers",
        "speaker_independent deals the speakers into five folds, corpus by corpus and women and men apart (TESS's two "
        "speakers into different folds); a repetition tests each fold once and validates on the next",
        "the report does not look at speakers",
    ),
)

DIFFERENCES = (
    "The report finds 2798 clips in TESS; the corpus has 2800. Two of its files are AIFF inside and named .wav "
    "(YAF_germ_angry, YAF_neat_fear); we read them.",
    'Its chart "Class Distribution in different Datasets" shows the mean duration by label, not the distribution, and '
    "for CREMA-D the numbers of RAVDESS (crema_class_dict is computed from RAV_df). Both quantities are drawn here.",
    "The filters of the MFCC are those of 16 kHz and the sound is at 1600 to 4800 Hz: a filter that says 8000 Hz hears "
    "800 Hz in CREMA-D and 2400 Hz in RAVDESS. The rate of a recording, that is its corpus, moves every feature.",
    "Its epoch table prints one loss for train and validation alike (14293.05 in epoch 2), and a sum, not a mean.",
    "The text speaks of higher accuracy by more epochs; the report's reviewer, of a network that pools too fast, of a "
    "large batch and of a ResNet: cnn_batch_32 and resnet are ours to answer.",
    "An epoch took the report 49 minutes, since every clip was decoded, resampled and transformed in each of them; the "
    "features are computed once here (`benchmark --training` times both).",
)

REPORT = Report(
    name="four_corpora",
    title="SAVEE, RAVDESS, TESS, CREMA-D: gender and emotion by a PyTorch CNN on MFCC",
    source="PyTorch Audio Emotion Classifier, student project of Data 690 (Google Colab), 2020",
    corpora=CORPORA,
    labels=LABELS,
    augmentation=augmentation,
    split=Split(validation=0.05, test=0.2, random_state=0, n_folds=5),
    protocols=("as_reported", "speaker_independent"),
    statistics_from_all=False,
    from_all=(),
    experiments=EXPERIMENTS,
    figures=FIGURES,
    not_stated=NOT_STATED,
    differences=DIFFERENCES,
    pictures=("class_shares", "durations", "clips"),
    classes=classes,
    scores=scores,
    conclusion=conclusion,
)
