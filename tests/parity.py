"""What equals what, and how closely: each layer beside its reference, on the generated signals in one padded batch.

``python -m tests.parity`` measures and writes docs/parity.md; tests/layers/test_parity.py asserts every row.
"""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import librosa
import numpy as np
import scipy.fft

from keras_ser import layers, librosa_reference
from tests.harness import generated, padded

PAGE = Path(__file__).parents[1] / "docs" / "parity.md"
NOTHING_TO_COMPARE = {"FrameMask", "StackFeatures"}  # no arithmetic in them
BANDS = [[0, 49], [50, 99]]


def absolute(found, expected):
    return np.abs(found - expected).max(initial=0)


def of_maximum(found, expected):
    return absolute(found, expected) / max(np.abs(expected).max(initial=0), np.finfo(np.float32).tiny)


def decorrelation(found, expected):
    return 1 - np.corrcoef(found, expected)[0, 1]


MEASURES = {
    absolute: "largest absolute difference",
    of_maximum: "largest difference, as a share of the clip's largest value",
    decorrelation: "1 − correlation, the worst clip",
}


class Parity(NamedTuple):
    """A layer and what it equals for each clip: ``reference`` takes one signal [samples], or with ``of`` "mel" its mel
    spectrogram [frames, bands], and has time first; ``rows``: further inputs of the layer, the same for all clips.
    """

    layer: object
    equals: str
    reference: Callable
    measure: Callable
    tolerance: float
    of: str = "signals"
    rows: dict = {}  # noqa: RUF012

    @property
    def name(self):
        return type(self.layer).__name__


def signals(of):
    """Name → float32, time first."""
    made = generated()
    if of == "mel":
        return {name: mel(y) for name, y in made.items()}
    # Something in every bin: the phase of a bin of rounding errors, and the centroid of such a band, are noise, in
    # librosa too.
    if of == "chirp":
        return {"chirp in noise": made["chirp"] + 0.05 * made["noise"]}
    if of == "voice":
        t = np.arange(20011) / 16000
        phase = 2 * np.pi * np.cumsum(150 + 60 * np.sin(9 * t)) / 16000
        return {"voice": sum(0.2 / k * np.sin(k * phase) for k in range(1, 12)).astype(np.float32)}
    if of == "noise":
        return {"quiet": made["quiet"]}
    if of == "sounds":
        return {**signals("chirp"), **signals("noise")}
    if of == "tones":  # away from where the filters of two resamplers cut
        t = np.arange(17003) / 48000
        return {f"{f} Hz": (np.hanning(len(t)) * np.sin(2 * np.pi * f * t)).astype(np.float32) for f in (100, 3000)}
    return made


def mel(y):
    return librosa.feature.melspectrogram(y=y, sr=16000).T


def bands(kind):
    """The reference of a BandShape of that kind."""
    options = {"bands": BANDS, "unit": "rows", "n_fft": 2048, "n_mels": 100}
    return lambda y: librosa_reference.band_shapes(y, 16000, n_frames=1 + len(y) // 240, **options)[kind]


def grey(power):
    x = np.log(power + np.float32(1e-9))
    return np.floor((x - x.min()) / ((x.max() - x.min()) or 1) * 255)[..., None]


def standardized(y):
    return (y - y.mean(dtype=np.float64)) / (y.std(dtype=np.float64) or 1)


def torchaudio_mfcc(y):
    """torchaudio.transforms.MFCC() and its defaults, in float64. [samples] → [frames, 40]"""
    power = np.lib.stride_tricks.sliding_window_view(np.pad(y, 200, "reflect"), 400)[::200]  # [frames, 400]
    power = np.abs(np.fft.rfft(power * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)))) ** 2
    mels = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 130)
    edges = 700 * (10 ** (mels / 2595) - 1)
    slopes = edges - np.linspace(0, 8000, 201)[:, None]  # [bins, 130]
    filters = np.minimum(-slopes[:, :-2] / np.diff(edges)[:-1], slopes[:, 2:] / np.diff(edges)[1:])
    db = 10 * np.log10(np.maximum(power @ np.maximum(filters, 0), 1e-10))
    return scipy.fft.dct(np.maximum(db, db.max() - 80), norm="ortho")[:, :40]


def mel_in_db(y):
    return librosa.power_to_db(mel(y))


