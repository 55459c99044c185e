"""What a corpus is made of, and the search of a folder for its clips.

In: a folder, searched recursively; the facts about a clip come from its file name alone, so no layout is
required.
Out: one row per clip with the columns of `COLUMNS`.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from keras_ser import audio
from keras_ser.errors import UserError
from keras_ser.progress import log

# clip       unique in its corpus, the same for every layout and format of it: "03a01Fa", "DC_a01"
# path       absolute
# speaker    the corpus's own name of the speaker; unique within the corpus only
# gender     "female", "male" or ""
# age        years, <NA> where the corpus does not say
# emotion    the common vocabulary (`emotions.EMOTIONS`)
# label      the emotion as the file name spells it: "W", "ANG", "05", "ps"
# sentence   equal for clips that say the same words, "" where unknown
# intensity  "normal" and "strong" (RAVDESS), "low", "medium", "high" and "unspecified" (CREMA-D), else ""
# take       which repetition or version, "" where there is one
# synthetic  whether the clip is made by `corpora.synthetic`
COLUMNS = (
    "clip",
    "path",
    "corpus",
    "speaker",
    "gender",
    "age",
    "emotion",
    "label",
    "sentence",
    "intensity",
    "take",
    "synthetic",
)

# Of a clip whose file says no more than its emotion.
NOTHING_KNOWN = {"speaker": "", "gender": "", "age": None, "sentence": "", "intensity": "", "take": ""}
SPLITS = {  # what folders and tables call them, in lower case
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "test1", "test2", "test3"), "test"),
}

OFFICIAL = {"train", "test"}  # what a split has that whoever made the recordings wants kept

SYNTHETIC_SPEECH = "synthetic speech"  # in the description of whatever was made from any
SYNTHETIC_MARKER = "SYNTHETIC.txt"  # a file of this name marks everything below its folder as synthetic


@dataclass(frozen=True)
class Corpus:
    """One published corpus: its names, its size as published, its terms, and how it names its files."""

    name: str
    title: str
    sample_rate: int  # hertz, as published
    n_speakers: int
    counts: Mapping[str, int]  # emotion → clips, as published
    licence: str
    home: str
    citation: str
    # Relative path → the facts of the clip (all columns but path, corpus, synthetic), None if it is no clip.
    parse: Callable[[PurePosixPath], dict | None]
    # Pattern of a file stem → what such a file is: the corpus's own files that are no clips of it.
    others: Mapping[str, str] = field(default_factory=dict)
    # () → what people heard in the clips: `clip`, `emotion` (the intended one) and a column of votes per emotion.
    votes: Callable[[], pd.DataFrame] | None = None

    @property
    def folder(self) -> str:
        """The corpus's folder in a data root."""
        return self.name

    @property
    def n_clips(self) -> int:
        """Clips of the corpus as published."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Listing:
    """What a search found: a row per clip, audio files that are no clip of it, and clips found again."""

    clips: pd.DataFrame
    strangers: tuple[PurePosixPath, ...]
    repeats: tuple[PurePosixPath, ...]


def locate(corpus: Corpus, root: Path) -> Path:
    """The corpus's own folder: the one of its name in a data root, else `root` itself."""
    root = Path(os.path.abspath(root))
    inside = root / corpus.folder
    return inside if inside.is_dir() else root


def find(corpus: Corpus, folder: Path) -> Listing:
    """Search `folder` for clips.

    A clip that is there twice (a copy of the tree, WAV beside FLAC) counts once: the first by path.
    """
    rows, strangers, repeats = {}, [], []
    for path in audio_files(folder):
        facts = corpus.parse(path)
        if facts is None:
            strangers.append(path)
        elif facts["clip"] in rows:
            repeats.append(path)
        else:
            rows[facts["clip"]] = {**facts, "path": str(folder / path), "corpus": corpus.name}
    # By clip, not by path: how the folders are called and nested must not change who is in train.
    clips = [rows[clip] for clip in sorted(rows)]
    return Listing(as_manifest(clips, folder), tuple(strangers), tuple(repeats))


