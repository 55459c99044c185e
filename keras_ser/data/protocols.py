"""Protocols: who is in train, validation and test.

A protocol takes the table of examples (``keras_ser.data.augmentation``), the manifest, the report's :class:`Split` and
a seed, and returns the examples with a column ``side`` ("train", "validation" or "test"); examples that it does not use
are left out. Validation is never test. Except in ``as_reported``, which keeps the report's own order of steps, copies
of a clip exist in train alone.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from keras_ser.data.augmentation import originals
from keras_ser.errors import UserError

SIDES = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Sizes of the sides, and what ``random_state`` the report gave scikit-learn (seed k uses ``random_state + k``).

    ``validation`` and ``test`` are fractions of the whole. ``n_folds``: into how many groups of speakers the
    speaker-independent protocols deal the speakers.
    """

    validation: float
    test: float
    random_state: int
    n_folds: int


class StratifiedSplit(Split):
    """A split that keeps the shares of the emotions; the test side is drawn first, then validation from the rest."""


@dataclass(frozen=True)
class SpeakerSplit(Split):
    """A split by speakers: ``test_speakers`` are the test side; of the others, seed k validates on the k-th in turn."""

    test_speakers: tuple[str, ...]


def _random_sides(emotion, split, seed):
    """Sides of rows with these emotions, by two calls of train_test_split as the report makes them. → object [rows].

    The Emo-DB report parts what it holds out into test and validation; the CREMA-D report (stratified) draws the test
    side first, then validation from the rest.
    """
    n, random_state = len(emotion), split.random_state + seed
    try:
        if isinstance(split, StratifiedSplit):
            options = {"random_state": random_state, "stratify": emotion}
            rest, test = train_test_split(np.arange(n), test_size=split.test, **options)
            options["stratify"] = emotion[rest]
            # At least one clip of each emotion, which 5 % of a small corpus would not be.
            n_validation = max(ceil(split.validation / (1 - split.test) * len(rest)), len(set(emotion)))
            train, validation = train_test_split(rest, test_size=n_validation, **options)
        else:
            held_out = split.validation + split.test
            train, rest = train_test_split(np.arange(n), test_size=held_out, random_state=random_state)
            test, validation = train_test_split(rest, test_size=split.validation / held_out, random_state=random_state)
    except ValueError as error:
        raise UserError(f"{n} clips are too few to split into train, validation and test: add clips") from error
    sides = np.empty(n, object)
    sides[train], sides[validation], sides[test] = SIDES
    return sides


def _keep(examples, sides):
    """Examples with their side by clip (``sides``: Series clip → side); copies only where the side is train."""
    side = examples["clip"].map(sides)
    kept = side.notna() & ((examples["copy"] == 0) | (side == "train"))
    return examples[kept].assign(side=side[kept])


