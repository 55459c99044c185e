"""Recordings sorted into one folder a class, with or without a Train/Test level above: `Train/Angry/x.wav`,
`sad/y.flac`.

Out: the manifest of the corpora with one more column, `split` ("train", "validation", "test" or ""). A
clip's id is its path without the suffix. Speaker, gender, sentence, intensity and take are known where the
files keep RAVDESS's names.
"""

from pathlib import Path, PurePosixPath

import pandas as pd

from keras_ser.corpora import emotions, ravdess
from keras_ser.corpora.corpus import as_manifest, audio_files
from keras_ser.errors import UserError

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
_NOTHING_KNOWN = {
    "speaker": "",
    "gender": "",
    "age": None,
    "sentence": "",
    "intensity": "",
    "take": "",
}


def manifest(root: str | Path) -> pd.DataFrame:
    """One row a clip.

    Raises:
        UserError: no such folder, no audio in it, or a file whose folder names no emotion.
    """
    folder = Path(root).absolute()
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the one that holds a folder a class")
    rows = [_row(folder, path) for path in audio_files(folder)]
    if not rows:
        raise UserError(f"{folder}: no audio file below it; put one folder a class there, such as Angry/x.wav")
    return as_manifest(rows, folder, extra=("split",))


def _row(folder: Path, path: PurePosixPath) -> dict:
    label = path.parent.name
    emotion = emotions.common(label)
    if emotion is None:
        known = ", ".join(emotions.ALIASES)
        raise UserError(f"{folder / path}: its folder names no emotion; name it one of {known}")
    facts = ravdess.parse(path) or _NOTHING_KNOWN
    split = next((SPLITS[part.lower()] for part in path.parts[:-2] if part.lower() in SPLITS), "")
    clip = path.with_suffix("").as_posix()
    return {
        **facts,
        "clip": clip,
        "path": str(folder / path),
        "corpus": "folders",
        "emotion": emotion,
        "label": label,
        "split": split,
    }
