"""Band features with an SVM, a 1D CNN on the wave and a 2D CNN on mel pictures, on RAVDESS.

Source: "Speech emotion recognition using spectral features and deep learning approaches", task 8.2 of the unit SIT789
Robotics, Computer Vision and Speech Processing. A task sheet: it says what to compute and show, and prints no result.

Clips of actors 1 to 4 to train on, of actors 5 to 8 to test (2) → centroid, bandwidth and energy of 5 bands of the mel
spectrogram in 200 frames (1) → SVM (2); the raw wave → 1D CNN (3.1); a picture of the mel spectrogram → 2D CNN, with
and without augmentation (3.2).
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import keras

from keras_ser import librosa_reference
from keras_ser.data.augmentation import Copies, originals, with_copies
from keras_ser.data.protocols import SpeakerSplit
from keras_ser.layers import (
    BandShape,
    ClipNormalization,
    FixFrames,
    FixSamples,
    GreyPicture,
    MelSpectrogram,
    RandomMasks,
)
from keras_ser.models.conv1d_wave import conv1d_wave
from keras_ser.models.conv2d_picture import conv2d_picture
from keras_ser.models.kernel_machine import kernel_machine
from keras_ser.reports.specification import Experiment, FrontEnd, NotStated, Report, SupportVectors, Training

# 3.2. In alphabetical order, as the folders Angry, Calm, Happy, Sad.
LABELS = ("anger", "calm", "happiness", "sadness")

SAMPLE_RATE = 48000  # of RAVDESS
N_MELS = 3401
N_FFT = 16384
HOP_LENGTH = int(SAMPLE_RATE * 0.015)
N_FRAMES = 200
BANDS = ((300, 627), (628, 1060), (1061, 1633), (1634, 2393), (2394, 3400))

# 2. What every model is fitted to: all actors that are not tested.
KNOWN = ("train", "validation")

# 1. The band edges as rows of a spectrogram with librosa's own frequency limits (the call as written), or as hertz.
READINGS = {"rows": {"unit": "rows"}, "hertz": {"unit": "hertz", "fmin": 300.0, "fmax": 3400.0}}


def augmentation(manifest, seed):
    """Every clip as it is."""
    return originals(manifest)


PITCH_AND_STRETCH = "two pitch shifts (±2 semitones) and two time stretches (0.85 to 1.15) of each train clip more"


def pitch_and_stretch(manifest, seed):
    """Ours: two pitch shifts and two time stretches more of every clip."""
    plan = (Copies("pitch_shift", 2, -2.0, 2.0), Copies("time_stretch", 2, 0.85, 1.15))
    return with_copies(manifest, seed, plan)


def inputs():
    """waveform [batch, samples], lengths [batch]"""
    return keras.Input((None,), name="waveform"), keras.Input((), dtype="int32", name="lengths")


def bands(kind, reading):
    """1. waveform, lengths → one number a frame and band [batch, 200, 5]; flat: the sheet's columns in a row."""
    waveform, lengths = inputs()
    mel = {"sample_rate": SAMPLE_RATE, "n_fft": N_FFT, "hop_length": HOP_LENGTH, "n_mels": N_MELS}
    shape = BandShape(kind, bands=BANDS, at_most=N_FRAMES, **mel, **READINGS[reading], name=kind)(waveform, lengths)
    fixed = FixFrames(N_FRAMES, HOP_LENGTH, name="fix_frames")(shape, lengths)
    return keras.Model([waveform, lengths], fixed, name=f"{kind}_{reading}")


def bands_by_reference(y, sr, kind, reading):
    return librosa_reference.band_shapes(y, sr, bands=BANDS, **READINGS[reading])[kind].astype("float32")


def wave(normalization):
    """3.1. waveform, lengths → (200 + 1) · hop_length samples [batch, 144720], on the scale of 16-bit integers with
    mean 1000 and deviation 100 ("int16"), or each clip with mean 0 and deviation 1 ("per_clip").
    """
    waveform, lengths = inputs()
    if normalization == "int16":
        fixed = FixSamples((N_FRAMES + 1) * HOP_LENGTH, name="fix_samples")(waveform, lengths)
        scaled = keras.layers.Rescaling(32768.0 / 100.0, -1000.0 / 100.0, name="int16")(fixed)
    else:
        scaled = ClipNormalization(name="per_clip")(waveform, lengths)
        scaled = FixSamples((N_FRAMES + 1) * HOP_LENGTH, name="fix_samples")(scaled, lengths)
    return keras.Model([waveform, lengths], scaled, name=f"wave_{normalization}")