PARITY = [
    Parity(layers.MelSpectrogram(16000), "librosa.feature.melspectrogram", mel, of_maximum, 1e-5),
    Parity(layers.LogMel(16000), "librosa.power_to_db(librosa.feature.melspectrogram)", mel_in_db, absolute, 1e-3),
    Parity(layers.PowerToDecibel(), "librosa.power_to_db", librosa.power_to_db, absolute, 1e-3, "mel"),
    Parity(layers.MFCC(16000), "librosa.feature.mfcc", lambda y: librosa.feature.mfcc(y=y, sr=16000).T, absolute, 1e-3),
    Parity(
        layers.MFCC(16000, 40, n_fft=400, hop_length=200, htk=True, norm=None, pad_mode="reflect"),
        "torchaudio.transforms.MFCC(), by its formulas in NumPy",
        lambda y: torchaudio_mfcc(y.astype(np.float64)),
        absolute,
        1e-3,
    ),
    Parity(
        layers.Deltas(),
        "librosa.feature.delta",
        lambda power: librosa.feature.delta(power, axis=0),
        of_maximum,
        1e-5,
        "mel",
    ),
    Parity(layers.RMS(), "librosa.feature.rms", lambda y: librosa.feature.rms(y=y).T, of_maximum, 1e-5),
    Parity(
        layers.ZeroCrossingRate(),
        "librosa.feature.zero_crossing_rate",
        lambda y: librosa.feature.zero_crossing_rate(y).T,
        absolute,
        1e-6,
    ),
    Parity(
        layers.SpectralCentroid(16000),
        "librosa.feature.spectral_centroid",
        lambda y: librosa.feature.spectral_centroid(y=y, sr=16000).T,
        of_maximum,
        1e-4,
    ),
    Parity(
        layers.YIN(16000),
        "librosa.yin",
        lambda y: librosa.yin(y, sr=16000, fmin=65, fmax=500)[:, None],
        of_maximum,
        1e-4,
        "voice",
    ),
    *(
        Parity(
            layers.BandShape(kind, 16000, 2048, 240, 100, BANDS, "rows"),
            f"{kind} of bands, by its definition, of librosa.feature.melspectrogram",
            bands(kind),
            of_maximum,
            1e-4,
            "sounds",
        )
        for kind in ("centroid", "bandwidth", "energy")
    ),
    Parity(layers.MeanEnergy(), "numpy.mean(y**2)", lambda y: np.mean(y.astype(np.float64) ** 2), of_maximum, 1e-5),
    Parity(
        layers.PeakNormalization(),
        "librosa.util.normalize",
        lambda power: librosa.util.normalize(power, axis=0),
        absolute,
        1e-6,
        "mel",
    ),
    Parity(layers.ClipNormalization(), "(y - y.mean()) / y.std()", standardized, absolute, 1e-4),
    Parity(layers.GreyImage(), "log in 256 levels, by NumPy", grey, absolute, 1.0, "mel"),
    Parity(
        layers.FixFrames(40),
        "librosa.util.fix_length",
        lambda power: librosa.util.fix_length(power, size=40, axis=0),
        absolute,
        0.0,
        "mel",
    ),
    Parity(
        layers.FixSamples(12000),
        "librosa.util.fix_length",
        lambda y: librosa.util.fix_length(y, size=12000),
        absolute,
        0.0,
    ),
    Parity(
        layers.Denoise(16000),
        "noisereduce.reduce_noise",
        lambda y: librosa_reference.denoise(y, 16000),
        absolute,
        1e-5,
    ),
    Parity(
        layers.Resample(48000, 16000),
        "librosa.resample (soxr), where neither filter cuts",
        lambda y: librosa.resample(y, orig_sr=48000, target_sr=16000),
        absolute,
        1e-4,
        "tones",
    ),
    Parity(
        layers.Decimate(10),
        "torchaudio.transforms.Resample(10, 1), by its formula in SciPy",
        lambda y: librosa_reference.decimate(y.astype(np.float64), 10),
        absolute,
        1e-5,
    ),
    Parity(
        layers.TimeStretch(),
        "librosa.effects.time_stretch",
        lambda y: librosa.effects.time_stretch(y, rate=1.25),
        decorrelation,
        1e-3,
        "sounds",
        {"rate": 1.25},
    ),
    *(
        Parity(
            layers.PitchShift(16000),
            f"librosa.effects.pitch_shift but for its resampler, of {what}",
            lambda y: librosa.effects.pitch_shift(y, sr=16000, n_steps=-3),
            decorrelation,
            tolerance,
            of,
            {"n_steps": -3.0},
        )
        for of, what, tolerance in (("chirp", "a chirp in noise", 1e-3), ("noise", "white noise", 5e-2))
    ),
]


