"""Recordings sorted into one folder per class, with or without a Train/Test level above: `Train/Angry/x.wav`,
`sad/y.flac`.

Out: the manifest of the corpora with one more column, `split` ("train", "validation", "test" or ""). A
clip's id is its path without the suffix. Speaker, gender, sentence, intensity and take are known where the
files keep RAVDESS's names.
"""

from pathlib import Path

import pandas as pd

from keras_ser.corpora import emotions, ravdess
from keras_ser.corpora.corpus import NOTHING_KNOWN, SPLITS, as_manifest, audio_files, speaker_of
from keras_ser.errors import UserError


def manifest(root: str | Path, *, labels=None, speaker_from=None) -> pd.DataFrame:
    """One row per clip.

    Args:
        labels: name of a folder → emotion, for what `emotions.common` does not know, or to join classes.
        speaker_from: regular expression whose group, found in a clip's path, is its speaker.

    Raises:
        UserError: no such folder, no audio in it, or no folder that names an emotion.
    """
    folder = Path(root).absolute()
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the one that holds one folder per class")
    rows = []
    for path in audio_files(folder):
        facts = ravdess.parse(path) or NOTHING_KNOWN
        rows.append(
            {
                **facts,
                "clip": path.with_suffix("").as_posix(),
                "path": str(folder / path),
                "corpus": "folders",
                "speaker": speaker_of(path, speaker_from) or facts["speaker"],
                "label": path.parent.name,
                "split": next((SPLITS[part.lower()] for part in path.parts[:-2] if part.lower() in SPLITS), ""),
            }
        )
    if not rows:
        raise UserError(f"{folder}: no audio file below it; put one folder per class there, such as Angry/x.wav")
    return as_manifest(emotions.labelled(rows, labels or {}, str(folder), asked=labels), folder, extra=("split",))
