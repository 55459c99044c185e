"""What holds for every layer: ``CASES`` names them all, and how each is made and called."""

import doctest
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ser import layers
from tests.harness import check_without_lengths

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
WAVEFORM = RNG.uniform(-0.5, 0.5, (2, 6001)).astype(np.float32)
FEATURES = RNG.normal(size=(2, 12, 5)).astype(np.float32)
POWER = FEATURES**2
IMAGES = RNG.normal(size=(2, 8, 6, 1)).astype(np.float32)
BANDS = ("energy", 16000, 2048, 512, 100, [[0, 49], [50, 99]], "rows")
TWO = np.array([0.8, 1.25], np.float32)


class Case(NamedTuple):
    """A layer's arguments, its first input, further inputs of a call, and arguments that it refuses, with its words."""

    arguments: tuple
    x: np.ndarray | list
    rows: dict = {}  # noqa: RUF012
    refused: dict = {}  # noqa: RUF012


OF_MEL = {
    "`sample_rate` must be a positive integer": {"sample_rate": -1},
    "`n_fft` must be a positive integer": {"n_fft": 512.0},
    "`hop_length` must be a positive integer": {"hop_length": 0},
    "`n_mels` must be a positive integer": {"n_mels": True},
    "`fmin` must be a frequency in Hz, at least 0": {"fmin": -1},
    "`fmax` must be None or a frequency of at most half the sample rate, 8000 Hz": {"fmax": 8001},
    "`fmin` must be less than `fmax`": {"fmin": 4000, "fmax": 4000},
    "`norm` must be 'slaney' or None": {"norm": "slany"},
    "`power` must be a positive exponent": {"power": 0},
    "`pad_mode` must be 'constant' or 'reflect'": {"pad_mode": "edge"},
}
OF_DECIBEL = {
    "`ref` must be a positive power or 'max'": {"ref": "min"},
    "`amin` must be a positive power": {"amin": 0},
    "at least 1e-37: less is 0 in float32": {"amin": 1e-50},
    "`top_db` must be None or a range in dB, at least 0": {"top_db": -80},
}
OF_FRAMES = {
    "`frame_length` must be a positive integer": {"frame_length": 0},
    "`hop_length` must be a positive integer": {"hop_length": -1},
}
HOP = {"`hop_length` must be a positive integer": {"hop_length": 0}}
RATE = {"`sample_rate` must be a positive integer": {"sample_rate": 16000.5}}
SEED = {"`seed` must be an integer or None": {"seed": "0"}}

