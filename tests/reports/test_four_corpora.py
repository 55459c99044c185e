"""The report as a module: its figures are those of the collection, its front end torchaudio's by the formulas."""

from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pytest

from keras_ser import audio, corpora, reports
from keras_ser.data import protocols
from keras_ser.data.features import padded
from keras_ser.dsp.resample import decimate
from keras_ser.reports import four_corpora as report
from tests.harness import check_layer, generated
from tests.harness import padded as padded_with_noise
from tests.parity import torchaudio_mfcc

REPORT = reports.load("four_corpora")
FRONT_END = REPORT.experiment("cnn").front_end


def test_every_printed_figure_is_there(printed_figures):
    table = printed_figures("four_corpora")
    printed = {(row.experiment, row.item): row.value for row in table.itertuples()}
    assert printed.pop(("data", "labels")) == str(len(REPORT.labels) - 1)  # and "unknown"
    assert printed.pop(("cnn", "outputs")) == str(len(REPORT.labels))
    assert printed.pop(("cnn", "input")) == "x".join(map(str, (1, *FRONT_END.graph().output_shape[1:])))
    ours = {(figure.experiment or "data", figure.metric): figure.value for figure in REPORT.figures}
    assert ours == {(name, item.removeprefix("test_")): float(value) for (name, item), value in printed.items()}


def test_features_are_torchaudios_by_the_formulas():
    signals = {name: y for name, y in generated().items() if name not in ("silence", "impulse")}
    found = FRONT_END.graph()(padded(list(signals.values()))).numpy()
    for name, y, row in zip(signals, signals.values(), found, strict=True):
        expected = torchaudio_mfcc(decimate(y[None], 10)[0][0].numpy().astype(np.float64)).T
        np.testing.assert_allclose(row[:, : expected.shape[1]], expected, rtol=0, atol=1e-3, err_msg=name)
        assert not row[:, expected.shape[1] :].any()
        np.testing.assert_allclose(row, FRONT_END.reference(y, 16000), rtol=0, atol=1e-3, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["tess", "ravdess", "emodb"])
def test_features_of_recordings(corpus, real_data):
    paths = corpora.manifest(corpus, real_data)["path"].iloc[::60][:6]
    clips = [audio.read(path, first_channel=True) for path in paths]
    for row, (y, rate) in zip(FRONT_END.graph()(padded([y for y, _ in clips])).numpy(), clips, strict=True):
        np.testing.assert_allclose(row, FRONT_END.reference(y, rate), rtol=0, atol=1e-5 * abs(row).max())


@pytest.mark.slow
def test_features_alone_in_a_batch_reloaded_and_exported(tmp_path):
    signals = {name: y for name, y in generated().items() if name != "impulse"}
    features = check_layer(FRONT_END.graph(), *padded_with_noise(signals), tmp_path, atol=2e-3)
    assert features.shape == (len(signals), 40, 158)


def test_the_shapes_that_the_report_prints():
    y = np.random.default_rng(0).normal(size=274585)
    assert decimate(y[None].astype(np.float32), 10)[0].shape == (1, 27459)
    assert torchaudio_mfcc(y[:27459]).shape == (138, 40)


def test_a_longer_clip_is_cut():
    y = 0.1 * np.random.default_rng(0).normal(size=330000).astype(np.float32)
    (row,) = FRONT_END.graph()(padded([y])).numpy()
    assert row.shape == (40, 158)
    np.testing.assert_allclose(row, FRONT_END.reference(y, 44100), rtol=0, atol=1e-3)


@pytest.fixture
def names(real_data):
    """The four corpora whole, by their file names."""
    parts = []
    for name in REPORT.corpora:
        lines = (real_data / "names" / f"{name}.txt").read_text().splitlines()
        facts = pd.DataFrame([row for row in map(corpora.get(name).parse, map(PurePosixPath, lines)) if row])
        for column in ("clip", "speaker"):
            facts[column] = name + "_" + facts[column]
        parts.append(facts.assign(corpus=name))
    manifest = pd.concat(parts, ignore_index=True)
    return manifest.assign(emotion=report.classes(manifest), audio_hash=manifest["clip"])


def test_12162_clips_and_14_labels(names):
    assert names["corpus"].value_counts().to_dict() == {"crema_d": 7442, "tess": 2800, "ravdess": 1440, "savee": 480}
    assert set(names["emotion"]) == set(REPORT.labels[1:])
    assert REPORT.labels[0] == "unknown"
    calm = names[(names["corpus"] == "ravdess") & (names["label"] == "02")]
    assert set(calm["emotion"]) == {"female_neutral", "male_neutral"}
    savee = names.loc[names["corpus"] == "savee", "emotion"].value_counts()
    assert savee["male_neutral"] == 120
    assert not savee.index.str.startswith("female").any()


def test_splits(names):
    examples = REPORT.augmentation(names, 0)
    table = protocols.get("as_reported").assign(examples, names, REPORT.split)
    # 9120 of 12160 in the report; of the 12162 that are there, 9121.
    assert table["split"].value_counts().to_dict() == {"train": 9121, "test": 2432, "validation": 609}
    speaker = names.set_index("clip")["speaker"]
    assert speaker.nunique() == 4 + 24 + 2 + 91
    tested = set()
    by_speaker = protocols.get("speaker_independent")
    for fold in range(by_speaker.n_folds(names, REPORT.split)):
        table = by_speaker.assign(examples, names, REPORT.split, 0, fold)
        speakers = speaker[table["clip"]].groupby(table["split"].to_numpy()).agg(set)
        assert not speakers["test"] & (speakers["train"] | speakers["validation"])
        tested |= speakers["test"]
    assert len(tested) == 121


def test_scores_apart():
    predictions = pd.DataFrame(
        {
            "clip": list("abcd"),
            "corpus": ["tess", "tess", "savee", "savee"],
            "true": ["female_fear", "female_anger", "male_anger", "male_fear"],
            "predicted": ["female_fear", "male_anger", "male_sadness", "unknown"],
        }
    )
    assert REPORT.scores(predictions) == {
        "gender accuracy": 0.5,
        "emotion accuracy": 0.5,
        "savee: gender accuracy": 0.5,
        "savee: emotion accuracy": 0.0,
        "savee: joint accuracy": 0.0,
        "tess: gender accuracy": 0.5,
        "tess: emotion accuracy": 1.0,
        "tess: joint accuracy": 0.5,
    }


def test_training_is_that_of_the_report():
    training = REPORT.experiment("cnn").training
    assert (training.optimizer, training.batch_size, training.epochs, training.callbacks()) == ("adam", 512, 10, [])
    assert [item.name for item in REPORT.listed] == ["cnn"]
