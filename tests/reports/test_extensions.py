"""Experiments that comparisons need and no report lists."""

import pytest

from keras_ser import reports
from keras_ser.errors import UserError
from keras_ser.reports import extensions
from keras_ser.reports.specification import SupportVectors


def test_a_counterpart_in_the_report_is_taken():
    report = reports.load("emodb_losses")
    first = report.experiment("cnn/categorical_crossentropy")
    assert extensions.with_loss(report, first, "mean_squared_error") is report.experiment("cnn/mean_squared_error")
    assert extensions.with_loss(report, first, "categorical_crossentropy") is first


def test_another_loss_has_another_name_and_is_found_by_it():
    report = reports.load("tess_mfcc")
    made = extensions.with_loss(report, report.experiment("cnn"), "mean_squared_error")
    assert (made.name, made.loss, made.extension) == ("cnn@mean_squared_error", "mean_squared_error", True)
    assert made.front_end == report.experiment("cnn").front_end
    assert extensions.find(report, made.name) == made
    assert extensions.experiment_of({"report": "tess_mfcc", "experiment": made.name}) == made


def test_an_svm_on_the_features_of_any_report():
    for name in reports.NAMES:
        report = reports.load(name)
        svm = extensions.find(report, "svm")
        assert isinstance(svm.training, SupportVectors)
        networks = [item for item in report.listed if item.training.kind == "network"]
        assert {item.training.fitted_on for item in networks} == {svm.training.fitted_on}  # to the same clips
        assert svm.augmentation is report.experiments[0].augmentation
        assert svm.extension
        assert svm.model(len(report.labels)).input_shape[1:] == svm.front_end.graph().output_shape[1:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "experiments"),
    [
        ("emodb_losses", ["cnn/categorical_crossentropy", "cnn_lstm/categorical_crossentropy", "svm"]),
        ("tess_mfcc", ["cnn", "lstm", "cnn_lstm", "svm"]),
        ("crema_1d_2d", ["cnn_1d/run_a", "cnn_2d/run_a", "svm"]),
        ("four_corpora", ["cnn", "svm"]),
        ("spectral_features", ["svm/centroid", "cnn_1d/int16", "cnn_2d"]),
    ],
)
def test_one_per_model(name, experiments):
    assert [item.name for item in extensions.one_per_model(reports.load(name))] == experiments


@pytest.mark.parametrize("name", ["cnn@hinge", "rnn", "rnn@mean_squared_error"])
def test_what_there_is_not(name):
    with pytest.raises(UserError, match="choose from cnn"):
        extensions.find(reports.load("tess_mfcc"), name)