CASES = {
    "Descriptors": Case(
        (16000,),
        WAVEFORM,
        {},
        {
            **RATE,
            "`sample_rate` must be a multiple of 8000": {"sample_rate": 44100},
            "`n_fft` must be a positive integer": {"n_fft": 0},
            "`hop_length` must be a multiple of `sample_rate` / 8000": {"hop_length": 161},
            "`n_mels` must be a positive integer": {"n_mels": 0},
            "`fmin` must be less than `fmax`": {"fmin": 4000, "fmax": 4000},
        },
    ),
    "Functionals": Case(
        (),
        RNG.normal(size=(2, 140, 75)).astype(np.float32),
        {},
        {**HOP, "`n_mels` must be even, at least 20": {"n_mels": 18}},
    ),
    "MFCC": Case((16000,), WAVEFORM, {}, {**OF_MEL, "`n_mfcc` must be at most `n_mels`": {"n_mfcc": 200}}),
    "RMS": Case((), WAVEFORM, {}, OF_FRAMES),
    "YIN": Case(
        (16000,),
        WAVEFORM,
        {},
        {
            **RATE,
            **OF_FRAMES,
            "`fmin` must be less than `fmax`": {"fmin": 500, "fmax": 100},
            "`fmax` must be a frequency in Hz": {"fmax": None},
            "`frame_length` must be more than": {"fmin": 65, "frame_length": 200},
            "`fmin` and `fmax` must be two samples apart": {"fmin": 100, "fmax": 100.1},
            "`trough_threshold` must be positive": {"trough_threshold": 0},
        },
    ),
    "AddNoise": Case((), WAVEFORM, {}, {"`snr_db` must be a pair (low, high)": {"snr_db": (30, 10)}, **SEED}),
    "BandShape": Case(
        BANDS,
        WAVEFORM,
        {},
        {
            "`kind` must be one of": {"kind": "slope"},
            "`unit` must be 'rows' or 'hertz'": {"unit": "mel"},
            "`bands` must be pairs (first, last)": {"bands": [[50, 0]]},
            "`bands` in hertz must follow one another": {"unit": "hertz", "bands": [[1000, 2000], [0, 500]]},
            "`at_most` must be a positive integer": {"at_most": 0},
            "`fmin` must be less than `fmax`": {"fmin": 4000, "fmax": 300},
        },
    ),
    "ClipNormalization": Case((), WAVEFORM),
    "Decimate": Case((10,), WAVEFORM, {}, {"`factor` must be a positive integer": {"factor": 0}}),
    "Deltas": Case(
        (),
        FEATURES,
        {},
        {
            "`width` must be odd, at least 3": {"width": 8},
            "`order` must be less than `width`": {"width": 3, "order": 3},
            "`mode` must be one of": {"mode": "edge"},
            **HOP,
        },
    ),
    "Denoise": Case(
        (16000,), WAVEFORM, {}, {**RATE, "`sample_rate` must be from 5120 to 256000 Hz": {"sample_rate": 4000}}
    ),
    "FixFrames": Case((15,), FEATURES, {}, {"`n_frames` must be a positive integer": {"n_frames": 0}, **HOP}),
    "FixSamples": Case((7000,), WAVEFORM, {}, {"`n_samples` must be a positive integer": {"n_samples": -1}}),
    "FrameMask": Case((), FEATURES, {}, HOP),
    "GreyImage": Case((), POWER, {}, {"`floor` must be positive": {"floor": 0}}),
    "LogMel": Case((16000,), WAVEFORM, {}, OF_MEL | OF_DECIBEL),
    "MeanEnergy": Case((), WAVEFORM),
    "MelSpectrogram": Case((16000,), WAVEFORM, {}, OF_MEL),
    "PeakNormalization": Case((), FEATURES, {}, HOP),
    "PitchShift": Case((16000,), WAVEFORM, {"n_steps": TWO}, RATE),
    "PowerToDecibel": Case((), POWER, {}, OF_DECIBEL | HOP),
    "RandomGain": Case((), WAVEFORM, {}, {"`gain_db` must be a pair (low, high)": {"gain_db": 6}, **SEED}),
    "RandomMasks": Case((0.2, 0.3), IMAGES, {}, {"`height` must be a share": {"height": 2}, **SEED}),
    "RandomPitchShift": Case((), WAVEFORM, {}, {"`n_steps` must be a pair (low, high)": {"n_steps": (1,)}, **SEED}),
    "RandomTilt": Case((0.1, 0.2), FEATURES, {}, {"`level` must be a number of at least 0": {"level": -1}, **SEED}),
    "RandomTimeStretch": Case(
        (), WAVEFORM, {}, {"`rate` must be greater than 0": {"rate": (0, 1)}, "at least 0": {"rate": (-1, 1)}, **SEED}
    ),
    "RandomWarp": Case(
        (12,),
        FEATURES,
        {},
        {
            "`n_frames` must be a positive integer": {"n_frames": 0},
            "`rate` must be greater than 0": {"rate": (0, 1)},
            "`shift` must be a pair (low, high)": {"shift": 2},
            **SEED,
        },
    ),
    "Resample": Case(
        (48000, 16000),
        WAVEFORM,
        {},
        {
            "`orig_sr` must be a positive integer": {"orig_sr": "48000"},
            "`target_sr` must be a positive integer": {"target_sr": 0},
        },
    ),
    "RunningNormalization": Case((), FEATURES),
    "SpectralCentroid": Case((16000,), WAVEFORM, {}, RATE | HOP),
    "StackFeatures": Case((), [FEATURES, FEATURES[:, 0, 0], POWER], {}, HOP),
    "TimeStretch": Case((), WAVEFORM, {"rate": TWO}),
    "ZeroCrossingRate": Case((), WAVEFORM, {}, OF_FRAMES),
}


def make(name):
    layer = getattr(layers, name)(*CASES[name].arguments)
    if name == "RunningNormalization":
        layer.adapt(FEATURES)
    return layer