def wave_by_reference(y, sr, normalization):
    n_samples = (N_FRAMES + 1) * HOP_LENGTH
    if normalization == "int16":
        return librosa_reference.int16_wave(y, sr, n_samples=n_samples).astype("float32")
    return librosa_reference.clip_wave(y, sr, n_samples=n_samples).astype("float32")


def picture():
    """3.2. waveform, lengths → picture of the mel spectrogram's logarithm [batch, 150, 50, 1] in [-1, 1].

    What ``GreyPicture`` gives are the pixels of the sheet's 8-bit PNG.
    """
    waveform, lengths = inputs()
    mel = MelSpectrogram(SAMPLE_RATE, N_FFT, HOP_LENGTH, N_MELS, power=1.0, name="mel")(waveform, lengths)
    mel = FixFrames(N_FRAMES, HOP_LENGTH, name="fix_frames")(mel, lengths)  # [batch, 200, 3401]
    grey = GreyPicture(name="png")(keras.layers.Permute((2, 1), name="mels_first")(mel))  # [batch, 3401, 200, 1]
    small = keras.layers.Resizing(150, 50, antialias=True, name="resize")(grey)
    scaled = keras.layers.Rescaling(1 / 127.5, -1.0, name="normalize")(small)
    return keras.Model([waveform, lengths], scaled, name="picture")


def support_vectors(name, kind, reading="rows", *, grid=False, standardize=False, **options):
    """2. RBF and C = 10, or the best of a grid."""
    front_end = FrontEnd(
        f"{kind}_{reading}",
        SAMPLE_RATE,
        functools.partial(bands, kind, reading),
        functools.partial(bands_by_reference, kind=kind, reading=reading),
    )
    training = (
        SupportVectors((0.1, 1.0, 10.0, 100.0), ("rbf", "linear", "poly"), standardize, KNOWN)
        if grid
        else SupportVectors((10.0,), ("rbf",), standardize, KNOWN)
    )
    return Experiment(
        f"{name}/{kind}",
        front_end,
        functools.partial(kernel_machine, (N_FRAMES, len(BANDS))),
        "hinge",
        training,
        **options,
    )


def falling_rate(epochs):
    """Ours: the learning rate falls from 0.001 to 0 along half a cosine."""
    return [keras.callbacks.LearningRateScheduler(lambda epoch: 0.0005 * (1 + math.cos(math.pi * epoch / epochs)))]


def training(epochs):
    """Ours: once on three actors, to see the fourth's curve, then on all four, as an SVM is."""
    return Training("adam", 16, epochs, functools.partial(falling_rate, epochs), chosen_on=(), refit=True)


def translation(height, width):
    """Of a picture, by up to these shares of it."""
    return keras.layers.RandomTranslation(height, width, fill_mode="nearest")


@dataclass(frozen=True)
class Augmentation:
    """What a network is trained on besides the clips. ``layers``: () → layers that alter each picture while training;
    ``copies``: of the clips.
    """

    epochs: int
    layers: Callable[[], list] = list
    copies: Callable = augmentation
    note: str = "each clip as it is"


# Whose clips chose the design of the networks: nothing is tested on them.
SELECTED_ON = {"ravdess": ("01", "02", "03", "04"), "emodb": ()}

# 3.1. Of the energies of the learnt bands, [frames, bands].
WAVE_AUGMENTATIONS = {
    "none": Augmentation(40),
    "shift": Augmentation(40, lambda: [translation(0.06, 0.1)], note="shifts in time and pitch"),
    "pitch_and_stretch": Augmentation(8, copies=pitch_and_stretch, note=PITCH_AND_STRETCH),
    "pitch_stretch_and_shift": Augmentation(
        16, lambda: [translation(0.06, 0.1)], pitch_and_stretch, f"{PITCH_AND_STRETCH}; shifts in time and pitch"
    ),
}

# 3.2. Of the pictures, [150, 50]: mels, frames.
PICTURE_AUGMENTATIONS = {
    "none": Augmentation(60),
    "shift": Augmentation(60, lambda: [translation(0.05, 0.15)], note="shifts in time, and a little in frequency"),
    "time_shift": Augmentation(60, lambda: [translation(0.0, 0.2)], note="shifts in time"),
    "masks": Augmentation(60, lambda: [RandomMasks(0.2, 0.2)], note="masks, as SpecAugment's"),
    "crop": Augmentation(
        60,
        lambda: [keras.layers.RandomZoom((-0.2, 0.0)), translation(0.1, 0.1)],
        note="a part of the picture, enlarged",
    ),
    "flip": Augmentation(60, lambda: [keras.layers.RandomFlip("horizontal_and_vertical")], note="mirrored"),
    "rotation": Augmentation(
        60, lambda: [keras.layers.RandomRotation(0.08, fill_mode="nearest")], note="turned by up to 29 degrees"
    ),
    "pitch_and_stretch": Augmentation(12, copies=pitch_and_stretch, note=PITCH_AND_STRETCH),
    "pitch_stretch_and_shift": Augmentation(
        24, lambda: [translation(0.05, 0.15)], pitch_and_stretch, f"{PITCH_AND_STRETCH}; shifts in time and frequency"
    ),
}

