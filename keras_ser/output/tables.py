"""Tables on disk: ``table.csv`` for programs beside ``table.md`` for people, each written whole or not at all."""

import pandas as pd

from keras_ser import files
from keras_ser.analysis.reported import COLUMNS
from keras_ser.errors import UserError
from keras_ser.output.document import as_markdown


def read(path, columns=()):
    """A table that :func:`write` wrote, with at least these columns. → DataFrame

    No ``columns``: a report's table; its numbers are numbers beside a figure that is a label.

    Raises: UserError where it is damaged.
    """
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
        if missing := set(columns or COLUMNS) - set(frame):
            raise ValueError(f"no column {', '.join(sorted(missing))}")
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: the table cannot be read ({error}); delete it and run its command again") from error
    if columns:
        return frame
    for column in ("reported", "mean"):
        numbers = pd.to_numeric(frame[column], errors="coerce")
        frame[column] = numbers.astype(object).where(numbers.notna(), frame[column])
    words = ["label", "interval_over", "verdict", "fitted_on", "setup"]
    return frame.assign(**{name: frame[name].fillna("") for name in words})


def write(frame, document, folder):
    """``table.csv``, and the :class:`~keras_ser.output.document.Document` as ``table.md``, into ``folder``, each whole
    or not at all.
    """
    texts = {"table.csv": frame.to_csv(index=False, float_format="%.6g"), "table.md": as_markdown(document)}
    for name, content in texts.items():
        with files.replaced(folder / name) as part:
            part.write_text(content, encoding="utf-8")


def accuracies(reports, out):
    """Rows of the accuracy of every experiment that a report lists, of all ``reports`` whose table is under the folder
    ``out``. → DataFrame with the columns of a table
    """
    parts = []
    for report in reports:
        path = out / report.name / "table.csv"
        if path.is_file():
            frame = read(path)
            listed = [item.name for item in report.experiments if not item.extension]
            parts.append(frame[(frame["metric"] == "accuracy") & frame["experiment"].isin(listed)])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
