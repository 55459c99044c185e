"""A user's own recordings as a table: CSV with a row per clip.

In: `path` and `emotion`; optionally `speaker`, `gender`, `sentence`, `split`, and `start` and `end` (seconds, or
audformat's "0 days 00:00:01.5") where a file holds several clips. Columns may have the names that audformat and
MSP-Podcast give them (`SYNONYMS`). Paths are relative to the table's directory, else to the data root.
Out: the manifest of the corpora with one more column, `split` ("train", "validation", "test" or ""); the `path` of a
part of a file ends with `#t=start,end`, which `keras_ser.audio` reads.
"""

import csv
import gzip
import itertools
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from keras_ser import files
from keras_ser.corpora import emotions
from keras_ser.corpora.corpus import OFFICIAL, SPLITS, as_manifest, as_text, clip_ids, speaker_of
from keras_ser.errors import UserError
from keras_ser.progress import log

# In lower case, which the table's need not be; of several the first that the table has.
SYNONYMS = {
    "path": ("path", "file", "filename", "file_name", "file_path"),
    "emotion": ("emotion", "emoclass", "label"),
    "speaker": ("speaker", "spkrid", "speaker_id"),
    "gender": ("gender", "sex"),
    "sentence": ("sentence", "text", "transcript", "transcription"),
    "split": ("split", "split_set", "partition"),
    "start": ("start",),
    "end": ("end",),
}
NEEDED = ("path", "emotion")
SEPARATORS = ",;\t"
UNKNOWN = ("", "unknown", "nan", "none", "nat")  # what tables write where they do not know
GENDERS = {"f": "female", "female": "female", "m": "male", "male": "male"}
# MSP-Podcast's EmoClass; O (other) and X (no agreement) are no emotion.
MSP_LABELS = {
    **{"A": "anger", "C": "contempt", "D": "disgust", "F": "fear"},
    **{"H": "happiness", "N": "neutral", "S": "sadness", "U": "surprise"},
}


def manifest(path, *, labels=None, speaker_from=None, data_root=None) -> pd.DataFrame:
    """One row per clip of the table `path`.

    Args:
        labels: label of the table → emotion, for what `emotions.common` does not know, or to join classes.
        speaker_from: regular expression whose group, found in a path below the folder that all files lie in, is the
            speaker, where no column is; where that finds none in any of them, in relative paths as they are given.
        data_root: where paths are looked for that are not below the table's directory.

    Raises:
        UserError: no such table, no column of the path or the emotion, a cell that cannot be read, no usable label.
    """
    path = Path(path)
    table, emotion = _read(path)
    table["part"] = [_part(*cells, path) for cells in zip(table["start"], table["end"], table.index, strict=True)]
    if (ended := table["part"].isna()).any():
        said = f"{ended.sum()} rows end no later than they begin"
        if ended.all():
            raise UserError(f"{path}: all its {said}")
        log.warning("%s: %s and are excluded, the first in line %d", path, said, ended.idxmax())
        table = table[~ended]
    parent = path.absolute().parent
    folders = [str(parent), *([os.path.abspath(data_root)] if data_root else [])]
    if parent.name.lower() == "labels":  # MSP-Podcast has Labels/ beside Audios/
        folders.append(str(parent.parent / "Audios"))
    located = {cell: _located(cell, folders) for cell in table["path"].unique()}
    root = os.path.commonpath({os.path.dirname(file) for file in located.values()})
    above = len(os.path.join(root, ""))
    clips = pd.DataFrame(
        {
            "path": table["path"].map(located) + table["part"],
            "clip": table["path"].map({cell: as_text(file[above:]) for cell, file in located.items()}),
            "part": table["part"],
            "corpus": "table",
            "speaker": known(table["speaker"]),
            "gender": table["gender"].str.lower().map(GENDERS).fillna(""),
            "sentence": known(table["sentence"]),
            "label": table["emotion"],
            "split": _splits(table["split"], path),
            "intensity": "",
            "take": "",
        }
    )
    if speaker_from:
        found = {cell: speaker_of(file[above:], speaker_from) for cell, file in located.items()}
        if not any(found.values()):  # all files may be one speaker's, in a folder of that name
            found = {cell: "" if os.path.isabs(cell) else speaker_of(cell, speaker_from) for cell in located}
        clips["speaker"] = clips["speaker"].mask(clips["speaker"] == "", table["path"].map(found))
    clips = _of_an_emotion(clips, labels or {}, path)
    of_table = MSP_LABELS if emotion == "emoclass" else {}
    meaning = emotions.meanings(clips["label"], {**of_table, **(labels or {})}, str(path), asked=labels)
    clips["emotion"] = clips["label"].map(meaning)
    clips = _once(clips.dropna(subset="emotion"), path)
    _warn_of_no_split(table.loc[clips.index, "split"], clips["split"], path)
    ends = clips["part"].str.replace("#t=", "_", regex=False).str.replace(",", "-", regex=False)
    clips["clip"] = clip_ids(clips["clip"], ends)
    return as_manifest(clips.sort_values("clip"), Path(root), extra=("split",))


