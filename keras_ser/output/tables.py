"""Tables on disk: ``table.csv`` for programs beside ``table.md`` for people, each written whole or not at all."""

import pandas as pd

from keras_ser import files
from keras_ser.analysis.reported import COLUMNS, VERDICTS
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.output.document import as_markdown

CSV, MARKDOWN = FILES = ("table.csv", "table.md")
ADVICE = "delete it and run its command again"
NUMBERS = ["std", "n", "ci_low", "ci_high", "pi_low", "pi_high", "clips", "tested", "diverged"]
OF_LABELS = "most_confusing_class"  # the metric whose values are no numbers
WORDS = ["label", "interval_over", "verdict", "fitted_on", "setup"]  # may be empty


def read(path, columns=()):
    """A table that :func:`write` wrote, with at least these columns. → DataFrame

    No ``columns``: a report's table; its numbers are numbers beside a figure that is a label.

    Raises: UserError where it is damaged.
    """
    with files.reading(path, ADVICE):
        frame = pd.read_csv(files.whole_text(path), keep_default_na=False, na_values=[""])
        if missing := set(columns or COLUMNS) - set(frame):
            raise ValueError(f"no column {', '.join(sorted(missing))}")
        if columns:
            return frame
        if wrong := [name for name in NUMBERS if not pd.api.types.is_numeric_dtype(frame[name])]:
            raise ValueError(f"no numbers in column {', '.join(wrong)}")
        if frame.empty or frame.drop(columns=["reported", "mean", *NUMBERS, *WORDS]).isna().any(axis=None):
            raise ValueError("rows are missing or cut off")
        for column in ("reported", "mean"):
            numbers = pd.to_numeric(frame[column], errors="coerce")
            words = frame.loc[numbers.isna() & frame[column].notna() & (frame["metric"] != OF_LABELS), column]
            if len(words):
                raise ValueError(f"{column} is {words.iloc[0]!r}")
            frame[column] = numbers.astype(object).where(numbers.notna(), frame[column])
        for column, known in (("protocol", PROTOCOLS), ("verdict", VERDICTS)):
            found = frame[column].fillna("").astype(str).str.partition(" (")[0]
            if unknown := sorted(set(found) - set(known)):
                raise ValueError(f"{column} {unknown[0]!r}")
    return frame.assign(**{name: frame[name].fillna("").astype(str) for name in WORDS})


def write(frame, document, folder):
    """The :data:`FILES` into ``folder``, each whole or not at all: the frame, and the
    :class:`~keras_ser.output.document.Document` for people.
    """
    for name, content in contents(frame, document).items():
        with files.replaced(folder / name) as part:
            part.write_text(content, encoding="utf-8")


def contents(frame, document):
    """What :func:`write` writes. → dict: name of a file → text"""
    return {CSV: frame.to_csv(index=False, float_format="%.6g"), MARKDOWN: as_markdown(document)}


def accuracies(reports, out, corpus=""):
    """Rows of the accuracy of every experiment that a report lists, of all ``reports`` whose table is under the folder
    ``out``; that on one ``corpus`` of several alone, where one is named. → DataFrame with the columns of a table
    """
    metric = f"{corpus}: accuracy" if corpus else "accuracy"
    parts = []
    for report in reports:
        path = out / report.name / CSV
        if path.exists():
            frame = read(path)
            listed = [item.name for item in report.listed]
            parts.append(frame[(frame["metric"] == metric) & frame["experiment"].isin(listed)])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