def model_of(name):
    """The layer as a model of a list of inputs of known size, without lengths."""
    case = CASES[name]
    x = keras.tree.map_structure(lambda array: keras.Input(array.shape[1:]), case.x)
    rows = {row: keras.Input(()) for row in case.rows}
    return keras.Model([*keras.tree.flatten(x), *rows.values()], make(name)(x, **rows))


OF_WAVEFORMS = [name for name, case in CASES.items() if case.x is WAVEFORM]
RANDOM = [name for name in CASES if name.startswith(("Random", "Add"))]


def called(name, x, **options):
    """What the layer gives, while training where that is what it is for. → its first output"""
    options |= {"training": True} if name in RANDOM else {}
    found = make(name)(x, **CASES[name].rows, **options)
    return found[0] if isinstance(found, tuple) else found


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_WAVEFORMS)
def test_silence_has_a_gradient_that_is_a_number(name):
    """Of a clip that falls silent, and of one that is nothing but silence."""
    x = tf.Variable(WAVEFORM * np.stack([np.arange(6001) < 3000, np.zeros(6001)]).astype(np.float32))
    with tf.GradientTape() as tape:
        found = called(name, x)
        if name == "Descriptors":
            found = layers.Functionals()(found)
    gradient = tape.gradient(found, x)
    assert gradient is None or np.isfinite(gradient).all()  # None: of counts


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*OF_WAVEFORMS} - {*RANDOM}))
def test_lengths_beyond_a_row_are_those_of_the_row(name):
    """Those of clips that :class:`~keras_ser.layers.FixSamples` has cut."""
    expected = called(name, WAVEFORM, lengths=np.array([6001, 4000]))
    np.testing.assert_array_equal(called(name, WAVEFORM, lengths=np.array([9000, 4000])), expected)


@pytest.mark.parametrize("name", RANDOM)
def test_random_layers_whatever_keras_takes_floats_for(name):
    before = keras.config.floatx()
    try:
        keras.config.set_floatx("float64")
        assert np.isfinite(called(name, CASES[name].x)).all()
    finally:
        keras.config.set_floatx(before)


def test_no_layer_is_left_out():
    assert set(CASES) == set(layers.__all__) - {"SignalLayer"}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_without_lengths(name):
    check_without_lengths(make(name), CASES[name].x, **CASES[name].rows)


@pytest.mark.parametrize(
    ("name", "message", "refused"),
    [(name, message, refused) for name, case in CASES.items() for message, refused in case.refused.items()],
)
def test_refuses_arguments(name, message, refused):
    layer = getattr(layers, name)
    names = list(inspect.signature(layer).parameters)
    arguments = dict(zip(names, CASES[name].arguments, strict=False)) | refused
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        layer(**arguments)
    received = str(caught.value).partition("Received: ")[2]
    assert all(f"{argument}={value!r}" in received for argument, value in refused.items())


@pytest.mark.parametrize("name", CASES)
def test_refuses_inputs(name):
    layer, rows = make(name), CASES[name].rows
    x = CASES[name].x
    if isinstance(x, list):  # StackFeatures
        wrong = {"list": [x[0], x[0][None]], "whole": [x[0], x[1].astype(np.int16)], "array": x[0]}
        for bad in wrong.values():
            with pytest.raises(ValueError, match=r"^`features(\[1\])?` must be .*Received: "):
                layer(bad)
        return
    first = next(iter(inspect.signature(layer.call).parameters))
    rule = rf"^`{first}` must be float32 \[batch, .*\. Received: shape={{}}, dtype={{}}\. [A-Z]"
    with pytest.raises(ValueError, match=rule.format(re.escape(str(x.shape[1:])), "float32")):
        layer(x[0], **rows)
    with pytest.raises(ValueError, match=rule.format(re.escape(str((*x.shape, 1))), "float32")):
        layer(x[..., None], **rows)
    with pytest.raises(ValueError, match=rule.format(re.escape(str(x.shape)), "int16")):
        layer(x.astype(np.int16), **rows)
    with pytest.raises(ValueError, match=rule.format(r"\(None, .*\)", "float32")):
        layer(keras.Input((*x.shape[1:], 1)), **rows)
    data = tf.data.Dataset.from_tensors(x.astype(np.int16))
    with pytest.raises(ValueError, match=rule[1:].format(re.escape(str(x.shape)), "int16")):
        data.map(lambda batch: layer(batch, **rows))


