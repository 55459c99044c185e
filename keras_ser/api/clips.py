"""Clips and their splits: for models of a caller's own, as files, and searched for leakage."""

from collections.abc import Mapping
from numbers import Real
from pathlib import Path

import pandas as pd

from keras_ser import corpora, files
from keras_ser.api.settings import OF_CORPORA, Options, check_of_own, warn_of_excluded, whole_number
from keras_ser.corpora import own
from keras_ser.data import GREATEST_SEED, features, leakage, protocols
from keras_ser.data.augmentation import originals
from keras_ser.errors import UserError
from keras_ser.runs import store
from keras_ser.runs.planning import Material

OF_A_CLIP = ("clip", "corpus", "speaker", "emotion", "sentence", "audio_hash")  # what protocols ask about it
OF_CORPUS = "split_of_corpus"


def load_corpus(
    name: str | Path,
    data: str | Path | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
    out: str | Path = "artifacts",
) -> pd.DataFrame:
    """The clips of a corpus that can be used, one row per clip: ``clip, path, speaker, gender, emotion, sentence, …``
    (:data:`keras_ser.corpora.corpus.COLUMNS`), ``audio_hash`` (hash of the samples), ``rate`` (Hz) and ``samples``.

    Args:
        name: of a corpus (``keras_ser.corpora.CORPORA``), or a table or directory as :func:`run` takes them.
        data: directory containing the corpora; None: ``$KERAS_SER_DATA``, else ``data``.
        labels, speaker_from, out: as of :func:`run`; below ``out`` is the index of recordings.

    Raises:
        UserError: no such corpus, table or directory, or no clip of it can be used.
    """
    manifest = recordings(name, data, labels, speaker_from)
    usable, excluded = features.with_audio_hash(manifest, Path(out) / "cache")
    warn_of_excluded(excluded)
    return usable


def split(
    clips: pd.DataFrame,
    protocol: str = "speaker_independent",
    *,
    fold: int = 0,
    seed: int = 0,
    validation: float = 0.15,
    test: float = 0.15,
    n_folds: int = 5,
) -> pd.DataFrame:
    """``clips`` (of :func:`load_corpus`, or of this function) with a column ``split``: train, validation or test; and
    ``split_of_corpus``: what the corpus itself has for one ("": nothing), which ``as_reported`` keeps to. Clips that
    share with the test clips what the protocol does not allow are left out, and those without a split of the corpus
    where ``as_reported`` keeps to it.

    Args:
        protocol: ``clip_disjoint``, ``sentence_independent``, ``speaker_independent``, ….
        fold: of a protocol that deals speakers or sentences into folds; all folds together test every clip once.
        seed: which repetition: another deal.
        validation, test: shares of the clips, where the protocol draws clips.
        n_folds: into how many folds speakers or sentences are dealt, at most.

    Raises:
        UserError: no such protocol or fold, the clips do not allow it, or they are not as :func:`load_corpus` gives
            them.
    """
    lacking = [name for name in OF_A_CLIP if name not in getattr(clips, "columns", ())]
    if lacking or not len(clips):
        problem = f"without {', '.join(lacking)}" if lacking else "of no clips"
        raise UserError(f"a table {problem}: split takes clips as load_corpus gives them")
    shares = (validation, test)
    if not (all(isinstance(share, Real) and share > 0 for share in shares) and sum(shares) < 1):
        raise UserError(
            "validation and test must be shares of the clips, above 0, and leave clips to train on, not "
            f"{validation!r} and {test!r}"
        )
    clips = _as_loaded(clips)
    again = clips["clip"].duplicated()
    if again.any():
        raise UserError(
            f"{again.sum()} clips have the name of an earlier one, the first {clips['clip'][again].iloc[0]}: name each "
            "differently in the column clip, as after its corpus"
        )
    seed, fold = whole_number("seed", seed, 0, GREATEST_SEED), whole_number("fold", fold, 0)
    n_folds = whole_number("n_folds", n_folds, 2)
    chosen, shares = protocols.get(protocol), protocols.Split(validation, test, random_state=42, n_folds=n_folds)
    count = chosen.n_folds(clips, shares)
    if fold >= count:
        raise UserError(f"{protocol}: there is no fold {fold}, these clips give {count} (from 0)")
    assigned = chosen.assign(originals(clips), clips, shares, seed, fold)
    if "split" not in clips:
        clips = clips.assign(split="")
    return clips.rename(columns={"split": OF_CORPUS}).merge(assigned[["clip", "split"]], on="clip")


def augment(
    report: str,
    out: str | Path,
    *,
    seed: int = 0,
    data: str | Path | None = None,
    corpus: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
) -> tuple[Material, int]:
    """Write the augmented audio of a report as WAV and its splits as CSV. → the clips, and how many files

    Args:
        out: directory of the files.
        seed: of the augmentation and the split.
        report, data, corpus, labels, speaker_from: as of :func:`run`.

    Raises:
        UserError: as :func:`run`; the disk does not take the files.
    """
    from keras_ser.data import augmented_audio

    seed = whole_number("seed", seed, 0, GREATEST_SEED)
    setting = Options(data, corpus, labels, speaker_from, out=out).setting(report)
    return setting.material, augmented_audio.write(setting.report, setting.material.manifest, out, seed)


def leaks(path: str | Path, protocol: str | None = None) -> tuple[pd.DataFrame, list[str], str | None]:
    """What train and test share in a run, or in a table of splits.

    Args:
        path: folder of a run, or a CSV file (:func:`keras_ser.data.leakage.read`).
        protocol: says what may be shared; None: that of the run, of a table nothing may.

    Returns: what is shared, one row per property; the properties that may not be; the protocol that says so.

    Raises:
        UserError: no such protocol, run or table.
    """
    if protocol:
        protocols.get(protocol)
    files.check_is_path(path, "leaks takes the folder of a run, or a table of splits as a CSV file")
    if Path(path).is_dir():
        stored = store.opened(path)
        shared, protocol = leakage.of_counts(stored.facts["shared"]), protocol or stored.facts["protocol"]
    else:
        shared = leakage.of_table(leakage.read(path))
    return shared, leakage.undeclared(shared, protocol), protocol


def _as_loaded(clips):
    """Clips as they were before :func:`split`, which gave them a split that is none of their corpus; and before they
    went through a file, from which what is not known comes back as NaN. A gender need not be known.
    """
    if "gender" not in clips:
        clips = clips.assign(gender="")
    if OF_CORPUS in clips:
        clips = clips.drop(columns="split", errors="ignore").rename(columns={OF_CORPUS: "split"})
    unknown = [name for name in (*OF_A_CLIP, "gender", "split") if name in clips and clips[name].isna().any()]
    return clips.assign(**{name: clips[name].astype(object).where(clips[name].notna(), "") for name in unknown})


def recordings(corpus, data, labels, speaker_from) -> pd.DataFrame:
    """The manifest of a corpus, or of recordings of a user's own. Arguments as of :func:`load_corpus`."""
    root = corpora.data_root(data)
    files.check_is_path(corpus, OF_CORPORA)
    if own.is_own(corpus):
        return own.read(corpus, labels=labels, speaker_from=speaker_from, data_root=root)[2]
    corpora.get(str(corpus))  # of a path that is not there that is said first
    check_of_own(labels, speaker_from)
    return corpora.manifest(str(corpus), root)
