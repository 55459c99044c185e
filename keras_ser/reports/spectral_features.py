"""Band features with an SVM, a 1D CNN on the wave and a 2D CNN on mel images, on RAVDESS.

Source: "Speech emotion recognition using spectral features and deep learning approaches", task 8.2 of the unit SIT789
Robotics, Computer Vision and Speech Processing. A task sheet: it says what to compute and show, and prints no result.

Clips of actors 1 to 4 to train on, of actors 5 to 8 to test (2) → centroid, bandwidth and energy of 5 bands of the mel
spectrogram in 200 frames (1) → SVM (2); the raw wave → 1D CNN (3.1); an image of the mel spectrogram → 2D CNN, with
and without augmentation (3.2).
"""

import functools
import math

import keras
import numpy as np

from keras_ser import corpora
from keras_ser.data.augmentation import originals
from keras_ser.data.protocols import SpeakerSplit
from keras_ser.layers import BandShape, ClipNormalization, FixFrames, FixSamples, GreyImage, MelSpectrogram, RandomMasks
from keras_ser.librosa_reference import band_shapes, librosa, resizing
from keras_ser.models.conv1d_wave import conv1d_wave
from keras_ser.models.conv2d_image import conv2d_image
from keras_ser.models.svm import svm
from keras_ser.reports import notes
from keras_ser.reports.findings import spectral_features as findings
from keras_ser.reports.specification import Experiment, FrontEnd, Report, SupportVectors, Training

# 3.2. In alphabetical order, as the folders Angry, Calm, Happy, Sad.
LABELS = ("anger", "calm", "happiness", "sadness")

SAMPLE_RATE = 48000  # of RAVDESS
N_MELS = 3401
N_FFT = 16384
HOP_LENGTH = int(SAMPLE_RATE * 0.015)
N_FRAMES = 200
N_SAMPLES = (N_FRAMES + 1) * HOP_LENGTH  # of the raw wave
BANDS = ((300, 627), (628, 1060), (1061, 1633), (1634, 2393), (2394, 3400))

# 1. The band edges as rows of a spectrogram with librosa's own frequency limits (the call as written), or as hertz.
READINGS = {"rows": {"unit": "rows"}, "hertz": {"unit": "hertz", "fmin": 300.0, "fmax": 3400.0}}
KINDS = ("centroid", "bandwidth", "energy")

# Whose clips chose the networks' design; scores of the test actors were known by then (docs/choosing_networks.md).
SELECTED_ON = {"ravdess": ("01", "02", "03", "04"), "emodb": ()}
WAVE_SELECTED_ON = {**SELECTED_ON, "ravdess": (*SELECTED_ON["ravdess"], *(f"{actor:02d}" for actor in range(9, 17)))}

# 3.1. Of the energies before their logarithm, so that it flattens out at those of the pauses.
ENERGY_SCALES = {"int16": 1e3, "per_clip": 1e5}


def classes(manifest):
    """The emotions; neutral speech of another corpus that has none that is calm is the calm one. → Series [clips]"""
    without_calm = manifest["corpus"].isin({*corpora.CORPORA} - {"ravdess"}) & ~manifest["emotion"].eq("calm").any()
    return manifest["emotion"].mask(without_calm & manifest["emotion"].eq("neutral"), "calm")


def inputs():
    """waveform [batch, samples], lengths [batch]"""
    return keras.Input((None,), name="waveform"), keras.Input((), dtype="int32", name="lengths")


def bands(kind, reading):
    """1. waveform, lengths → one number per frame and band [batch, 200, 5]; flat: the sheet's columns in a row."""
    waveform, lengths = inputs()
    mel = {"sample_rate": SAMPLE_RATE, "n_fft": N_FFT, "hop_length": HOP_LENGTH, "n_mels": N_MELS}
    shape = BandShape(kind, bands=BANDS, at_most=N_FRAMES, **mel, **READINGS[reading], name=kind)(waveform, lengths)
    fixed = FixFrames(N_FRAMES, HOP_LENGTH, name="fix_frames")(shape, lengths)
    return keras.Model([waveform, lengths], fixed, name=f"{kind}_{reading}")


def bands_by_librosa(y, sr, *, kind, reading):
    """1 by librosa: float32 [samples] at ``sr`` Hz → float32 [200, 5]."""
    return band_shapes(y, sr, bands=BANDS, **READINGS[reading])[kind].astype(np.float32)


def wave(normalization):
    """3.1. waveform, lengths → (200 + 1) · hop_length samples [batch, 144720], on the scale of 16-bit integers with
    mean 1000 and deviation 100 ("int16"), or each clip with mean 0 and deviation 1 ("per_clip").
    """
    waveform, lengths = inputs()
    if normalization == "int16":
        fixed = FixSamples(N_SAMPLES, name="fix_samples")(waveform, lengths)
        scaled = keras.layers.Rescaling(32768.0 / 100.0, -1000.0 / 100.0, name="int16")(fixed)
    else:
        scaled = ClipNormalization(name="per_clip")(waveform, lengths)
        scaled = FixSamples(N_SAMPLES, name="fix_samples")(scaled, lengths)
    return keras.Model([waveform, lengths], scaled, name=f"wave_{normalization}")


def wave_by_librosa(y, sr, *, normalization):
    """3.1 by librosa: float32 [samples] at ``sr`` Hz → float32 [144720]."""
    if normalization == "int16":
        return ((librosa.util.fix_length(y * 32768.0, size=N_SAMPLES) - 1000.0) / 100.0).astype(np.float32)
    return librosa.util.fix_length((y - np.mean(y)) / np.std(y), size=N_SAMPLES).astype(np.float32)