@pytest.mark.parametrize("lengths", [np.array([[5, 6]]), np.array([0.5, 1.0])])
def test_refuses_lengths(lengths):
    with pytest.raises(ValueError, match=r"^`lengths` must be int32 \[batch\].*Received: shape="):
        layers.MFCC(16000)(WAVEFORM, lengths)


@pytest.mark.parametrize("name", CASES)
def test_says_its_types(name):
    layer = getattr(layers, name)
    call, constructor = inspect.signature(layer.call), inspect.signature(layer.__init__)
    assert call.return_annotation is not call.empty
    for argument in [*call.parameters.values(), *constructor.parameters.values()]:
        is_open = argument.name == "self" or argument.kind is argument.VAR_KEYWORD
        assert is_open or argument.annotation is not argument.empty, argument


@pytest.mark.parametrize("name", CASES)
def test_docstring(name):
    text = inspect.getdoc(getattr(layers, name))
    sections = re.findall(r"^(Args|Input shape|Output shape|Example|References):$", text, re.MULTILINE)
    order = ["Args", "Input shape", "Output shape", "Example", "References"]
    assert sections == [section for section in order if section in sections]
    assert set(order[1:4]) <= set(sections)
    arguments = set(inspect.signature(getattr(layers, name)).parameters) - {"kwargs"}
    assert set(re.findall(r"^    (\w+): ", text, re.MULTILINE)) == arguments
    assert ("Args" in sections) == bool(arguments)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["signal", "features", "augmentation", "normalization"])
def test_examples(module):
    module = importlib.import_module(f"keras_ser.layers.{module}")
    result = doctest.testmod(module, extraglobs={"keras": keras, **{n: getattr(layers, n) for n in layers.__all__}})
    assert result.attempted
    assert not result.failed


FRESH = """
import json, sys
import keras
loaded = set(sys.modules)
import keras_ser.layers
more = sorted(name for name in set(sys.modules) - loaded if name.split(".")[0] != "keras_ser")
import numpy as np
for name, inputs in np.load(sys.argv[1] + "/inputs.npz").items():
    model = keras.models.load_model(f"{sys.argv[1]}/{name}.keras")
    arrays = np.load(f"{sys.argv[1]}/{name}.npz")
    out = model([arrays[f"arr_{i}"] for i in range(len(arrays) - 1)])
    np.testing.assert_allclose(out, arrays["out"], rtol=0, atol=1e-4, err_msg=name)
print(json.dumps(more))
"""


@pytest.mark.slow
def test_saved_models_load_in_a_fresh_process_that_loads_nothing_more_than_keras(tmp_path):
    for name, case in CASES.items():
        model = model_of(name)
        model.save(tmp_path / f"{name}.keras")
        inputs = [*keras.tree.flatten(case.x), *case.rows.values()]
        np.savez(tmp_path / f"{name}.npz", *inputs, out=model(inputs))
    np.savez(tmp_path / "inputs.npz", **dict.fromkeys(CASES, 0))
    more = json.loads(fresh(FRESH, tmp_path))
    assert more == []


def fresh(code, *arguments):
    """What ``code`` prints in a process of its own."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_package_alone_is_light_and_its_parts_come_when_used():
    code = "import sys, keras_ser; print({'keras', 'tensorflow', 'numpy'} & set(sys.modules))"
    code += "; keras_ser.layers.MFCC(16000); keras_ser.models.cnn; keras_ser.dsp; print(hasattr(keras_ser, 'others'))"
    assert fresh(code) == "set()\nFalse\n"


@pytest.mark.slow
def test_a_model_of_waveforms_trains_saves_and_reloads(tmp_path):
    ours = [layers.Denoise(16000), layers.MFCC(16000)]
    model = keras.Sequential([keras.Input((32000,)), *ours, keras.layers.Flatten(), keras.layers.Dense(3)])
    assert model.layers[2].output.shape == (None, 63 * 20)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    waveform = RNG.uniform(-0.1, 0.1, (4, 32000)).astype(np.float32)
    before = model.layers[-1].get_weights()[0].copy()
    model.fit(waveform, np.array([0, 1, 2, 0]), verbose=0)
    assert (model.layers[-1].get_weights()[0] != before).any()
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(reloaded.predict(waveform, verbose=0), model.predict(waveform, verbose=0))