# Chosen as NOT_STATED says.
WAVE_AUGMENTATION = "none"
PICTURE_AUGMENTATION = "none"

# Of the energies before their logarithm, so that it flattens out at those of the pauses: int16 waves come in hundreds,
# those of one deviation in ones.
ENERGY_SCALES = {"int16": 1e3, "per_clip": 1e5}


def wave_network(name, normalization, augmentation=WAVE_AUGMENTATION, **options):
    """3.1."""
    way = WAVE_AUGMENTATIONS[augmentation]

    def model(n_classes):
        shape = ((N_FRAMES + 1) * HOP_LENGTH, 1)
        return conv1d_wave(shape, n_classes, way.layers(), scale=ENERGY_SCALES[normalization])

    front_end = FrontEnd(
        f"wave_{normalization}",
        SAMPLE_RATE,
        functools.partial(wave, normalization),
        functools.partial(wave_by_reference, normalization=normalization),
    )
    return network(name, front_end, model, way, **options)


def picture_network(name, augmentation=PICTURE_AUGMENTATION, **options):
    """3.2."""
    way = PICTURE_AUGMENTATIONS[augmentation]

    def model(n_classes):
        return conv2d_picture((150, 50, 1), n_classes, way.layers())

    return network(
        name, FrontEnd("picture", SAMPLE_RATE, picture, librosa_reference.small_mel_picture), model, way, **options
    )


def network(name, front_end, model, way, **options):
    """3."""
    loss = "categorical_crossentropy"
    options = {"augmentation": way.copies, "selected_on": SELECTED_ON, "note": way.note, **options}
    return Experiment(name, front_end, model, loss, training(way.epochs), **options)


KINDS = ("centroid", "bandwidth", "energy")
NETWORKS = ("cnn_1d/int16", "cnn_1d/per_clip", "cnn_2d")
EXPERIMENTS = (
    *(support_vectors("svm", kind) for kind in KINDS),
    *(support_vectors("svm_grid", kind, grid=True, standardize=True) for kind in KINDS),
    wave_network("cnn_1d/int16", "int16"),
    wave_network("cnn_1d/per_clip", "per_clip"),
    picture_network("cnn_2d"),
    *(
        support_vectors("svm_standardized", kind, standardize=True, ours=True, note="each number standardised")
        for kind in (*KINDS, "deviation", "raw_energy")
    ),
    *(
        support_vectors("svm_hertz", kind, "hertz", ours=True, note="bands in hertz")
        for kind in (*KINDS, "deviation", "raw_energy")
    ),
    *(
        support_vectors(
            "svm_hertz_standardized",
            kind,
            "hertz",
            standardize=True,
            ours=True,
            note="bands in hertz, each number standardised",
        )
        for kind in (*KINDS, "deviation", "raw_energy")
    ),
    *(
        support_vectors("svm_grid_hertz", kind, "hertz", grid=True, standardize=True, ours=True, note="bands in hertz")
        for kind in KINDS
    ),
    *(
        wave_network(f"cnn_1d_augmented/{name}", "int16", name, ours=True)
        for name in WAVE_AUGMENTATIONS
        if name != WAVE_AUGMENTATION
    ),
    *(
        picture_network(f"cnn_2d_augmented/{name}", name, ours=True)
        for name in PICTURE_AUGMENTATIONS
        if name != PICTURE_AUGMENTATION
    ),
)


def conclusion(table, passes):
    """2, 3 and 3.2: the best and the worst feature type, the networks beside the SVM, the use of augmentation."""
    parts = []
    for protocol, where in (("as_reported", "On the four test actors"), ("speaker_independent", "Over all speakers")):
        own = [item for item in passes if item.facts["protocol"] == protocol and not item.diverged]
        rows = table[(table["protocol"] == protocol) & (table["metric"] == "accuracy") & (table["n"] > 0)]
        lines = answers(rows.set_index("experiment"), chosen_by_training_speakers(own))
        if lines:
            parts.append("\n".join([f"{where}:", "", *(f"- {line}" for line in lines)]))
    return "\n\n".join(parts)