def _folds(groups, n_folds, seed, balance=None):
    """Deal the distinct ``groups`` into folds. → (dict group → fold, number of folds).

    Seeds 0 … n_folds - 1 share one dealing (each seed tests another of its folds), the next n_folds seeds the next.
    ``balance``: dict group → class (gender), dealt class by class so that every fold holds some of each.
    """
    names = sorted(set(groups))
    n_folds = min(n_folds, len(names))
    rng = np.random.default_rng(seed // n_folds)
    order = list(rng.permutation(names))
    if balance:
        order.sort(key=lambda name: balance[name])
    return {name: place % n_folds for place, name in enumerate(order)}, n_folds


def _hold_out(column):
    """Protocol that tests on groups (values of ``column``) that train and validation do not have."""

    def protocol(examples, manifest, split, seed):
        values = manifest[column]
        if values.nunique() < 2:
            raise UserError(
                f"the corpus has one {column} ({values.iloc[0]}): {column}-independent needs at least two, "
                "choose other protocols with --protocols"
            )
        balance = dict(zip(values, manifest["gender"], strict=True)) if column == "speaker" else None
        fold_of, n_folds = _folds(values, split.n_folds, seed, balance)
        fold = values.map(fold_of).to_numpy()
        test_fold = seed % n_folds
        sides = np.where(fold == test_fold, "test", "train").astype(object)
        if n_folds > 2:
            sides[fold == (test_fold + 1) % n_folds] = "validation"
        else:
            # Two groups: one is the test, so validation can only be clips of the other.
            (rest,) = np.nonzero(sides == "train")
            rng = np.random.default_rng(seed)
            sides[rng.choice(rest, max(1, round(len(rest) * split.validation)), replace=False)] = "validation"
        return _keep(examples, pd.Series(sides, index=manifest["clip"]))

    return protocol


def as_reported(examples, manifest, split, seed):
    """The report's own split: of all examples, copies included, so copies of one clip fall on different sides; or of
    speakers, where it splits those; or that of the folders Train and Test, where the corpus comes in such.
    """
    if "split" in manifest and {"train", "test"} <= set(manifest["split"]):
        return _keep(examples, _sides_by_folder(manifest, split, seed))
    if isinstance(split, SpeakerSplit):
        return _keep(examples, _sides_by_speaker(manifest, split, seed))
    emotion = examples["clip"].map(manifest.set_index("clip")["emotion"]).to_numpy()
    return examples.assign(side=_random_sides(emotion, split, seed))


def _sides_by_folder(manifest, split, seed):
    """→ Series clip → side. Where no folder is called Validation, it is drawn from those in Train."""
    sides = manifest.set_index("clip")["split"].replace("", "train")
    if "validation" not in set(sides):
        train = manifest[sides.to_numpy() == "train"]
        share = split.validation / (1 - split.test)
        try:
            _, drawn = train_test_split(
                train["clip"], test_size=share, random_state=split.random_state + seed, stratify=train["emotion"]
            )
        except ValueError as error:
            raise UserError(f"{len(train)} clips in Train are too few to draw validation from: add clips") from error
        sides[drawn] = "validation"
    return sides


def _sides_by_speaker(manifest, split, seed):
    """→ Series clip → side"""
    others = sorted(set(manifest["speaker"]) - set(split.test_speakers))
    if len(others) < 2 or len(others) == manifest["speaker"].nunique():
        raise UserError(
            f"the report tests on the speakers {', '.join(split.test_speakers)} and trains on at least two others; "
            f"found are {', '.join(sorted(set(manifest['speaker'])))}: add clips, or choose other protocols"
        )
    held_out = others[seed % len(others)]
    sides = dict.fromkeys(others, "train") | {held_out: "validation"}
    return manifest.set_index("clip")["speaker"].map(lambda speaker: sides.get(speaker, "test"))


def clip_disjoint(examples, manifest, split, seed):
    """Split the clips first, as the report splits its examples; then copies in train only."""
    return _keep(
        examples, pd.Series(_random_sides(manifest["emotion"].to_numpy(), split, seed), index=manifest["clip"])
    )


def speaker_sentence_independent(examples, manifest, split, seed):
    """Test on speakers and sentences that are both new; clips that share one of them with the test are left out."""
    by_speaker = PROTOCOLS["speaker_independent"](examples, manifest, split, seed)
    fold_of, n_folds = _folds(manifest["sentence"], split.n_folds, seed)
    tested = manifest["clip"][manifest["sentence"].map(fold_of) == seed % n_folds]
    return by_speaker[by_speaker["clip"].isin(tested) == (by_speaker["side"] == "test")]


PROTOCOLS = {
    "as_reported": as_reported,
    "clip_disjoint": clip_disjoint,
    "sentence_independent": _hold_out("sentence"),
    "speaker_independent": _hold_out("speaker"),
    "speaker_sentence_independent": speaker_sentence_independent,
}


# What a protocol lets train and test share, of the properties in ``leakage``. ``as_reported`` keeps whatever the report
# did; clips of one content are the same clip.
DECLARED = {
    "as_reported": {"clip", "content", "speaker", "sentence"},
    "clip_disjoint": {"speaker", "sentence"},
    "sentence_independent": {"speaker"},
    "speaker_independent": {"sentence"},
    "speaker_sentence_independent": set(),
}


def possible(manifest, split):
    """Names of the protocols that a corpus allows: it may have one speaker, or say one sentence."""
    out = []
    for name in PROTOCOLS:
        try:
            assign(name, originals(manifest), manifest, split, 0)
        except UserError:
            continue
        out.append(name)
    return out


def get(name):
    """The protocol called ``name``. Raises UserError, listing the names, if there is none."""
    if name not in PROTOCOLS:
        raise UserError(f"there is no protocol {name!r}: choose from {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def assign(name, examples, manifest, split, seed):
    """Apply the protocol called ``name``. → examples with ``side``. Raises UserError where a side would be empty."""
    sided = get(name)(examples, manifest, split, seed)
    emotion = sided["clip"].map(manifest.set_index("clip")["emotion"])
    for side in SIDES:
        classes = emotion[sided["side"] == side].nunique()
        if classes < 2:
            raise UserError(
                f"{name}: the {side} side would hold {classes} emotion(s) of {len(manifest)} clips: "
                "the corpus is too small for this protocol"
            )
    return sided
