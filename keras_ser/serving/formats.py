"""The forms in which people and programs get what a model says of one recording.

In: a :class:`keras_ser.serving.predict.Prediction`, and a :class:`Form`. Out: lines of a table, CSV or JSON, a
DataFrame with one row per window, a figure of its course.
"""

import csv
import io
import json
import os
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd

from keras_ser import files
from keras_ser.errors import one_line

OF_WINDOW = ("file", "start", "end", "label")  # columns of a window, before the probabilities
LONGEST_NAME = 150  # bytes of a recording's name in that of its timeline


@dataclass(frozen=True)
class Form:
    """How recordings are answered, and how that is written. ``name``: ``table``, ``csv``, ``jsonl``, ``segments`` or
    ``parquet``; ``n_top``: how many labels ``table`` and ``jsonl`` name; ``window_s``, ``hop_s``: as of
    :func:`keras_ser.serving.predict.predict`.
    """

    name: str = "jsonl"
    n_top: int = 3
    window_s: float | None = None
    hop_s: float | None = None


def segments(predictions) -> pd.DataFrame:
    """One row per window: ``file, start, end`` (seconds), ``label`` ("": no answer), and ``p_<label>`` of each one.

    ``predictions``: of one model, one at least. Their arrays become one table at once: a table per recording takes a
    hundred times as long, and ten times the memory.
    """
    labels = predictions[0].labels
    names = ("windows", "answered", "starts", "ends")
    windows, answered, starts, ends = (np.concatenate([getattr(item, name) for item in predictions]) for name in names)
    file = np.array([str(item.path or "") for item in predictions], object)
    file = np.repeat(file, [len(item.windows) for item in predictions])
    label = np.where(answered, np.array(labels, object)[windows.argmax(axis=1)], "")
    of_window = pd.DataFrame(dict(zip(OF_WINDOW, (file, starts, ends, label), strict=True)))
    return pd.concat([of_window, pd.DataFrame(windows, columns=[f"p_{label}" for label in labels])], axis=1)


def as_line(prediction, n_top=3):
    """A prediction for people."""
    top = "  ".join(f"{probability:.3f} {label:<9}" for label, probability in prediction.top(n_top)) or "no answer"
    warnings = f"  [{'; '.join(prediction.warnings)}]" if prediction.warnings else ""
    return f"{top}  {one_line(prediction.path)}{warnings}"


def csv_header(labels):
    """The first line of the CSV."""
    return _csv(["path", "seconds", "sample_rate", "label", *(f"p_{label}" for label in labels), "warnings"])


def as_csv(prediction):
    """A prediction as a row of CSV."""
    probabilities = [f"{value:.6g}" for value in prediction.probabilities]
    facts = [prediction.path, f"{prediction.seconds:.6g}", prediction.rate, prediction.label]
    return _csv([*facts, *probabilities, "; ".join(prediction.warnings)])


def _csv(cells):
    row, end = io.StringIO(), "\r\n"  # the writer quotes those line ends only that it writes itself
    csv.writer(row, lineterminator=end).writerow(cells)
    return row.getvalue().removesuffix(end)


def as_record(prediction, n_top=3):
    """A prediction as JSON holds it."""
    return {
        "path": str(prediction.path),
        "seconds": round(prediction.seconds, 6),
        "sample_rate": prediction.rate,
        "top": [{"label": label, "probability": probability} for label, probability in prediction.top(n_top)],
        "probabilities": dict(zip(prediction.labels, map(float, prediction.probabilities), strict=True)),
        "windows": len(prediction.windows),
        "warnings": prediction.warnings,
    }


def as_json_line(prediction, n_top=3):
    """A prediction as a line of JSON."""
    return json.dumps(as_record(prediction, n_top))


def header(form, labels):
    """The lines that come first in a :class:`Form`. → list of str"""
    if form.name == "csv":
        return [csv_header(labels)]
    return [_csv([*OF_WINDOW, *(f"p_{label}" for label in labels)])] if form.name == "segments" else []


def lines(form, prediction):
    """A prediction in a :class:`Form`, which is not ``parquet``. → list of str"""
    if form.name == "segments":
        rows = segments([prediction]).itertuples(index=False)
        return [_csv([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row]) for row in rows]
    if form.name == "csv":
        return [as_csv(prediction)]
    return [(as_line if form.name == "table" else as_json_line)(prediction, form.n_top)]


def check_timelines(folder):
    """Raises UserError where nothing can be written into ``folder``, ModuleNotFoundError where nothing can be drawn."""
    from keras_ser.output.figures.recordings import timeline  # noqa: F401 - as write_timeline will

    files.check_writable(folder, folder=True)


def write_timeline(prediction, folder):
    """The windows of a recording as CSV and as a figure: ``<its folder>_<its name>-<digest of its path>``, which no
    other recording shares. Raises UserError if the disk does not take them.
    """
    from keras_ser.output.figures.recordings import timeline  # who draws nothing needs no matplotlib

    folder, path = Path(folder), prediction.path.resolve()
    table = pd.DataFrame(prediction.windows, columns=prediction.labels)
    table.insert(0, "start", prediction.starts)
    table.insert(1, "end", prediction.ends)
    title = os.fsencode(path.name).decode(errors="replace")
    readable = "_".join(path.with_suffix("").parts[-2:]).strip("/")
    # Some names are as long as the disk takes them, which counts bytes.
    readable = os.fsencode(readable)[:LONGEST_NAME].decode(errors="ignore")
    name = f"{readable}-{blake2b(os.fsencode(path), digest_size=4).hexdigest()}"
    with files.replaced(folder / f"{name}.csv") as part:
        table.to_csv(part, index=False, float_format="%.6g")
    with files.replaced(folder / f"{name}.png") as part:
        timeline(table, prediction.labels, title, part)
