"""Where speech comes from: five published corpora, each read by its file names into one manifest.

`manifest` and `CORPORA` are here; `index` knows what every file holds; `own` reads a user's recordings, from a `table`
or from `folders` with one per class; `check` looks at every clip, `download` fetches the public ones, `synthetic` makes
the bundled ones.
"""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from keras_ser.corpora.corpus import Corpus, Listing, audio_files, find, locate
from keras_ser.corpora.crema_d import CREMA_D
from keras_ser.corpora.emodb import EMODB
from keras_ser.corpora.ravdess import RAVDESS
from keras_ser.corpora.savee import SAVEE
from keras_ser.corpora.tess import TESS
from keras_ser.errors import UserError
from keras_ser.progress import log

CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in (EMODB, RAVDESS, TESS, SAVEE, CREMA_D)}


def get(name: str) -> Corpus:
    """The corpus of that name.

    Raises:
        UserError: there is none.
    """
    name = str(name)  # of a path too
    if name not in CORPORA:
        path = ", and there is no such file or directory" if set(name) & {".", os.sep} else ""
        raise UserError(f"no corpus is called {name!r}{path}: choose from {', '.join(CORPORA)}")
    return CORPORA[name]


def data_root(data: str | Path | None = None, *, new: bool = False) -> Path:
    """The directory containing the corpora: `data`, else $KERAS_SER_DATA, else data/. `new`: it need not be there yet.

    Raises:
        UserError: what is named is no folder.
    """
    named = data or os.environ.get("KERAS_SER_DATA")
    if named and not new and not os.path.isdir(named):
        raise UserError(f"{named}: no such folder; --data and KERAS_SER_DATA name a directory containing the corpora")
    return Path(named or "data")


def manifest(name: str, root: str | Path) -> pd.DataFrame:
    """One row a clip, with the columns of `corpus.COLUMNS`.

    Args:
        name: a key of `CORPORA`.
        root: the corpus's own folder, or the data root that holds a folder of the corpus's name.

    Raises:
        UserError: no such folder, or it holds no clip of this corpus.
    """
    return listing(name, root).clips


def joined(names: Sequence[str], root: str | Path) -> pd.DataFrame:
    """The manifests of several corpora in a data root as one; clips, speakers and sentences carry the corpus's name.

    One name: its manifest as it is.

    Raises:
        UserError: as `manifest`.
    """
    if len(names) == 1:
        return manifest(names[0], root)
    parts = []
    for name in names:
        part = manifest(name, root)
        for column in ("clip", "speaker", "sentence"):
            part[column] = (name + "_" + part[column]).where(part[column] != "", "")
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def present(names: Sequence[str], root: str | Path) -> list[str]:
    """Those of the corpora called `names` that have a folder in the data root `root`. Recordings of a user's own have
    none there.
    """
    return [name for name in names if name in CORPORA and (Path(root) / CORPORA[name].folder).is_dir()]


def available(names: Sequence[str], root: Path, synthetic_root: Path) -> tuple[str, pd.DataFrame]:
    """What is under `root` of the corpora called `names`; bundled synthetic ones, made in `synthetic_root`, where
    nothing is. Real and synthetic speech are never mixed. What is missing is a warning.

    Returns: what they are called in words, and their manifest.
    """
    used = present(names, root)
    missing = [name for name in names if name not in used]
    if not used:
        from keras_ser.corpora import synthetic

        folders = ", ".join(str(root / name) for name in names)
        title = titles(names)
        log.warning("%s: no such folder, so bundled synthetic speech takes the place of %s", folders, title)
        for name in names:
            synthetic.make(name, synthetic_root / name)
        return title, joined(names, synthetic_root)
    if missing:
        log.warning("%s: %s not found; only %s are used", root, " and ".join(missing), " and ".join(used))
    return titles(used, missing), joined(used, root)


def titles(names: Sequence[str], missing: Sequence[str] = ()) -> str:
    """What those corpora are called, in words, and which others that belong to them are missing."""
    if len(names) == 1:
        joined = get(names[0]).title
    else:
        *others, last = [get(name).title.partition(" (")[0] for name in names]
        joined = f"{', '.join(others)} and {last}"
    return f"{joined}, without {titles(missing)}" if missing else joined


def are_known(names: Sequence[str]) -> bool:
    """Whether these are the corpora here, whose speech is acted, and not a user's own recordings."""
    return set(names) <= set(CORPORA)


def listing(name: str, root: str | Path) -> Listing:
    """`manifest`, together with the audio files that it leaves out."""
    corpus = get(name)
    folder = locate(corpus, Path(root))
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; get {corpus.title} from {corpus.home} and unpack it there")
    listed = find(corpus, folder)
    if listed.clips.empty:
        raise UserError(f"{folder}: no clip of {corpus.title}; {_what_is_there(folder)}; get it from {corpus.home}")
    return listed


def looks_like(paths: Sequence[PurePosixPath]) -> Counter:
    """Name of a corpus → how many of these files have a name such as its clips."""
    return Counter(corpus.name for path in paths for corpus in CORPORA.values() if corpus.parse(path))


def _what_is_there(folder: Path) -> str:
    paths = list(audio_files(folder))
    if not paths:
        return "no audio file is there"
    looks = looks_like(paths)
    like = f", which looks like {looks.most_common(1)[0][0]}" if looks else ""
    return f"{len(paths)} audio files are there, the first {paths[0]}{like}"
