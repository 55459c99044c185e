"""The report as a module: its figures are those of the collection, its choices what it says they are."""

import keras
import numpy as np
import pandas as pd
import pytest

from keras_ser import audio, corpora, reports
from keras_ser.data import protocols
from keras_ser.data.features import padded
from keras_ser.layers import RunningNormalization
from tests.harness import check_layer, generated
from tests.harness import padded as padded_with_noise

REPORT = reports.load("tess_mfcc")
FRONT_END = REPORT.experiment("cnn").front_end


def test_every_printed_figure_is_there(printed_figures):
    table = printed_figures("tess_mfcc")
    experiments = table["experiment"].replace("data", "")
    metrics = table["item"].str.removeprefix("test_")
    printed = dict(zip(zip(experiments, metrics, strict=True), table["value"].astype(float), strict=True))
    assert len(printed) == 4
    assert {(figure.experiment, figure.metric): figure.value for figure in REPORT.figures} == printed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape", "parameters"),
    [
        ("cnn", (100, 20), 116_551),
        ("lstm", (100, 20), 34_983),
        ("cnn_lstm", (100, 20), 31_783),
        ("cnn_13_mfcc", (100, 13), 115_879),
        ("cnn_40_mfcc", (100, 40), 118_471),
        ("cnn_60_frames", (60, 20), 75_591),
        ("cnn_130_frames", (130, 20), 149_319),
        ("cnn_16_khz", (100, 20), 116_551),
    ],
)
def test_the_model_fits_the_features(name, shape, parameters, rng):
    experiment = REPORT.experiment(name)
    model, features = experiment.model(7), experiment.front_end.graph()
    assert model.input_shape[1:] == features.output_shape[1:] == shape
    assert model.count_params() == parameters
    y = rng.normal(size=experiment.front_end.sample_rate).astype(np.float32)
    assert experiment.front_end.reference(y, experiment.front_end.sample_rate).shape == shape
    assert experiment.extension == (name not in ("cnn", "lstm", "cnn_lstm"))


def test_front_ends_have_different_names():
    ends = {experiment.front_end.name: experiment.front_end for experiment in REPORT.experiments}
    assert len({end.graph().to_json() for end in ends.values()}) == len(ends) == 6


def test_features_are_librosas_on_recordings(real_data):
    paths = corpora.manifest("tess", real_data)["path"].iloc[::400]
    waveforms = [audio.read(path)[0] for path in paths]  # taken as if they were at 22050 Hz: no resampler between
    features = FRONT_END.graph()(padded(waveforms)).numpy()
    for row, y in zip(features, waveforms, strict=True):
        np.testing.assert_allclose(row, FRONT_END.reference(y, 22050), rtol=0, atol=1e-3 * abs(row).max())


@pytest.mark.slow
def test_features_alone_in_a_batch_reloaded_and_exported(tmp_path):
    signals = {name: y for name, y in generated().items() if name != "impulse"}
    features = check_layer(FRONT_END.graph(), *padded_with_noise(signals), tmp_path, atol=2e-3)
    assert features.shape == (len(signals), 100, 20)


def test_what_comes_before_the_models():
    for experiment in REPORT.experiments:
        (layer,) = experiment.before()
        assert isinstance(layer, RunningNormalization)


def test_callbacks_are_those_of_each_section():
    cnn, lstm, cnn_lstm = (REPORT.experiment(name).training for name in ("cnn", "lstm", "cnn_lstm"))
    (plateau,), (checkpoint,) = cnn.callbacks(), cnn_lstm.callbacks()
    assert (type(plateau), plateau.monitor) == (keras.callbacks.ReduceLROnPlateau, "val_accuracy")
    assert (checkpoint.monitor, checkpoint.save_best_only) == ("val_accuracy", True)
    assert lstm.callbacks() == []
    assert {(item.optimizer, item.batch_size, item.epochs) for item in (cnn, lstm, cnn_lstm)} == {("adam", 32, 30)}


@pytest.fixture
def names(real_data):
    """The whole corpus by its file names."""
    lines = (real_data / "names" / "tess.txt").read_text().split()
    clips = pd.DataFrame([corpora.get("tess").parse(corpora.corpus.PurePosixPath(line)) for line in lines])
    return clips.assign(corpus="tess", audio_hash=clips["clip"]).sort_values("clip", ignore_index=True)


def test_280_test_clips(names):
    table = protocols.get("as_reported").assign(REPORT.augmentation(names, 0), names, REPORT.split)
    assert table["split"].value_counts().to_dict() == {"train": 2240, "validation": 280, "test": 280}


def test_each_actress_is_tested_and_no_word_is_in_two_splits(names):
    examples = REPORT.augmentation(names, 0)
    facts = names.set_index("clip")
    tested = set()
    by_speaker, by_sentence = (protocols.get(f"{name}_independent") for name in ("speaker", "sentence"))
    assert by_speaker.n_folds(names, REPORT.split) == 2
    for fold in range(2):
        table = by_speaker.assign(examples, names, REPORT.split, 0, fold)
        speakers = facts.loc[table["clip"], "speaker"].groupby(table["split"].to_numpy()).unique()
        assert len(speakers["test"]) == len(speakers["train"]) == 1
        tested |= set(speakers["test"])
    assert tested == {"OAF", "YAF"}
    table = by_sentence.assign(examples, names, REPORT.split)
    words = facts.loc[table["clip"], "sentence"].groupby(table["split"].to_numpy()).unique()
    assert {split: len(found) for split, found in words.items()} == {"test": 20, "train": 160, "validation": 20}
    assert not set(words["test"]) & set(words["train"])