def chosen_by_training_speakers(passes):
    """2. Of the grids the one with the best accuracy in its cross-validation, chosen anew in each training.

    → (names that were chosen, accuracy over all trainings), None where no grid is there
    """
    grids = [run for item in passes if item.facts["experiment"].startswith("svm_grid") for run in item.runs]
    best = {}
    for run in grids:
        training = (run.facts["seed"], run.facts["fold"])
        score = run.history()["val_accuracy"].max()
        if training not in best or score > best[training][0]:
            best[training] = (score, run)
    if not best:
        return None
    chosen = [run for _, run in best.values()]
    right = sum(run.metrics["accuracy"] * run.metrics["test"] for run in chosen)
    names = sorted({run.facts["experiment"] for run in chosen})
    return names, right / sum(run.metrics["test"] for run in chosen)


def amount(row):
    """Accuracy of a row of the table, with its spread over the repetitions where it has one."""
    return f"{row['mean']:.3f}" + (f" ± {row['std']:.3f}" if row["std"] > 0 else "")


def answers(rows, fair):
    """``rows``: accuracies of the table by experiment; ``fair``: of :func:`chosen_by_training_speakers`.

    → list of sentences
    """
    rows = rows.assign(mean=rows["mean"].astype(float), std=rows["std"].astype(float).fillna(0.0))
    said = {name: f"`{name}` {amount(row)}" for name, row in rows.iterrows()}
    mean = rows["mean"]
    lines = []
    for family in ("svm", "svm_grid"):
        found = mean.reindex([f"{family}/{kind}" for kind in KINDS]).dropna()
        if len(found) > 1:
            lines.append(f"`{family}`: best features {said[found.idxmax()]}, worst {said[found.idxmin()]}.")
    machines = [name for name in mean.index if name.startswith("svm")]
    as_told = [name for name in machines if name.startswith("svm/")]  # RBF, C = 10
    networks = [name for name in NETWORKS if name in mean.index]
    if as_told and networks:
        best = mean[as_told].idxmax()
        bars = {f"the sheet's SVM with its best features, {said[best]}": mean[best]}
        if fair:
            names, accuracy = fair
            names = " or ".join(f"`{name}`" for name in names)
            bars[f"the SVM that cross-validation over the training speakers chooses ({names}), {accuracy:.3f}"] = (
                accuracy
            )
        lines.append("The sheet asks that no CNN fall below the SVM. The test clips choose its best features here.")
        for bar, least in bars.items():
            met = [said[name] for name in networks if mean[name] >= least - 1e-6]
            missed = [said[name] for name in networks if mean[name] < least - 1e-6]
            parts = (("met by", met), ("not met by", missed))
            words = [f"{word} {', '.join(names)}" for word, names in parts if names]
            lines.append(f"Requirement CNN ≥ SVM, beside {bar}: {'; '.join(words)}.")
    for listed, plain in (("cnn_1d/int16", WAVE_AUGMENTATION), ("cnn_2d", PICTURE_AUGMENTATION)):
        prefix = f"{listed.partition('/')[0]}_augmented/"
        others = {name.removeprefix(prefix): name for name in mean.index if name.startswith(prefix)}
        if listed in mean.index and others:
            changes = ", ".join(
                f"{way.replace('_', ' ')} {mean[name] - mean[listed]:+.3f}".replace("-", "−")
                for way, name in others.items()
            )
            lines.append(
                f"Augmentation, difference of the mean accuracy from {said[listed]} ({plain}): {changes}; described, "
                "not tested (`compare models` tests over speakers)."
            )
            if listed == "cnn_2d":
                lines.append(
                    "Flips reverse time or frequency and rotations mix them; neither occurs in speech. Shifts in time "
                    "and small changes of pitch and pace do."
                )
    return lines


