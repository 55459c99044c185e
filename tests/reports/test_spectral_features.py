"""The report as a module: front ends against the libraries, the fixed split, its answer in words."""

import re

import librosa
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from keras_ser import audio, corpora, reports
from keras_ser.analysis import reported
from keras_ser.data import features, protocols
from keras_ser.errors import UserError
from keras_ser.reports import spectral_features as report

REPORT = reports.load("spectral_features")
FRONT_ENDS = {item.front_end.name: item.front_end for item in REPORT.experiments}
# Greatest difference, and how many of the values may differ by more where the libraries round to whole grey levels.
TOLERANCE = {"centroid": 0.5, "bandwidth": 500, "energy": 1e-4, "wave": 1e-3, "picture": 0.01}


@pytest.fixture(scope="module")
def clips(real_data):
    manifest = corpora.manifest("ravdess", real_data)
    manifest = manifest[manifest["emotion"].isin(REPORT.labels)]
    return [audio.read(path) for path in manifest["path"][::90]]


def test_what_the_sheet_prints(printed_figures):
    printed = {(row.experiment, row.item): row.value for row in printed_figures("spectral_features").itertuples()}
    assert printed.pop(("data", "classes")) == str(len(REPORT.labels))
    assert (float(printed.pop(("svm", "C"))),) == REPORT.experiment("svm/energy").training.C
    assert printed == {(name, "test_accuracy"): ">= svm" for name in ("cnn_1d", "cnn_2d")}  # rules, and no figures
    assert REPORT.figures == ()


@pytest.mark.parametrize("name", ["centroid_rows", "bandwidth_hertz", "energy_rows", "picture", "wave_int16"])
def test_front_ends_are_those_of_the_libraries(name, clips):
    front_end = FRONT_ENDS[name]
    waveform, lengths = features.padded([y for y, _ in clips])
    together = front_end.graph()([waveform, lengths]).numpy()
    for found, (y, rate) in zip(together, clips, strict=True):
        assert rate == report.SAMPLE_RATE
        expected = front_end.reference(y, rate)
        assert expected.shape == found.shape
        assert np.abs(found - expected).max() <= TOLERANCE[name.split("_")[0]]
        np.testing.assert_allclose(front_end.graph()([y[None], np.array([len(y)])])[0], found, atol=2e-2, rtol=1e-3)


def test_what_it_says_of_the_rows_between_two_bands_in_hertz():
    peaks = librosa.mel_frequencies(report.N_MELS + 2, fmin=300, fmax=3400)[1:-1]
    in_bands = [(peaks >= first) & (peaks <= last) for first, last in report.BANDS]
    (said,) = [item.choice for item in REPORT.not_stated if "between 627 and 628 Hz" in item.what]
    named = [float(hertz) for hertz in re.findall(r"\d+\.\d+", said)]
    np.testing.assert_allclose(peaks[~np.any(in_bands, axis=0)], named, atol=0.005)
    assert f"the lower of the two: {len(named)} of the {report.N_MELS} rows" in said


def test_the_waves_normalisations(rng):
    y = rng.normal(0.1, 0.2, 50_000).astype(np.float32)
    for name in ("wave_int16", "wave_per_clip"):
        front_end = FRONT_ENDS[name]
        found = front_end.graph()([y[None], np.array([len(y)])])[0]
        assert found.shape == (144_720,)
        np.testing.assert_allclose(found, front_end.reference(y, 48000), atol=1e-3)


def test_the_picture_is_what_a_png_keeps(clips):
    y, _ = clips[0]
    chain = report.picture()
    png = chain.get_layer("png")
    before = type(chain)(chain.inputs, png.output)([y[None], np.array([len(y)])])[0]
    kept = tf.io.decode_png(tf.io.encode_png(tf.cast(before, tf.uint8)))
    np.testing.assert_array_equal(tf.cast(kept, tf.float32), before)
    assert before.shape == (3401, 200, 1)


def test_the_split_is_by_actors_and_validation_goes_round(embedded):
    manifest = corpora.manifest("ravdess", embedded)
    manifest = manifest[manifest["emotion"].isin(REPORT.labels)]
    for copies in (report.copies, report.pitch_and_stretch):
        held_out = []
        for seed in range(5):
            sided = protocols.assign("as_reported", copies(manifest, seed), manifest, REPORT.split, seed)
            speakers = sided["clip"].map(manifest.set_index("clip")["speaker"]).groupby(sided["side"]).agg(set)
            assert speakers["test"] == {"05", "06", "07", "08"}
            assert speakers["train"] | speakers["validation"] == {"01", "02", "03", "04"}
            held_out.extend(speakers["validation"])
            assert (sided["copy"][sided["side"] != "train"] == 0).all()
        assert held_out == ["01", "02", "03", "04", "01"]
    alone = manifest[manifest["speaker"] == "05"]
    with pytest.raises(UserError, match="tests on the speakers 05, 06, 07, 08"):
        protocols.assign("as_reported", report.copies(alone, 0), alone, REPORT.split, 0)


def test_the_networks_are_small():
    assert REPORT.experiment("cnn_2d").model(4).count_params() == 24_148
    assert REPORT.experiment("cnn_1d/int16").model(4).count_params() == 105_572


class StoredRun:
    def __init__(self, experiment, seed, accuracy, protocol="as_reported", validation=None):
        self.validation = validation
        self.facts = {"experiment": experiment, "protocol": protocol, "seed": seed}
        self.diverged, self.metrics = accuracy is None, {} if accuracy is None else {"accuracy": accuracy}

    def history(self):
        return pd.DataFrame({"val_accuracy": [0.1, self.validation]})


