"""What a report states, leaves open and what we chose, as JSON beside its module: read without TensorFlow.

``python -m keras_ser.reports.description`` writes ``<report>.json`` anew from the modules; a test holds them in step.
"""

import json
from pathlib import Path

from keras_ser import files, reports


def describe(report):
    """A :class:`~keras_ser.reports.specification.Report` for programs. JSON"""
    return {
        "name": report.name,
        "title": report.title,
        "source": report.source,
        "corpora": list(report.corpora),
        "labels": list(report.labels),
        "protocols": list(report.protocols),
        "experiments": [_experiment(item, item.model(len(report.labels))) for item in report.experiments],
        "figures": [vars(item) for item in report.figures],
        "not_stated": [vars(item) for item in report.not_stated],
        "differences": list(report.differences),
    }


def _experiment(item, model):
    return {
        "name": item.name,
        "front_end": item.front_end.name,
        "sample_rate": item.front_end.sample_rate,
        "loss": item.loss,
        "extension": item.extension,
        "note": item.note,
        "input_shape": list(model.input_shape[1:]),
        "parameters": model.count_params(),
        "trainable_parameters": sum(int(weight.numpy().size) for weight in model.trainable_weights),
    }


def _path(name):
    folder = Path(__file__).parents[1] / ("recipes" if name in reports.RECIPES else "reports")
    return folder / f"{name}.json"


def read(name):
    """The description of the report or recipe called ``name``, as :func:`describe` gives it."""
    return json.loads(_path(name).read_text(encoding="utf-8"))


def as_text(description):
    """As it stands in its file."""
    return json.dumps(description, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in (*reports.NAMES, *reports.RECIPES):
        with files.replaced(_path(name)) as part:
            part.write_text(as_text(describe(reports.load(name))), encoding="utf-8")