NOT_STATED = (
    NotStated(
        "the data set of Task 8.1 that is used",
        "RAVDESS speech: angry, calm, happy, sad; actors 1 to 4 train, 5 to 8 test",
        "folders Train/Test × Angry, Calm, Happy, Sad with 128 clips each",
    ),
    NotStated(
        "a corpus without calm speech",
        "its neutral speech is called calm",
        "for stand-ins such as Emo-DB; RAVDESS has both",
    ),
    NotStated(
        "equations (22) to (24)",
        "centroid: mean position weighted by power; bandwidth: second moment about it; energy: the band's share of "
        "that of all bands",
        "the slides are not at hand; experiments of ours take the root of the moment (deviation) and the energy itself "
        "(raw_energy)",
    ),
    NotStated(
        "what the band edges 300 to 3400 count",
        "rows of the spectrogram of 3401 rows, whose limits are librosa's (0 Hz and half the rate)",
        "the call as the sheet writes it; svm_hertz reads them as hertz, with fmin 300 and fmax 3400",
    ),
    NotStated(
        "read as hertz, the band of a row whose filter peaks between two bands, as between 627 and 628 Hz",
        "the lower of the two: 5 of the 3401 rows, with peaks at 627.20, 627.75, 1060.54, 1633.26 and 2393.17 Hz",
        "every row then counts in exactly one band; read as rows, the edges leave no row between two bands",
    ),
    NotStated("the scale of the features", "as they are; svm_grid and svm_standardized standardise", "it decides much"),
    NotStated(
        "values of C and kernels to try",
        "C in 0.1, 1, 10, 100; RBF, linear and cubic kernel; chosen by leaving out each training actor in turn",
        "never by the test actors",
    ),
    NotStated("the rows and frames of the pictures", "3401 rows, the first 200 frames", "as in section 1"),
    NotStated(
        "the networks",
        "1D: a filterbank that starts as Gabor filters and is learnt, logarithm of its energies, three narrow "
        "convolutions; 2D: three convolutions; both with batch normalisation, pooling, dropout and one mean over time",
        "free to design; chosen among some twenty by leaving out each training actor in turn; the test actors took no "
        "part",
    ),
    NotStated(
        "what the networks are trained on besides the clips",
        "nothing; the experiments cnn_1d_augmented and cnn_2d_augmented try what could be",
        "chosen by the clips that they got right of Emo-DB (reproduce spectral_features --corpus emodb --protocols "
        "speaker_independent --seeds 4 --experiments all: 339) and of the training actors, each left out in turn "
        "(128, two seeds): 1D 0.709, with shifts 0.678; 2D 0.667, with copies of other pitch and pace 0.663, with "
        "both 0.660, with shifts 0.631; mirrored and turned pictures were not tried there. Such a figure moves by some "
        "0.03 with the seeds: on Emo-DB the 1D network has 0.808 of the clips with these four and 0.749 with four more "
        "(--seeds 8), which chose nothing, the 2D one 0.746 and 0.749. So were the size of the 1D network's first "
        "weights and the floor of its logarithm: 0.643 before, with shifts. An earlier choice by the four training "
        "actors alone had taken shifts for both, which fell below the SVM on the test actors (0.480 and 0.487): so few "
        "speakers choose badly. The rule of the second choice was fixed before its runs, but by then those scores of "
        "the first were known",
    ),
    NotStated(
        "how the networks are trained",
        "Adam, batches of 16, 40 epochs (1D) or 60 (2D), learning rate falling along half a cosine; once on three "
        "actors, for the curve on the fourth (seed k leaves out the k-th), then anew on all four; that one is tested",
        "an SVM learns from all four too; no epoch is chosen by a side that is so small",
    ),
    NotStated(
        "probabilities of the SVM",
        "softmax of its decision values: an order, not calibrated",
        "the sheet asks for none",
    ),
)

DIFFERENCES = (
    "No chance enters an SVM: under as_reported it is one fit, without a spread over repetitions; the interval over "
    "clips tells more.",
    "The sheet's normalisation of the wave, mean 1000 and deviation 100, has little to do with the clips: their mean "
    "is near 0.",
    "The printed dataset class takes a label for a path by the order of os.listdir, which no system promises.",
    "With 3401 rows most filters at low frequencies are narrower than a bin of the transform and stay empty: the "
    "logarithm's floor, 1e-9, is then the darkest value of every picture.",
)

REPORT = Report(
    name="spectral_features",
    title="RAVDESS: SVM on band features, 1D CNN on the wave, 2D CNN on mel pictures",
    source="SIT789, Task 8.2: Speech emotion recognition using spectral features and deep learning approaches",
    corpora=("ravdess",),
    labels=LABELS,
    augmentation=augmentation,
    split=SpeakerSplit(validation=0.25, test=0.5, random_state=0, n_folds=4, test_speakers=("05", "06", "07", "08")),
    protocols=("as_reported", "speaker_independent"),
    statistics_from_all=False,
    from_all=(),
    experiments=EXPERIMENTS,
    figures=(),
    not_stated=NOT_STATED,
    differences=DIFFERENCES,
    pictures=("class_distribution", "clips", "mel_pictures"),
    speakers=tuple(f"{actor:02d}" for actor in range(1, 9)),
    instead={"calm": "neutral"},
    conclusion=conclusion,
)
