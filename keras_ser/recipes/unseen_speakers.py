"""A model for unseen speakers: raw audio at 16 kHz to emotion, trained from scratch on three corpora.

CREMA-D, RAVDESS and Emo-DB are taken together; their speakers are dealt into folds corpus by corpus, so that each clip
is tested by a network whose training set does not have its speaker. What was tried, and on which speakers it was
chosen: ``docs/unseen_speakers.md``.

Waveform → low-level descriptors, 100 frames per second → their log-mel spectrogram at 50 frames per second, and
functionals of the clip → convolutions with attention and a hidden layer, two opinions whose mean counts; beside it the
classic baseline, a linear support vector machine on the same functionals, of each corpus by itself.
"""

import functools
import math

import keras
import pandas as pd

from keras_ser.data.augmentation import Copies, originals, with_copies
from keras_ser.data.protocols import Split
from keras_ser.dsp import functionals
from keras_ser.layers import Descriptors, FixFrames, Functionals
from keras_ser.models.attentive_cnn import attentive_cnn
from keras_ser.models.mlp import mlp
from keras_ser.models.svm import svm
from keras_ser.recipes import findings
from keras_ser.reports import opensmile
from keras_ser.reports.specification import Experiment, FrontEnd, Report, SupportVectors, Training
from keras_ser.training import metrics
from keras_ser.training.losses import PossibleCrossentropy