def image():
    """3.2. waveform, lengths → image of the mel spectrogram's logarithm [batch, 150, 50, 1] in [-1, 1].

    What ``GreyImage`` gives are the pixels of the sheet's 8-bit PNG.
    """
    waveform, lengths = inputs()
    mel = MelSpectrogram(SAMPLE_RATE, N_FFT, HOP_LENGTH, N_MELS, power=1.0, name="mel")(waveform, lengths)
    mel = FixFrames(N_FRAMES, HOP_LENGTH, name="fix_frames")(mel, lengths)  # [batch, 200, 3401]
    grey = GreyImage(name="png")(keras.layers.Permute((2, 1), name="mels_first")(mel))  # [batch, 3401, 200, 1]
    small = keras.layers.Resizing(150, 50, antialias=True, name="resize")(grey)
    scaled = keras.layers.Rescaling(1 / 127.5, -1.0, name="normalize")(small)
    return keras.Model([waveform, lengths], scaled, name="image")


def log_mel_image(y, sr):
    """3.2 by librosa: the sheet's 8-bit PNG. → uint8 [3401, 200]"""
    mel = librosa.feature.melspectrogram(y=y, sr=sr, n_fft=N_FFT, hop_length=HOP_LENGTH, n_mels=N_MELS, power=1.0)
    x = np.log(librosa.util.fix_length(mel, size=N_FRAMES, axis=1) + 1e-9)
    return ((x - x.min()) / (x.max() - x.min()) * 255).astype(np.uint8)


def image_by_librosa(y, sr):
    """3.2 by librosa: float32 [samples] at ``sr`` Hz → float32 [150, 50, 1] in [-1, 1]."""
    small = resizing(N_MELS, 150) @ log_mel_image(y, sr).astype(np.float64) @ resizing(N_FRAMES, 50).T
    return (small / 127.5 - 1.0).astype(np.float32)[..., None]


def support_vectors(name, kind, reading="rows", *, grid=False, standardize=False, **options):
    """2. RBF and C = 10, or the best of a grid."""
    graph = functools.partial(bands, kind, reading)
    reference = functools.partial(bands_by_librosa, kind=kind, reading=reading)
    front_end = FrontEnd(f"{kind}_{reading}", SAMPLE_RATE, graph, reference)
    model = functools.partial(svm, (N_FRAMES, len(BANDS)))
    values, kernels = ((0.1, 1.0, 10.0, 100.0), ("rbf", "linear", "poly")) if grid else ((10.0,), ("rbf",))
    training = SupportVectors(values, kernels, standardize, fitted_on=("train", "validation"))
    return Experiment(f"{name}/{kind}", front_end, model, "hinge", training, **options)


def falling_rate(epochs):
    """Ours: the learning rate falls from 0.001 to 0 along half a cosine."""
    return [keras.callbacks.LearningRateScheduler(lambda epoch: 0.0005 * (1 + math.cos(math.pi * epoch / epochs)))]


def network(name, front_end, model, epochs, **options):
    """3. Fitted once on three actors, to see the fourth's curve, then on all four, as an SVM is."""
    training = Training("adam", 16, epochs, functools.partial(falling_rate, epochs), chosen_on=(), refit=True)
    options = {"selected_on": SELECTED_ON, "scores_known": {"ravdess": ("05", "06", "07", "08")}, **options}
    return Experiment(name, front_end, model, "categorical_crossentropy", training, **options)


def masks():
    """3.1. Of the learnt bands and of the frames up to a fifth each (SpecAugment)."""
    return [RandomMasks(0.2, 0.2)]


def wave_network(name, normalization, epochs=40, layers=masks, note="masks of learnt bands and of frames", **options):
    """3.1. ``layers``: () → layers that alter the energies of the learnt bands [frames, bands] while training."""

    def model(n_classes):
        return conv1d_wave((N_SAMPLES, 1), n_classes, layers(), scale=ENERGY_SCALES[normalization])

    reference = functools.partial(wave_by_librosa, normalization=normalization)
    front_end = FrontEnd(f"wave_{normalization}", SAMPLE_RATE, functools.partial(wave, normalization), reference)
    return network(name, front_end, model, epochs, selected_on=WAVE_SELECTED_ON, note=note, **options)


def image_network(name, epochs=60, layers=list, note="each clip as it is", **options):
    """3.2. ``layers``: () → layers that alter the images [150, 50, 1] while training."""

    def model(n_classes):
        return conv2d_image((150, 50, 1), n_classes, layers())

    front_end = FrontEnd("image", SAMPLE_RATE, image, image_by_librosa)
    return network(name, front_end, model, epochs, note=note, **options)


EXPERIMENTS = (
    *(support_vectors("svm", kind) for kind in KINDS),
    *(support_vectors("svm_grid", kind, grid=True, standardize=True) for kind in KINDS),
    wave_network("cnn_1d/int16", "int16"),
    wave_network("cnn_1d/per_clip", "per_clip"),
    image_network("cnn_2d"),
)

REPORT = Report(
    name="spectral_features",
    title="RAVDESS: SVM on band features, 1D CNN on the waveform, 2D CNN on mel images",
    source="SIT789, Task 8.2: Speech emotion recognition using spectral features and deep learning approaches",
    corpora=("ravdess",),
    labels=LABELS,
    augmentation=originals,
    split=SpeakerSplit(validation=0.25, test=0.5, random_state=0, n_folds=4, test_speakers=("05", "06", "07", "08")),
    protocols=("as_reported", "speaker_independent"),
    statistics_from_all=False,
    from_all=(),
    experiments=EXPERIMENTS,
    figures=(),
    **notes.beside(__file__),
    clip_figures=("class_distribution", "clips", "mel_images"),
    speakers=tuple(f"{actor:02d}" for actor in range(1, 9)),
    classes=classes,
    conclusion=findings.conclusion,
)
