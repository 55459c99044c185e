"""A user's own recordings as a table: CSV with a row per clip.

In: `path` and `emotion`; optionally `speaker`, `gender`, `sentence`, `split`, and `start` and `end` (seconds, or
audformat's "0 days 00:00:01.5") where a file holds several clips. Columns may have the names that audformat and
MSP-Podcast give them (`SYNONYMS`). Paths are relative to the table's directory, else to the data root.
Out: the manifest of the corpora with one more column, `split` ("train", "validation", "test" or ""); the `path` of a
part of a file ends with `#t=start,end`, which `keras_ser.audio` reads.
"""

import os
from pathlib import Path

import pandas as pd

from keras_ser import files
from keras_ser.corpora import emotions
from keras_ser.corpora.corpus import NOTHING_KNOWN, SPLITS, as_manifest, speaker_of
from keras_ser.errors import UserError
from keras_ser.progress import log

# In lower case; of several the first that the table has.
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
        speaker_from: regular expression whose group, found in a clip's path, is its speaker, where no column is.
        data_root: where paths are looked for that are not below the table's directory.

    Raises:
        UserError: no such table, no column of the path or the emotion, a cell that cannot be read, no usable label.
    """
    path = Path(path)
    table = _read(path)
    folders = [path.absolute().parent, *([Path(data_root).absolute()] if data_root else [])]
    if path.absolute().parent.name.lower() == "labels":  # MSP-Podcast has Labels/ beside Audios/
        folders.append(path.absolute().parent.parent / "Audios")
    files = [_located(cell, folders) for cell in table["path"]]
    root = Path(os.path.commonpath([os.path.dirname(file) for file in files]))
    known_labels = {**(MSP_LABELS if table.attrs["emotion"] == "emoclass" else {}), **(labels or {})}
    rows = {}
    for place, (file, row) in enumerate(zip(files, table.itertuples(index=False), strict=True)):
        inside = Path(file).relative_to(root)
        part = _part(row, path, place + 2)
        speaker = "" if row.speaker.lower() in UNKNOWN else row.speaker
        rows.setdefault(
            file + part,
            {
                **NOTHING_KNOWN,
                "clip": inside.as_posix() + part.replace("#t=", "_").replace(",", "-"),
                "path": file + part,
                "corpus": "table",
                "speaker": speaker or speaker_of(inside, speaker_from),
                "gender": GENDERS.get(row.gender.lower(), ""),
                "sentence": "" if row.sentence.lower() in UNKNOWN else row.sentence,
                "label": row.emotion,
                "split": _split(row.split, path, place + 2),
            },
        )
    if len(rows) < len(table):
        log.warning("%s: %d rows repeat earlier ones and are excluded", path, len(table) - len(rows))
    shorter = {key: os.path.splitext(Path(key.partition("#t=")[0]).name)[1] for key in rows}
    named = [{**row, "clip": row["clip"].replace(shorter[key], "", 1)} for key, row in rows.items()]
    if len({row["clip"] for row in named}) < len(named):  # x.wav beside x.flac
        named = list(rows.values())
    usable = emotions.labelled(named, known_labels, str(path), asked=labels)
    return as_manifest(sorted(usable, key=lambda row: row["clip"]), root, extra=("split",))


def _read(path) -> pd.DataFrame:
    """The table with the columns of `SYNONYMS`, all text; `attrs["emotion"]`: what its emotions are called there."""
    with files.reading(path, "a CSV table is needed"):
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline()
        separator = max(",;\t", key=first.count)
        raw = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    by_name = {name.strip().lower(): name for name in raw}
    taken = {
        column: next((by_name[name] for name in names if name in by_name), None) for column, names in SYNONYMS.items()
    }
    lacking = [column for column in NEEDED if taken[column] is None]
    if lacking:
        raise UserError(
            f"{path}: no column {' and '.join(lacking)}; its columns are {', '.join(raw)}; known names are "
            + "; ".join(f"{column}: {', '.join(SYNONYMS[column])}" for column in lacking)
        )
    if raw.empty:
        raise UserError(f"{path}: the table has no row")
    table = pd.DataFrame({column: raw[name].str.strip() if name else "" for column, name in taken.items()})
    table.attrs["emotion"] = taken["emotion"].strip().lower()
    return table


def _located(cell, folders) -> str:
    """Where a path of the table is; where it would be below the first folder, if it is nowhere."""
    places = [os.path.normpath(folder / cell) for folder in folders]
    return next((place for place in places if os.path.exists(place)), places[0])


def _part(row, path, line) -> str:
    """`#t=start,end`, "" for the whole file."""
    start, end = (_seconds(cell, path, line) for cell in (row.start, row.end))
    if not start and end is None:
        return ""
    if end is not None and end <= (start or 0):
        raise UserError(f"{path}, line {line}: the clip ends at {end:g} s and starts at {start or 0:g} s")
    return f"#t={_number(start or 0)},{'' if end is None else _number(end)}"


def _number(seconds) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def _seconds(cell, path, line) -> float | None:
    if cell.lower() in UNKNOWN:
        return None
    try:
        value = float(cell) if cell.replace(".", "", 1).isdigit() else pd.to_timedelta(cell).total_seconds()
        if not 0 <= value < float("inf"):
            raise ValueError
    except ValueError as error:
        raise UserError(f"{path}, line {line}: {cell!r} is no time in seconds") from error
    return value


def _split(cell, path, line) -> str:
    word = cell.lower()
    if word in UNKNOWN:
        return ""
    if word not in SPLITS:
        raise UserError(f"{path}, line {line}: no split is called {cell!r}: choose from {', '.join(SPLITS)}")
    return SPLITS[word]