CORPORA = ("emodb", "ravdess", "crema_d")
LABELS = ("anger", "boredom", "calm", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

SAMPLE_RATE = 16000
HOP_LENGTH = 160
N_MELS = 64
N_FUNCTIONALS = functionals.size(N_MELS)
N_FRAMES = 200  # of the spectrogram, 20 ms apart: the first four seconds of a clip
PIECE = 112  # of them that the network is trained on at a time
EPOCHS = 30
RATE, LEAST_RATE = 2e-3, 2e-5  # of learning, after the first epoch and at the end
COPIES = {"emodb": 3, "ravdess": 1}  # of each clip of the small corpora in train
# Whose clips chose the designs: a fold of speakers at first, later what three of the folds that are tested said
# (docs/unseen_speakers.md). So no speaker is left on whom two designs could be compared by a test.
SELECTED_ON = dict.fromkeys(CORPORA, ())


def features(with_spectrogram):
    """waveform [batch, samples], lengths [batch] → functionals [batch, numbers], behind the spectrogram if it is wanted

    The natural logarithms of the mel powers of speech are -6 ± 4, of which something around 0 is made.
    """
    waveform = keras.Input((None,), name="waveform")
    lengths = keras.Input((), dtype="int32", name="lengths")
    descriptors = Descriptors(SAMPLE_RATE, hop_length=HOP_LENGTH, n_mels=N_MELS, name="descriptors")(waveform, lengths)
    outputs = Functionals(N_MELS, HOP_LENGTH, name="functionals")(descriptors, lengths)
    if with_spectrogram:
        mel = keras.layers.Rescaling(1 / 3, 2.0, name="scale")(descriptors[..., :N_MELS])
        mel = FixFrames(2 * N_FRAMES, HOP_LENGTH, name="fix_frames")(mel, lengths)
        mel = keras.layers.AveragePooling1D(2, name="pairs")(mel)  # [batch, N_FRAMES, N_MELS]
        outputs = keras.layers.Concatenate(name="both")([keras.layers.Flatten(name="flat")(mel), outputs])
    return keras.Model([waveform, lengths], outputs, name="unseen_speakers")


def balanced(manifest, seed=None):
    """The clips, and ``COPIES`` of those of the small corpora, so that none is drowned: a corpus then counts by about
    the root of the number of its clips.
    """
    plans = {corpus: (Copies("none", count, 0.0, 0.0),) for corpus, count in COPIES.items()}
    tables = [
        with_copies(clips, seed, plans.get(corpus, ())) for corpus, clips in manifest.groupby("corpus", sort=False)
    ]
    return pd.concat(tables, ignore_index=True)


def of_corpus(corpus, manifest, seed=None):
    """The clips of one corpus."""
    return originals(manifest[manifest["corpus"] == corpus])


def learning_rate(epoch):
    """Rises in the first epoch, then falls along a cosine (I. Loshchilov, F. Hutter, "SGDR", 2017)."""
    if epoch == 0:
        return RATE / 4
    done = min((epoch - 1) / (EPOCHS - 2), 1.0)  # with more epochs than these it stays where it ends
    return LEAST_RATE + (RATE - LEAST_RATE) * (1 + math.cos(math.pi * done)) / 2


def callbacks():
    return [keras.callbacks.LearningRateScheduler(learning_rate)]


def optimizer():
    """AdamW; what is tested is the moving average of the weights."""
    options = {"weight_decay": 0.01, "use_ema": True, "ema_momentum": 0.995}
    return keras.optimizers.serialize(keras.optimizers.AdamW(RATE, **options))


TRAINING = Training(optimizer(), batch_size=32, epochs=EPOCHS, callbacks=callbacks, chosen_on=(), validates=False)


def network(n_classes):
    return attentive_cnn((N_FRAMES, N_MELS), n_classes, n_functionals=N_FUNCTIONALS, piece=PIECE)


def of_functionals(n_classes):
    return mlp((N_FUNCTIONALS,), n_classes)


def linear_svm(n_classes):
    return svm((N_FUNCTIONALS,), n_classes)


EXPERIMENTS = (
    Experiment(
        "cnn",
        FrontEnd("spectrogram_and_functionals", SAMPLE_RATE, functools.partial(features, True), None),
        network,
        PossibleCrossentropy.NAME,
        TRAINING,
        augmentation=balanced,
        selected_on=SELECTED_ON,
    ),
    Experiment(
        "mlp",
        FrontEnd("functionals", SAMPLE_RATE, functools.partial(features, False), None),
        of_functionals,
        PossibleCrossentropy.NAME,
        TRAINING,
        augmentation=balanced,
        selected_on=SELECTED_ON,
        note="the second opinion alone: one hidden layer on the functionals",
    ),
    *(
        Experiment(
            f"svm/{corpus}",
            FrontEnd("functionals", SAMPLE_RATE, functools.partial(features, False), None),
            linear_svm,
            "hinge",
            SupportVectors(C=(1e-3,), kernels=("linear",), standardize=True, fitted_on=("train", "validation")),
            augmentation=functools.partial(of_corpus, corpus),
            corpus=corpus,
            selected_on=SELECTED_ON,
            note="a linear SVM on the functionals of one corpus",
        )
        for corpus in CORPORA
    ),
    *(
        opensmile.baseline(
            f"svm_{kind}/{corpus}", kind, functools.partial(of_corpus, corpus), corpus=corpus, selected_on=SELECTED_ON
        )
        for kind in opensmile.SETS
        for corpus in CORPORA
    ),
)


def scores(predictions):
    """Accuracy and UAR of each corpus. → dict"""
    by_corpus = {}
    for corpus, group in predictions.groupby("corpus", sort=False):
        labels = sorted({*group["true"], *group["predicted"]})  # recordings of a user's own have others than LABELS
        of_corpus = metrics.scores(*(metrics.indices(group[name], labels) for name in ("true", "predicted")))
        by_corpus |= {f"{corpus}: {name}": of_corpus[name] for name in ("accuracy", "uar")}
    return by_corpus


REPORT = Report(
    name="unseen_speakers",
    title="CREMA-D, RAVDESS, Emo-DB: a network for unseen speakers",
    source="A recipe of this project",
    corpora=CORPORA,
    labels=LABELS,
    augmentation=originals,
    split=Split(validation=0.1, test=0.2, random_state=0, n_folds=5),
    protocols=("speaker_independent",),
    statistics_from_all=False,
    from_all=(),
    experiments=EXPERIMENTS,
    figures=(),
    not_stated=(),
    differences=(),
    clip_figures=("class_distribution",),
    classes_by_corpus=True,
    scores=scores,
    conclusion=findings.conclusion,
)
