"""The report as a module: its figures are those of the collection, its models those of the listing."""

import dataclasses

import keras
import numpy as np
import pandas as pd
import pytest

from keras_ser import reports
from keras_ser.errors import UserError
from keras_ser.report import Figure

REPORT = reports.load("emodb_losses")
PRINTED = {"test_accuracy": "accuracy", "clips_after_augmentation": "examples"}


def test_every_printed_figure_is_there(real_data):
    table = pd.read_csv(real_data.parent / "reports" / "figures.csv")
    ours = {(figure.experiment, figure.metric): figure.value for figure in REPORT.figures}
    for row in table[table["report"] == "emodb_losses"].itertuples():
        metric = PRINTED.get(row.item, row.item)
        experiment = "" if row.experiment == "data" else row.experiment
        if experiment in ("cnn", "cnn_lstm"):  # the table that does not say which loss
            experiment += "/categorical_crossentropy"
            fp, fn = row.note.split()[1::2]
            label = metric.removeprefix("tp_")
            assert (ours[experiment, f"fp_{label}"], ours[experiment, f"fn_{label}"]) == (int(fp), int(fn))
        assert ours[experiment, metric] == float(row.value)


@pytest.mark.parametrize(("model", "sum_of_clips", "right"), [("cnn", 550, 509), ("cnn_lstm", 557, 472)])
def test_the_table_of_classes_does_not_add_up_to_562(model, sum_of_clips, right):
    counts = {f.metric: f.value for f in REPORT.figures if f.experiment == f"{model}/categorical_crossentropy"}
    tp = sum(value for metric, value in counts.items() if metric.startswith("tp_"))
    assert tp == right
    assert tp + sum(value for metric, value in counts.items() if metric.startswith("fn_")) == sum_of_clips
    assert round(right / 562, 4) == counts["accuracy"]


@pytest.mark.parametrize(
    ("name", "shape", "parameters", "layers"),
    [
        (
            "cnn/mean_squared_error",
            (13, 150, 1),
            314_759,
            ["Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dropout", "Dense"],
        ),
        (
            "cnn_lstm/mean_squared_error",
            (13, 150, 1, 1),
            1_479_047,
            [*["FoldedTimeDistributed"] * 5, "LSTM", "LSTM", "Dense", "Dropout", "Dense"],
        ),
    ],
)
def test_models_are_those_of_the_listing(name, shape, parameters, layers, rng):
    model = REPORT.experiment(name).model(7)
    assert model.input_shape[1:] == shape
    assert model.count_params() == parameters
    assert [type(layer).__name__ for layer in model.layers] == layers
    probabilities = model.predict(rng.normal(size=(2, *shape)).astype(np.float32), verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_lstms_are_relu_as_listed_and_tanh_only_where_it_says_so():
    for item in REPORT.experiments:
        lstms = [layer for layer in item.model(7).layers if isinstance(layer, keras.layers.LSTM)]
        expected = "tanh" if "tanh" in item.name else "relu"
        assert {layer.activation.__name__ for layer in lstms} <= {expected}


def test_3745_examples_of_535_clips():
    clips = pd.DataFrame({"clip": [str(number) for number in range(535)]})
    examples = REPORT.copies(clips, 0)
    assert len(examples) == 3745
    assert examples["transform"].value_counts().to_dict() == {"none": 535, "pitch_shift": 1605, "time_stretch": 1605}


def test_the_energy_row_only_marks_the_clip(rng):
    """The finding that the module states: after the normalisation the 13th row is 1 in the clip and 0 after it."""
    waveform = rng.normal(size=(1, 16000)).astype(np.float32)
    features = REPORT.front_end()([waveform, np.array([16000], np.int32)]).numpy()[0]
    assert features.shape == (13, 150)
    np.testing.assert_array_equal(features[12], [1.0] * 32 + [0.0] * 118)


def test_a_report_checks_itself():
    with pytest.raises(UserError, match="choose from cnn/"):
        REPORT.experiment("rnn")
    with pytest.raises(ValueError, match="different names"):
        dataclasses.replace(REPORT, experiments=REPORT.experiments[:1] * 2, figures=())
    with pytest.raises(ValueError, match="belongs to an experiment"):
        dataclasses.replace(REPORT, figures=(Figure("rnn", "accuracy", 1.0, "A"),))
    with pytest.raises(UserError, match="choose from emodb_losses"):
        reports.load("emodb")
