"""What the sheet leaves to us, tried: other readings and scales of the SVM's features, augmentation of the clips."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from keras_ser.data.augmentation import Copies, originals, with_copies
from keras_ser.layers import RandomMasks
from keras_ser.reports.spectral_features import KINDS, image_network, support_vectors, wave_network

ALL_KINDS = (*KINDS, "deviation", "raw_energy")
PITCH_AND_STRETCH = "two pitch shifts (±2 semitones) and two time stretches (0.85 to 1.15) of each train clip more"


def pitch_and_stretch(manifest, seed):
    """Every clip, two pitch shifts and two time stretches of it."""
    plan = (Copies("pitch_shift", 2, -2.0, 2.0), Copies("time_stretch", 2, 0.85, 1.15))
    return with_copies(manifest, seed, plan)


def translation(height, width):
    """Of an image, by up to these shares of it."""
    return keras.layers.RandomTranslation(height, width, fill_mode="nearest")


@dataclass(frozen=True)
class Augmentation:
    """What a network is trained on besides the clips. ``layers``: () → layers that alter each image while training;
    ``copies``: of the clips.
    """

    note: str
    epochs: int
    layers: Callable[[], list] = list
    copies: Callable = originals

    @property
    def options(self):
        """Arguments of an experiment."""
        return {
            "epochs": self.epochs,
            "layers": self.layers,
            "augmentation": self.copies,
            "note": self.note,
            "extension": True,
        }


# Of the energies of the learnt bands, [frames, bands].
OF_WAVES = {
    "none": Augmentation("each clip as it is", 40),
    "shift": Augmentation("shifts in time and pitch", 40, lambda: [translation(0.06, 0.1)]),
    "pitch_and_stretch": Augmentation(PITCH_AND_STRETCH, 8, copies=pitch_and_stretch),
    "pitch_stretch_and_shift": Augmentation(
        f"{PITCH_AND_STRETCH}; shifts in time and pitch", 16, lambda: [translation(0.06, 0.1)], pitch_and_stretch
    ),
}

# Of the images, [150, 50]: mels, frames.
OF_IMAGES = {
    "shift": Augmentation("shifts in time, and a little in frequency", 60, lambda: [translation(0.05, 0.15)]),
    "time_shift": Augmentation("shifts in time", 60, lambda: [translation(0.0, 0.2)]),
    "masks": Augmentation("masks, as SpecAugment's", 60, lambda: [RandomMasks(0.2, 0.2)]),
    "crop": Augmentation(
        "a part of the image, enlarged",
        60,
        lambda: [keras.layers.RandomZoom((-0.2, 0.0)), translation(0.1, 0.1)],
    ),
    "flip": Augmentation("mirrored", 60, lambda: [keras.layers.RandomFlip("horizontal_and_vertical")]),
    "rotation": Augmentation(
        "turned by up to 29 degrees", 60, lambda: [keras.layers.RandomRotation(0.08, fill_mode="nearest")]
    ),
    "pitch_and_stretch": Augmentation(PITCH_AND_STRETCH, 12, copies=pitch_and_stretch),
    "pitch_stretch_and_shift": Augmentation(
        f"{PITCH_AND_STRETCH}; shifts in time and frequency", 24, lambda: [translation(0.05, 0.15)], pitch_and_stretch
    ),
}


def variants(name, note, kinds=ALL_KINDS, reading="rows", **options):
    """The sheet's SVM on each kind of features, in another way."""
    return tuple(support_vectors(name, kind, reading, **options, extension=True, note=note) for kind in kinds)


EXPERIMENTS = (
    *variants("svm_standardized", "each number standardised", standardize=True),
    *variants("svm_hertz", "bands in hertz", reading="hertz"),
    *variants("svm_hertz_standardized", "bands in hertz, each number standardised", reading="hertz", standardize=True),
    *variants("svm_grid_hertz", "bands in hertz", KINDS, "hertz", grid=True, standardize=True),
    *(wave_network(f"cnn_1d_augmented/{name}", "int16", **item.options) for name, item in OF_WAVES.items()),
    *(image_network(f"cnn_2d_augmented/{name}", **item.options) for name, item in OF_IMAGES.items()),
)