def _of_an_emotion(clips, labels, table) -> pd.DataFrame:
    """The clips whose rows say one, or what `labels` take for one."""
    none = (known(clips["label"]) == "") & ~clips["label"].isin([*labels])
    if not none.any():
        return clips
    said = f"{none.sum()} rows have no emotion"
    if none.all():
        raise UserError(f"{table}: all its {said}")
    log.warning("%s: %s and are excluded, the first in line %d", table, said, none.idxmax())
    return clips[~none]


def _once(clips, table) -> pd.DataFrame:
    """Each recording once; none of which rows say different emotions, as those of several annotators do."""
    disputed = clips.groupby("path")["emotion"].transform("nunique") > 1
    if disputed.any():
        said = f"{clips.loc[disputed, 'path'].nunique()} recordings have rows of different emotions"
        if disputed.all():
            raise UserError(f"{table}: all its {said}: choose one for each")
        log.warning("%s: %s and are excluded, the first %s", table, said, clips.loc[disputed, "path"].iloc[0])
        clips = clips[~disputed]
    single = clips.drop_duplicates("path")
    if len(single) < len(clips):
        log.warning("%s: %d rows repeat earlier ones and are excluded", table, len(clips) - len(single))
    return single.copy()


def cells(path) -> pd.DataFrame:
    """All cells of a CSV table as text, under the names of its first row; the index is the line on which a row begins.
    A name in `.gz` is of a compressed one.

    Raises:
        UserError: no such file, none of text, or a row with more cells than the first one.
    """
    path = Path(path)
    with files.reading(path, "a CSV table is needed"):
        rows = _rows(path)
        _, names = next(rows, (0, ()))
        if not names:
            raise ValueError("No columns to parse from file")
        columns, lines, shared = [[] for _ in names], [], {}
        for line, row in rows:
            if any(row[len(names) :]):
                what = f"{len(row)} cells, and the first line has {len(names)}"
                raise UserError(f"{path}, line {line}: {what}: put cells with a separator in quotation marks")
            lines.append(line)
            for column, cell in zip(columns, row + [""] * (len(names) - len(row)), strict=False):
                column.append(shared.setdefault(cell, cell))  # most cells of a table say what others say
    table = {}
    for name, column in zip(names, columns, strict=True):
        table.setdefault(name, column)
    return pd.DataFrame(table, index=pd.Index(lines, dtype=int))


