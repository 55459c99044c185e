"""A user's own recordings: a table (CSV), or a directory with one subdirectory per emotion.

Out: what they are called in words, a name for the folder of their results, and their manifest.
"""

import os
import re
from collections.abc import Mapping
from hashlib import blake2b
from numbers import Integral
from pathlib import Path

import pandas as pd

from keras_ser import corpora
from keras_ser.corpora import folders, table
from keras_ser.corpora.corpus import SYNTHETIC_SPEECH, as_text
from keras_ser.errors import UserError


def read(path: str | Path, *, labels=None, speaker_from=None, data_root=None) -> tuple[str, str, pd.DataFrame]:
    """The recordings of `path`. Arguments as of `table.manifest` and `folders.manifest`.

    Returns: title, name of the folder of results (which no other path shares), manifest.

    Raises:
        UserError: as the two; `path` is empty, `labels` map no text to text, or `speaker_from` is no regular expression
            with a group.
    """
    if not str(path):
        raise UserError("'' names no recordings: name a table (CSV) or a directory")
    labels = _as_texts(labels)
    if speaker_from is not None:
        try:
            if re.compile(speaker_from).groups < 1:
                raise ValueError("no group (…) in it")
        except (re.error, TypeError, ValueError) as error:
            raise UserError(f"{speaker_from!r} finds no speaker: {error}; as in '(spk\\d+)_'") from error
    place = Path(path).resolve()
    options = {"labels": labels, "speaker_from": speaker_from}
    if os.path.isdir(place):
        kind, manifest = "folder", folders.manifest(path, **options)
    else:
        kind, manifest = "table", table.manifest(path, **options, data_root=data_root)
    digest = blake2b(str(place).encode(errors="surrogateescape"), digest_size=4).hexdigest()
    stem = as_text(place.stem).replace("\\", "_")  # TensorFlow takes a backslash for the end of a folder's name
    made = f" ({SYNTHETIC_SPEECH})" if manifest["synthetic"].any() else ""
    unknown = unknown_speakers(manifest)
    whose = f" ({unknown}: not speaker-independent)" if unknown else ""
    return f"the {kind} {as_text(place.name)}{made}{whose}", f"{stem}-{digest}", manifest


def is_own(name: str | Path) -> bool:
    """Whether `name` is a path of recordings, and no name of a corpus."""
    # Of a name that is too long for a file neither.
    return bool(name) and str(name) not in corpora.CORPORA and (os.path.isdir(name) or os.path.isfile(name))


def unknown_speakers(clips: pd.DataFrame) -> str:
    """Of how many clips the speakers are unknown, in words that stand beside every figure; "" where all are known."""
    unknown = int((clips["speaker"] == "").sum())
    if not unknown:
        return ""
    return "speakers unknown" if unknown == len(clips) else f"speakers of {unknown} of {len(clips)} clips unknown"


def _as_texts(labels) -> dict[str, str] | None:
    """`labels` as tables and folders spell them, where a label may be a number."""
    if labels is None:
        return None
    pairs = labels.items() if isinstance(labels, Mapping) else [(labels, None)]
    for label, emotion in pairs:
        if not (isinstance(label, str | Integral) and isinstance(emotion, str) and emotion.strip()):
            raise UserError(f"labels must map labels to emotions, as in {{'ang': 'anger'}}, not {labels!r}")
    return {as_text(label): as_text(emotion) for label, emotion in labels.items()}