DIFFERENCES = """## What differs by design

Measured once, on clips of one second and amplitude 0.5 at 16 kHz.

- Everything here is float32; librosa takes its Fourier transforms in float64. A phase vocoder adds up phases, and
  where a band holds nothing but rounding errors its phase is theirs. Speech and noise have no such bands. A tone of
  440 Hz that is stretched by 0.8 differs from librosa's by at most 0.010 (correlation 0.9999998), one of 1000 Hz
  by 0.30 (0.9994); a chirp from 100 to 6000 Hz, which leaves most bands empty, by 1.16 (0.68), and stretched by
  1.25 by 1.08 (0.78).
- `TimeStretch` takes its rate to six decimals: 0.9 is not 0.9 in float32, and a step that should meet a frame would
  miss it.
- `PitchShift` differs most where a clip begins or ends abruptly: tones of 440 and 1000 Hz, shifted by two
  semitones up or down, by 0.015 and 0.22 in the first and last 2048 samples, and by less than 0.0006 between them.
- A result is the same to the bit on the same device with as many threads: sums over other parts of a batch round
  otherwise. `TF_NUM_INTRAOP_THREADS` fixes the number.
"""


def measured(parity):
    """The measure of a row: the greatest of all clips. Every clip is as long as its reference."""
    clips = signals(parity.of)
    ends = [len(y) for y in (generated() if parity.of == "mel" else clips).values()]
    lengths = np.array(ends, np.int32)
    if parity.of == "mel":
        x = np.zeros((len(clips), max(map(len, clips.values())), 128), np.float32)
        for row, clip in zip(x, clips.values(), strict=True):
            row[: len(clip)] = clip
    else:
        x, lengths = padded(clips)
    rows = {name: np.full(len(x), value, np.float32) for name, value in parity.rows.items()}
    if parity.name == "GreyImage":  # has no lengths: an image is filled
        found = [parity.layer(clip[None])[0] for clip in clips.values()]
    else:
        found = parity.layer(x, lengths, **rows)
        found = found[0] if isinstance(found, tuple) else found
    worst = 0.0
    for row, clip in zip(found, clips.values(), strict=True):
        expected = np.asarray(parity.reference(clip))
        row = np.asarray(row)[: len(expected)] if expected.ndim else np.asarray(row)
        worst = max(worst, float(parity.measure(row, expected)))
    return worst


def page():
    """The table in Markdown."""
    tools = ", ".join(f"{name} {version(name)}" for name in ("librosa", "noisereduce", "tensorflow", "keras"))
    lines = [
        "# What equals what, and how closely",
        "",
        "Each layer is compared with its reference: clips of different lengths in one padded batch, the reference one",
        "clip at a time. The clips are silence, an impulse, a chirp, noise, noise that stops and very quiet noise at",
        "16 kHz; for `BandShape`, `TimeStretch` and `PitchShift` a chirp in noise and white noise alone (where a band",
        "holds nothing but rounding errors, so do its centroid and its phase, in librosa too); for `Resample` tones of",
        "100 and 3000 Hz; for `YIN` a voice of eleven harmonics. The tests assert the tolerance.",
        "",
        f"Measured on a CPU with {tools}, by `python -m tests.parity`,",
        "which writes this page.",
        "",
        "| layer | equals | measure | measured | tolerance |",
        "|---|---|---|---|---|",
    ]
    for parity in PARITY:
        figures = f"{measured(parity):.1e} | {parity.tolerance:.0e}"
        lines.append(f"| `{parity.name}` | `{parity.equals}` | {MEASURES[parity.measure]} | {figures} |")
    names = " and ".join(f"`{name}`" for name in sorted(NOTHING_TO_COMPARE))
    others = [
        f"{names} do no arithmetic of their own. `Descriptors`, `Functionals`, `RunningNormalization` and the layers",
        "that draw at random are no library's: tests of their own say what holds for them.",
    ]
    return "\n".join([*lines, "", *others, "", DIFFERENCES])


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