def _rows(path) -> Iterator[tuple[int, list[str]]]:
    """The line on which a row begins, and its cells without blanks around them. Empty lines are passed over."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        first = next((line for line in file if line.strip()), "")
        file.seek(0)
        end = "\x1e"  # no line of a table: whether a quotation mark is open at the end the reader does not say
        reader = csv.reader(itertools.chain(file, [end]), delimiter=max(SEPARATORS, key=first.count))
        line = 1
        try:
            for row in reader:
                if row == [end]:
                    return
                if row and row[-1].endswith(end):
                    raise ValueError(f"a quotation mark of line {line} is never closed")
                if any("\0" in cell for cell in row):
                    raise ValueError(f"a NUL byte in line {line}: is it text in UTF-8?")
                row = [cell.strip() for cell in row]
                if len(row) > 1 or any(row):
                    yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(f"{error} in line {line}: is a quotation mark closed there?") from error


def _read(path) -> tuple[pd.DataFrame, str]:
    """The rows that have a path, in the columns of `SYNONYMS`; what its emotions are called there, in lower case."""
    raw = cells(path)
    by_name = defaultdict(list)  # name in lower case → as the table writes it
    for name in raw:
        by_name[name.lower()].append(name)
    taken = {
        column: next((_one(name, by_name[name], path) for name in names if name in by_name), None)
        for column, names in SYNONYMS.items()
    }
    lacking = [column for column in NEEDED if taken[column] is None]
    if lacking:
        raise UserError(
            f"{path}: no column {' and '.join(lacking)}; its columns are {', '.join(raw)}; known names are "
            + "; ".join(f"{column}: {', '.join(SYNONYMS[column])}" for column in lacking)
        )
    table = pd.DataFrame({column: raw[name] if name else "" for column, name in taken.items()})
    named = table[table["path"] != ""]
    if named.empty:
        raise UserError(f"{path}: the table has no row{' with a path' * (len(table) > 0)}")
    if len(named) < len(table):
        lines = table.index.difference(named.index)
        log.warning("%s: %d rows have no path and are excluded, the first in line %d", path, len(lines), lines[0])
    return named, taken["emotion"].lower()


def _one(name, columns, path) -> str:
    """Of columns that differ in case alone the one that is called `name`."""
    if len(columns) > 1:
        said = f"the columns {' and '.join(columns)} differ in case alone"
        if name not in columns:
            raise UserError(f"{path}: {said}: rename all but the one to use")
        log.warning("%s: %s: %s is used", path, said, name)
        return name
    return columns[0]


def known(column: pd.Series) -> pd.Series:
    """The column with "" where it says that it does not know."""
    return column.mask(column.str.lower().isin(UNKNOWN), "")


def _located(cell, folders) -> str:
    """Where a path of the table is; where it would be below the first folder, if it is nowhere."""
    places = [os.path.normpath(os.path.join(folder, cell)) for folder in folders]
    return next((place for place in places if os.path.exists(place)), places[0])


def _part(start, end, line, path) -> str | None:
    """`#t=start,end`, "" for the whole file, None where the clip ends before it has begun."""
    start, end = (_seconds(cell, line, path) for cell in (start, end))
    if not start and end is None:
        return ""
    if end is not None and end <= (start or 0):
        return None
    return f"#t={_number(start or 0)},{'' if end is None else _number(end)}"


def _number(seconds) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def _seconds(cell, line, path) -> float | None:
    if cell.lower() in UNKNOWN:
        return None
    try:
        value = _parsed(cell)
        if not 0 <= value < float("inf"):
            raise ValueError
    except ValueError as error:
        point = ": a decimal point is needed" if "," in cell else ""
        raise UserError(f"{path}, line {line}: {cell!r} is no time in seconds{point}") from error
    return value


def _parsed(cell) -> float:
    try:
        return float(cell)
    except ValueError:
        if not any(letter == ":" or letter.isalpha() for letter in cell):  # pandas takes 0,5 for five nanoseconds
            raise
        return pd.to_timedelta(cell).total_seconds()


def _splits(column: pd.Series, path) -> pd.Series:
    words = column.str.lower()
    wrong = ~words.isin((*UNKNOWN, *SPLITS))
    if wrong.any():
        line = wrong.idxmax()
        raise UserError(f"{path}, line {line}: no split is called {column[line]!r}: choose from {', '.join(SPLITS)}")
    return words.map(SPLITS).fillna("")


def _warn_of_no_split(words, splits, path):
    """Of rows that the table's own split says nothing of. `words`: its cells; `splits`: what they mean."""
    unknown = words[splits == ""]
    if len(unknown) and set(splits) >= OFFICIAL:
        counts = ", ".join(f"{word or 'empty'} ({n})" for word, n in unknown.value_counts().items())
        said = f"{len(unknown)} rows have no known split ({counts}) and are excluded under the table's own split"
        log.warning("%s: %s (as_reported), the first in line %d", path, said, unknown.index[0])
