"""The report as a module: its figures are those of the collection, its models those of the listing."""

import keras
import numpy as np
import pandas as pd
import pytest

from keras_ser import librosa_reference, reports
from keras_ser.reports import emodb_losses as report
from tests.harness import generated, recordings

REPORT = reports.load("emodb_losses")
PRINTED = {"test_accuracy": "accuracy", "clips_after_augmentation": "examples"}


def test_every_printed_figure_is_there(printed_figures):
    table = printed_figures("emodb_losses")
    ours = {(figure.experiment, figure.metric, figure.label): figure.value for figure in REPORT.figures}
    assert len(table) == 23
    for row in table.itertuples():
        metric = PRINTED.get(row.item, row.item)
        experiment = "" if row.experiment == "data" else row.experiment
        if experiment in ("cnn", "cnn_lstm"):  # the table that does not say which loss
            experiment += "/categorical_crossentropy"
            fp, fn = row.note.split()[1::2]
            label = metric.removeprefix("tp_")
            assert (ours[experiment, "fp", label], ours[experiment, "fn", label]) == (int(fp), int(fn))
            assert ours[experiment, "tp", label] == int(row.value)
        else:
            assert ours[experiment, metric, ""] == float(row.value)


@pytest.mark.parametrize(("model", "sum_of_clips", "right"), [("cnn", 550, 509), ("cnn_lstm", 557, 472)])
def test_the_table_of_classes_does_not_add_up_to_562(model, sum_of_clips, right):
    figures = [figure for figure in REPORT.figures if figure.experiment == f"{model}/categorical_crossentropy"]
    tp, fn, accuracy = (sum(f.value for f in figures if f.metric == metric) for metric in ("tp", "fn", "accuracy"))
    assert tp == right
    assert tp + fn == sum_of_clips
    assert round(right / 562, 4) == accuracy


@pytest.mark.parametrize(
    ("name", "input_shape", "parameters"),
    [
        ("cnn/categorical_crossentropy", (13, 150, 1), 314_759),
        ("cnn/mean_squared_error", (13, 150, 1), 314_759),
        ("cnn_lstm/categorical_crossentropy", (13, 150, 1, 1), 1_479_047),
        ("cnn_lstm/mean_squared_error", (13, 150, 1, 1), 1_479_047),
        ("cnn_lstm_over_time_relu/categorical_crossentropy", (150, 13, 1, 1), 364_935),
        ("cnn_lstm_over_time_tanh/categorical_crossentropy", (150, 13, 1, 1), 364_935),
    ],
)
def test_the_input_of_every_experiment_and_its_size(name, input_shape, parameters):
    model = REPORT.experiment(name).model(7)
    assert model.input_shape[1:] == input_shape
    assert model.count_params() == parameters
    assert REPORT.experiment(name).loss == name.split("/")[1]


def test_ours_see_time_where_the_report_sees_coefficients(rng):
    image = rng.normal(size=(2, 13, 150)).astype(np.float32)
    (permute,) = REPORT.experiment("cnn_lstm_over_time_tanh/categorical_crossentropy").before()
    np.testing.assert_array_equal(permute(image), image.transpose(0, 2, 1))
    assert REPORT.experiment("cnn_lstm/mean_squared_error").before() == []


def test_training_stops_five_epochs_after_the_best_and_goes_back_to_it():
    (training,) = {item.training for item in REPORT.experiments}
    one, other = training.callbacks(), training.callbacks()
    assert one[0] is not other[0]  # callbacks keep state
    assert (one[0].monitor, one[0].patience, one[0].restore_best_weights) == ("val_loss", 5, True)
    assert (training.optimizer, training.batch_size, training.epochs) == ("adam", 32, 50)
    assert float(keras.optimizers.get(training.optimizer).learning_rate) == pytest.approx(0.001)


def test_lstms_are_relu_as_listed_and_tanh_only_where_it_says_so():
    for item in REPORT.experiments:
        lstms = [layer for layer in item.model(7).layers if isinstance(layer, keras.layers.LSTM)]
        expected = "tanh" if "tanh" in item.name else "relu"
        assert {layer.activation.__name__ for layer in lstms} == ({expected} if "lstm" in item.name else set())


def test_3745_examples_of_535_clips():
    clips = pd.DataFrame({"clip": [str(number) for number in range(535)]})
    examples = REPORT.augmentation(clips, 0)
    assert len(examples) == 3745
    assert examples["transform"].value_counts().to_dict() == {"none": 535, "pitch_shift": 1605, "time_stretch": 1605}


def test_the_energy_row_only_marks_the_clip(rng):
    """The finding that the module states: after the normalisation the 13th row is 1 in the clip and 0 after it."""
    waveform = rng.normal(size=(1, 16000)).astype(np.float32)
    features = REPORT.experiments[0].front_end.graph()([waveform, np.array([16000], np.int32)]).numpy()[0]
    assert features.shape == (13, 150)
    np.testing.assert_array_equal(features[12], [1.0] * 32 + [0.0] * 118)


@pytest.mark.parametrize("name", ["silence", "chirp", "loud then silent"])
def test_listed_features_are_finite_and_normalised(name):
    features = report.features_by_librosa(generated()[name], 16000)
    assert features.dtype == np.float32
    assert features.shape == (13, 150)
    np.testing.assert_allclose(np.abs(features[0]).max(), 1.0, rtol=1e-6)


def test_listed_features_row_by_row(real_data):
    """Each row is divided by its own peak; the last is the energy, the same in every frame, so 1."""
    (y,) = recordings(real_data, 1).values()
    features = report.features_by_librosa(y, 16000)
    n_frames = 1 + len(y) // 512
    assert n_frames < 150
    np.testing.assert_allclose(np.abs(features).max(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(features[12, :n_frames], 1.0)
    assert not features[:, n_frames:].any()
    rows = librosa_reference.mfcc(librosa_reference.denoise(y, 16000), 16000, 12)
    np.testing.assert_allclose(features[:12, :n_frames], rows / np.abs(rows).max(axis=1, keepdims=True), rtol=1e-6)


def test_long_clips_are_cut(rng):
    y = rng.normal(size=90000).astype(np.float32)
    assert report.features_by_librosa(y, 16000)[0].all()


def test_other_rates_are_brought_to_16_khz():
    y = generated()["chirp"]
    high = librosa_reference.resample(y, 16000, 48000)
    np.testing.assert_allclose(
        report.features_by_librosa(high, 48000), report.features_by_librosa(y, 16000), rtol=0, atol=0.05
    )
