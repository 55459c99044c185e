"""Recordings sorted into one folder per class, with or without a Train/Test level above, and with or without others
below: `Train/Angry/x.wav`, `sad/y.flac`, `happy/speaker_1/z.wav`. The class is the innermost folder that means one.

Out: the manifest of the corpora with one more column, `split` ("train", "validation", "test" or ""). A
clip's id is its path without the suffix (with it where x.wav is beside x.flac). Speaker, gender, sentence, intensity
and take are known where the files keep RAVDESS's names.
"""

from pathlib import Path, PurePosixPath

import pandas as pd

from keras_ser import corpora
from keras_ser.corpora import emotions, ravdess
from keras_ser.corpora.corpus import (
    NOTHING_KNOWN,
    OFFICIAL,
    SPLITS,
    as_manifest,
    as_text,
    audio_files,
    clip_ids,
    speaker_of,
)
from keras_ser.errors import UserError
from keras_ser.progress import log


def manifest(root: str | Path, *, labels=None, speaker_from=None) -> pd.DataFrame:
    """One row per clip.

    Args:
        labels: name of a folder → emotion, for what `emotions.common` does not know, or to join classes.
        speaker_from: regular expression whose group, found in a clip's path, is its speaker.

    Raises:
        UserError: no such folder, no audio in it, no folder that names an emotion, or it is that of a published corpus.
    """
    folder = Path(root).absolute()
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the one that holds one folder per class")
    files = list(audio_files(folder))
    if not files:
        raise UserError(f"{folder}: no audio file below it; put one folder per class there, such as Angry/x.wav")
    _refuse_corpus(folder, files, labels or {})
    if loose := [file for file in files if len(file.parts) == 1]:
        files = [file for file in files if len(file.parts) > 1]
        said = f"{len(loose)} recordings lie in no folder of a class"
        if not files:
            raise UserError(f"{folder}: its {said}; put one folder per class there, such as Angry/x.wav")
        log.warning("%s: %s and are excluded, the first %s", folder, said, loose[0])
    names = [as_text(file) for file in files]
    clips = pd.DataFrame([ravdess.parse(file) or NOTHING_KNOWN for file in files], columns=[*NOTHING_KNOWN])
    clips["clip"] = clip_ids(names, [""] * len(names))
    clips["path"] = [str(folder / file) for file in files]
    clips["corpus"] = "folders"
    clips["speaker"] = [
        speaker_of(name, speaker_from) or known for name, known in zip(names, clips["speaker"], strict=True)
    ]
    clips["label"] = [_label(file, labels or {}) for file in files]
    clips["split"] = [
        next((SPLITS[part.lower()] for part in file.parts[:-2] if part.lower() in SPLITS), "") for file in files
    ]
    clips["emotion"] = clips["label"].map(emotions.meanings(clips["label"], labels or {}, str(folder), asked=labels))
    clips = clips.dropna(subset="emotion")
    unknown = clips.loc[clips["split"] == "", "path"]
    if len(unknown) and set(clips["split"]) >= OFFICIAL:
        said = f"{len(unknown)} recordings lie below no folder of a split and are excluded under the folders' own split"
        log.warning("%s: %s (as_reported), the first %s", folder, said, unknown.iloc[0])
    return as_manifest(clips, folder, extra=("split",))


def _label(file: PurePosixPath, labels) -> str:
    """The innermost folder that means an emotion; the innermost of all, where none does."""
    folders = [as_text(part) for part in reversed(file.parts[:-1])]
    return next((name for name in folders if _means_an_emotion(name, labels)), folders[0])


def _means_an_emotion(name, labels) -> bool:
    return name in labels or emotions.common(name) is not None


def _refuse_corpus(folder, files, labels):
    """Raises UserError where no folder means an emotion, and most files have the names of a published corpus."""
    names = {as_text(part) for file in files for part in file.parts[:-1]}
    if any(_means_an_emotion(name, labels) for name in names):
        return
    for corpus, n_files in corpora.looks_like(files).most_common(1):
        if 2 * n_files > len(files):
            raise UserError(
                f"{folder}: its files are those of the corpus {corpus}: name that in place of the folder ({corpus} "
                f"--data DIR, where DIR holds it as {corpus}/)"
            )