def audio_files(folder: Path) -> Iterator[PurePosixPath]:
    """Relative paths of all files with an audio suffix, in order, but for hidden ones and macOS's shadows.

    Links to folders are followed, to each folder once: links may point at a folder above or at one another. One warning
    says which folders cannot be read, one how many files are sound that libsndfile does not read.

    Raises:
        UserError: `folder` itself cannot be read.
    """
    seen, unreadable, unread = {_identity(folder)}, [], []
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=unreadable.append):
        inside = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        folders[:] = []
        for name in inside:
            try:
                identity = _identity(os.path.join(parent, name))
            except OSError as error:  # of a folder whose list may be read, and nothing in it
                unreadable.append(error)
                continue
            if identity not in seen:
                seen.add(identity)
                folders.append(name)
        for name in sorted(name for name in files if not name.startswith(".")):
            suffix = os.path.splitext(name)[1].lower()
            if suffix in audio.SUFFIXES:
                yield PurePosixPath(Path(parent, name).relative_to(folder).as_posix())
            elif suffix in audio.UNREAD:
                unread.append(os.path.join(parent, name))
    if unread:
        said = f"{len(unread)} file{'s' * (len(unread) > 1)} excluded, the first {unread[0]}"
        log.warning("%s: %s", said, audio.CONVERT)
    if unreadable:
        first = f"{unreadable[0].filename} ({unreadable[0].strerror})"
        if unreadable[0].filename == os.fspath(folder):
            raise UserError(f"{first}: cannot be read; allow reading, or name another folder")
        others = f" and {len(unreadable) - 1} more" if len(unreadable) > 1 else ""
        log.warning("%s%s: cannot be read, recordings there are excluded; allow reading and run again", first, others)


def _identity(folder: str | Path) -> tuple[int, int]:
    """What two paths of one folder have in common."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def as_text(name: str | os.PathLike) -> str:
    """A file's name with the bytes that are no UTF-8, as old archives have them, written as in fr\\xf6hlich."""
    return str(name).encode(errors="surrogateescape").decode(errors="backslashreplace")


def clip_ids(files: Sequence[str], ends: Sequence[str]) -> list[str]:
    """Paths without their suffix, each with its end; with the suffix if two would else be one: x.wav beside x.flac."""
    ids = [os.path.splitext(file)[0] + end for file, end in zip(files, ends, strict=True)]
    return ids if len(set(ids)) == len(ids) else [file + end for file, end in zip(files, ends, strict=True)]


def speaker_of(path: str | os.PathLike, pattern: str | None) -> str:
    """What the groups of the regular expression `pattern` find in a path, "" where they find nothing."""
    match = pattern and re.search(pattern, str(path))
    return "_".join(group for group in match.groups() if group) if match else ""


def as_manifest(clips, folder: Path, extra: tuple[str, ...] = ()) -> pd.DataFrame:
    """Rows or columns with a `path` → the manifest, with `synthetic` by the marker in or above each clip's folder."""
    clips = pd.DataFrame(clips, columns=[*COLUMNS, *extra])
    parents = [os.path.dirname(path) for path in clips["path"]]
    marked = {parent: _is_marked(parent, folder) for parent in set(parents)}  # to pandas all that is no UTF-8 is equal
    clips["synthetic"] = [marked[parent] for parent in parents]
    return clips.astype({"age": "Int64", "synthetic": bool}).reset_index(drop=True)


def _is_marked(parent: str, folder: Path) -> bool:
    above = (Path(parent), *Path(parent).parents)
    # One level above the corpus's folder too: a user may point at emodb/wav, and the marker is in emodb.
    within = (path for path in above if path == folder.parent or folder.parent in path.parents)
    return any((path / SYNTHETIC_MARKER).is_file() for path in within)
