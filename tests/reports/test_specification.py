import dataclasses
from pathlib import Path

import pytest

from keras_ser import reports
from keras_ser.errors import UserError
from keras_ser.reports.specification import Figure

REPORT = reports.load("emodb_losses")


def test_experiments_have_different_names():
    with pytest.raises(ValueError, match="different names"):
        dataclasses.replace(REPORT, experiments=REPORT.experiments[:1] * 2, figures=())


def test_a_figure_belongs_to_an_experiment_or_to_the_data():
    with pytest.raises(ValueError, match=r"belongs to an experiment.*Received: \['rnn'\]"):
        dataclasses.replace(REPORT, figures=(Figure("rnn", "accuracy", 1.0, "A"),))
    dataclasses.replace(REPORT, figures=(Figure("", "clips", 535, "A"),))


@pytest.mark.parametrize("name", reports.NAMES)
def test_a_report_can_be_read_at_one_sitting(name):
    """As its paper is: one module, of 200 lines at most."""
    source = Path(reports.__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 200


@pytest.mark.parametrize("experiment", REPORT.experiments, ids=lambda item: item.name)
def test_experiments_are_found_by_name(experiment):
    assert REPORT.experiment(experiment.name) is experiment


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(UserError, match="choose from cnn/"):
        REPORT.experiment("rnn")
    with pytest.raises(UserError, match="choose from emodb_losses"):
        reports.load("emodb")


@pytest.mark.parametrize("name", [*reports.NAMES, *reports.RECIPES])
def test_what_every_report_must_say(name):
    report = reports.load(name)
    assert report.name == name
    assert len(set(report.labels)) == len(report.labels) > 1
    assert 0 < report.split.validation + report.split.test < 1
    keys = [(figure.experiment, figure.metric, figure.label) for figure in report.figures]
    assert len(set(keys)) == len(keys)
    assert {figure.label for figure in report.figures} <= {"", *report.labels}
    assert all(figure.where for figure in report.figures)
    assert all(item.what and item.choice and item.reason for item in report.not_stated)
    assert all(item.note for item in report.experiments if item.extension)
    assert report.from_all or not report.statistics_from_all
    for item in report.experiments:
        assert item.training.kind in ("network", "svm")
        assert set(item.training.chosen_on) <= {"train", "validation"}  # nothing is chosen on the test clips
        assert "test" not in item.training.fitted_on
    # Nothing that the report prints is a figure of an extension.
    extensions = {item.name for item in report.experiments if item.extension}
    assert not extensions & {figure.experiment for figure in report.figures}


def test_for_other_classes_nothing_is_left_of_what_the_report_prints():
    report = reports.load("crema_1d_2d")
    assert report.figures
    assert report.confusions
    own = report.of_classes(["anger", "frustration"])
    assert own.labels == ("anger", "frustration")
    assert (own.figures, own.confusions, own.conclusion) == ((), {}, None)
    assert report.of_runs({"corpora": ["crema_d"], "labels": list(report.labels)}) is report