def test_its_answer_follows_from_the_runs(monkeypatch):
    def runs(experiment, *accuracies, protocol="as_reported"):
        return [StoredRun(experiment, seed, accuracy, protocol) for seed, accuracy in enumerate(accuracies)]

    stored = [
        *runs("svm/centroid", 0.4, 0.4),
        *runs("svm/bandwidth", 0.3, 0.3),
        *runs("svm/energy", 0.5, 0.5),
        *runs("svm_standardized/energy", 0.55, 0.55),
        *runs("cnn_1d/int16", 0.45, 0.47, 0.9, None),
        *runs("cnn_1d_augmented/shift", 0.50, 0.52),
        *runs("cnn_2d", 0.53, 0.57),
        *runs("cnn_2d_augmented/none", 0.50, 0.54),
        *runs("cnn_2d_augmented/flip", 0.40, 0.40),
        *runs("svm/energy", 0.55, 0.65, protocol="speaker_independent"),
        *runs("cnn_2d", 0.55, 0.65, protocol="speaker_independent"),
        *runs("cnn_2d", 0.9, protocol="clip_disjoint"),
    ]
    monkeypatch.setattr(report, "WAVE_AUGMENTATION", "none")
    monkeypatch.setattr(report, "PICTURE_AUGMENTATION", "masks")

    def conclusion(runs):
        return REPORT.conclusion(pd.DataFrame({"experiment": [run.facts["experiment"] for run in runs]}), runs)

    on_test_actors, on_new_speakers = conclusion(stored).split("On new speakers in turn:")
    for said in (
        "best `svm/energy` 0.500, worst `svm/bandwidth` 0.300",
        # Of the two seeds that all have.
        "features, `svm/energy` 0.500: kept by `cnn_2d` 0.550 ± 0.028; not by `cnn_1d/int16` 0.460 ± 0.014.",
        "best of all 4 SVMs on these clips, `svm_standardized/energy` 0.550: kept by `cnn_2d` 0.550 ± 0.028; not by "
        "`cnn_1d/int16` 0.460 ± 0.014.\n",
        "against `cnn_1d/int16` 0.460 ± 0.014 without, on the seeds that all have: shift +0.050. Beyond the spread "
        "over the seeds: shift.",
        "against `cnn_2d_augmented/none` 0.520 ± 0.028 without, on the seeds that all have: masks +0.030, flip -0.120. "
        "Beyond the spread over the seeds: flip.",
    ):
        assert said in on_test_actors
    assert "features, `svm/energy` 0.600 ± 0.071: kept by `cnn_2d` 0.600 ± 0.071." in on_new_speakers
    assert "of all" not in on_new_speakers
    assert "Augmentation" not in on_new_speakers
    assert conclusion(runs("cnn_2d", 0.9, protocol="clip_disjoint")) == ""

    def grid(kind, seed, accuracy, validation):
        return StoredRun(f"svm_grid/{kind}", seed, accuracy, validation=validation)

    grids = [grid("energy", 0, 0.3, 0.6), grid("bandwidth", 0, 0.9, 0.5)]
    with_grids = conclusion([*stored, *grids, grid("energy", 1, 0.9, 0.2), grid("bandwidth", 1, 0.4, 0.3)])
    assert (
        "the SVM that cross-validation over the training speakers chooses (`svm_grid/bandwidth` or `svm_grid/energy`), "
        "0.350 ± 0.071: kept by `cnn_1d/int16` 0.460 ± 0.014, `cnn_2d` 0.550 ± 0.028.\n" in with_grids
    )
    no_seed_in_common = [StoredRun("svm/energy", 0, 0.5), StoredRun("cnn_2d", 1, 0.5)]
    assert conclusion([*no_seed_in_common, StoredRun("cnn_2d_augmented/none", 2, 0.5)]) == ""
    assert conclusion([*runs("cnn_1d/int16", 0.4), *runs("cnn_1d_augmented/shift", 0.5)]).endswith(
        "- Augmentation, against `cnn_1d/int16` 0.400 without, on the seeds that all have: shift +0.100. One seed has "
        "no spread to compare this with."
    )
    within = conclusion([*runs("cnn_1d/int16", 0.4, 0.6), *runs("cnn_1d_augmented/shift", 0.5, 0.6)])
    assert within.endswith("shift +0.050. None beyond the spread over the seeds.")
    assert "cross-validation" not in on_test_actors
    lower = conclusion([*runs("svm/energy", 0.5), *runs("cnn_1d/int16", 0.4), *runs("cnn_2d", 0.6)])
    assert "`svm/energy` 0.500: kept by `cnn_2d` 0.600; not by `cnn_1d/int16` 0.400." in lower


def test_the_interval_over_clips():
    class Run:
        diverged, metrics = False, {"test": 128}
        facts = {"experiment": "svm/energy", "protocol": "as_reported"}  # noqa: RUF012

    rows = [{"metric": "accuracy", "protocol": "as_reported", "experiment": "svm/energy", "mean": 0.5}]
    table = reported.over_clips(pd.DataFrame(rows), [Run()])
    assert table.iloc[0].tolist() == [
        "svm/energy",
        0.5,
        pytest.approx(0.4147, abs=1e-3),
        pytest.approx(0.5853, abs=1e-3),
        128,
    ]
