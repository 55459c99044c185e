"""Protocols: which examples are trained on, validated on and tested.

A :class:`Protocol` takes the table of examples (``keras_ser.data.augmentation``), the manifest, the report's
:class:`Split`, a repetition and a fold, and returns the examples with a column ``split`` ("train", "validation" or
"test"); examples that it does not use are excluded. Validation is never test. One repetition of a protocol trains once
per fold, and its folds together test every clip exactly once (of an unseen corpus: every clip of an emotion that the
others know). Except in ``as_reported``, which keeps the report's own order of steps, augmented versions of a clip exist
only in what a model is fitted to, and recordings that have samples in common are one (:func:`recordings`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import train_test_split

from keras_ser import audio
from keras_ser.corpora.corpus import OFFICIAL
from keras_ser.data.augmentation import originals
from keras_ser.errors import UserError

SPLITS = ("train", "validation", "test")
SENTENCE_GROUPS = 2  # beside the groups of speakers: a repetition takes one training per pair of groups


@dataclass(frozen=True)
class Split:
    """Sizes of the splits, and what ``random_state`` the report gave scikit-learn (repetition k uses
    ``random_state + k``).

    ``validation`` and ``test`` are fractions of the whole. ``n_folds``: into how many groups at most the protocols with
    folds deal the speakers and the sentences.
    """

    validation: float
    test: float
    random_state: int
    n_folds: int


class StratifiedSplit(Split):
    """A split that keeps the shares of the emotions; the test clips are drawn first, then validation from the rest."""


@dataclass(frozen=True)
class SpeakerSplit(Split):
    """A split by speakers: ``test_speakers`` are tested; of the others, repetition k validates on the k-th in turn."""

    test_speakers: tuple[str, ...]


@dataclass(frozen=True)
class Protocol:
    """One answer to the question of what a model may know of the test clips.

    ``new_in_test``: what its test clips have that train has not, in words (for the report's own split, that it is).
    ``definition``: how train and test are split, in a sentence.
    ``may_share``: the properties (of :mod:`keras_ser.data.leakage`) that train and test may have in common.
    ``held_out``: the columns of the manifest whose values are dealt into folds; none: the clips are drawn at random.
    ``draw``: (examples, manifest, split, repetition, fold) → Series clip → split, of the clips that are used; or the
    examples with ``split``, where versions of one clip fall into different splits.
    ``preference``: of the protocols that a comparison has, tests are made under the one that is to be preferred most.
    """

    name: str
    title: str
    new_in_test: str
    definition: str
    may_share: frozenset
    held_out: tuple[str, ...]
    draw: Callable
    preference: int

    def n_folds(self, manifest, split):
        """How many trainings one repetition takes on this corpus.

        Raises UserError where the corpus does not know, or does not vary, what the protocol holds out.
        """
        if not self.held_out:
            return 1
        n_groups = [_n_groups(manifest, column, split) for column in self.held_out]
        # Of two properties every pair of groups is tested once.
        return n_groups[0] if len(n_groups) == 1 else n_groups[0] * min(*n_groups, SENTENCE_GROUPS)

    def assign(self, examples, manifest, split, repetition=0, fold=0, augmented=("train",)):
        """→ ``examples`` with ``split``; augmented versions of a clip in the splits ``augmented`` alone (under the
        report's own split, wherever the report has them).

        ``manifest``: of :func:`keras_ser.data.features.with_audio_hash`.

        Raises UserError where a split would hold fewer than two emotions.
        """
        drawn = self.draw(examples, manifest, split, repetition, fold)
        assigned = drawn if isinstance(drawn, pd.DataFrame) else _keep(examples, drawn, augmented)
        emotion = assigned["clip"].map(manifest.set_index("clip")["emotion"])
        for name in SPLITS:
            n_emotions = emotion[assigned["split"] == name].nunique()
            if n_emotions < 2:
                raise UserError(
                    f"{self.name}: the {name} split would contain only {n_emotions} emotion(s) ({len(manifest)} clips "
                    "in total): the corpus is too small for this protocol; add clips, or choose other protocols"
                )
        return assigned


def training_seed(repetition, fold, n_folds):
    """The seed of weights, dropout and shuffling: another one for every training of every repetition."""
    return repetition * n_folds + fold


def recordings(manifest):
    """Which clips have samples in common: those with the same samples whatever their names, and parts of one file that
    overlap. → Series [clips], the ``audio_hash`` of the first of them
    """
    parts = [audio.part_of(path) for path in manifest["path"]] if "path" in manifest else []
    if not any(parts):
        return manifest["audio_hash"]
    spans = [part or (path, 0.0, None) for part, path in zip(parts, manifest["path"], strict=True)]
    spans = [(str(file), start, end or np.inf) for file, start, end in spans]
    spans = pd.DataFrame(spans, manifest.index, ["file", "start", "end"]).sort_values(["file", "start"])
    # A part begins a new run where all parts of its file that begin before it have ended.
    ended = spans.groupby("file")["end"].transform(lambda ends: ends.cummax().shift(fill_value=0.0))
    begins = (spans["file"] != spans["file"].shift()) | (spans["start"] >= ended)
    run = begins.cumsum().reindex(manifest.index).to_numpy() - 1
    same = pd.factorize(manifest["audio_hash"])[0]
    size = run.max() + 1 + same.max() + 1
    links = coo_array((np.ones(len(run)), (run, run.max() + 1 + same)), (size, size))
    group = connected_components(links, directed=False)[1][run]
    return manifest["audio_hash"].groupby(group).transform("first")


def _random_splits(emotion, split, seed):
    """Splits of rows with these emotions, by two calls of train_test_split as the report makes them. → object [rows].

    The Emo-DB report parts what it holds out into test and validation; the CREMA-D report (stratified) draws the test
    clips first, then validation from the rest.
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
    out = np.empty(n, object)
    out[train], out[validation], out[test] = SPLITS
    return out


def _keep(examples, split_of, augmented):
    """Examples with their split by clip (``split_of``: Series clip → split); their augmented versions in some alone."""
    split = examples["clip"].map(split_of)
    kept = split.notna() & ((examples["copy"] == 0) | split.isin(augmented))
    return examples[kept].assign(split=split[kept])


def _n_groups(manifest, column, split):
    """Into how many groups the values of ``column`` can be dealt. Raises UserError where it is fewer than two."""
    if (manifest[column] == "").any():
        raise UserError(
            f"{int((manifest[column] == '').sum())} of {len(manifest)} clips have no {column} information: "
            f"{column}-independent protocols need it for every clip; choose other protocols"
        )
    n_values = manifest[column].nunique()
    if n_values < 2:
        raise UserError(
            f"the corpus has one {column} ({manifest[column].iloc[0]}): {column}-independent protocols need at least "
            "two, choose other protocols"
        )
    return min(split.n_folds, n_values)


def _deal(manifest, column, n_groups, repetition):
    """Deal the values of ``column`` into groups, anew in each repetition. → int [clips]

    Speakers are dealt corpus by corpus and, within one, women and men apart, so that every group holds some of each.
    A recording that is there under several names is where its first name is.
    """
    first = manifest.drop_duplicates(column).set_index(column)
    order = list(np.random.default_rng(repetition).permutation(sorted(first.index)))
    if column == "speaker":
        order.sort(key=lambda name: (first.at[name, "corpus"], first.at[name, "gender"]))
    group_of = {name: place % n_groups for place, name in enumerate(order)}
    same = recordings(manifest)
    return manifest[column].groupby(same, sort=False).transform("first").map(group_of).to_numpy()


def _one_group(group, manifest, split, n_groups, repetition, fold, n_folds):
    """Test on group ``fold``, validate on the next. → object [clips]"""
    test = fold % n_groups
    splits = np.where(group == test, "test", "train").astype(object)
    if n_groups > 2:
        splits[group == (test + 1) % n_groups] = "validation"
    else:
        # Two groups: one is the test, so validation can only be clips of the other.
        (rest,) = np.nonzero(splits == "train")
        rng = np.random.default_rng(training_seed(repetition, fold, n_folds))
        drawn = rng.choice(rest, max(1, round(len(rest) * split.validation)), replace=False)
        same = recordings(manifest)
        splits[rest[same.iloc[rest].isin(same.iloc[drawn])]] = "validation"
    return splits


def _hold_out(column):
    """Test on groups of values of ``column`` that train and validation do not have."""

    def draw(examples, manifest, split, repetition, fold):
        n_groups = _n_groups(manifest, column, split)
        group = _deal(manifest, column, n_groups, repetition)
        splits = _one_group(group, manifest, split, n_groups, repetition, fold, n_groups)
        return pd.Series(splits, index=manifest["clip"])

    return draw


def _unseen_corpus(examples, manifest, split, repetition, fold):
    """Test on a corpus that train and validation do not have, of which only the emotions that they know; validation is
    one group of the other corpora's speakers.
    """
    n_corpora = _n_groups(manifest, "corpus", split)
    tested = _deal(manifest, "corpus", n_corpora, repetition) == fold
    others = manifest[~tested]
    splits = pd.Series(np.where(tested, "test", "train"), index=manifest["clip"])
    group = _deal(others, "speaker", _n_groups(others, "speaker", split), repetition)
    splits[others["clip"][group == 0]] = "validation"
    return splits[manifest["emotion"].isin(set(others["emotion"])).to_numpy()]


def _speaker_and_sentence(examples, manifest, split, repetition, fold):
    """Test on speakers and sentences that are both new; clips that share one of them with the test are excluded."""
    n_speakers = _n_groups(manifest, "speaker", split)
    n_sentences = min(n_speakers, _n_groups(manifest, "sentence", split), SENTENCE_GROUPS)
    group = _deal(manifest, "speaker", n_speakers, repetition)
    splits = _one_group(group, manifest, split, n_speakers, repetition, fold, n_speakers * n_sentences)
    # Folds walk the diagonals of the grid speakers × sentences.
    test_sentences = (fold % n_speakers + fold // n_speakers) % n_sentences
    tested = _deal(manifest, "sentence", n_sentences, repetition) == test_sentences
    kept = tested == (splits == "test")
    return pd.Series(splits, index=manifest["clip"])[kept]


def _as_reported(examples, manifest, split, repetition, fold):
    """The report's own split: of all examples, augmented versions included, so that versions of one clip fall into
    different splits; or of speakers, where it splits those; or that which the corpus comes with, as in folders Train
    and Test: clips of which it says nothing are excluded.
    """
    if "split" in manifest and set(manifest["split"]) >= OFFICIAL:
        return _as_published(manifest, split, repetition)
    if isinstance(split, SpeakerSplit):
        return _by_named_speakers(manifest, split, repetition)
    emotion = examples["clip"].map(manifest.set_index("clip")["emotion"]).to_numpy()
    return examples.assign(split=_random_splits(emotion, split, repetition))


def _as_published(manifest, split, repetition):
    """→ Series clip → split. Where nothing is called Validation, it is drawn from Train."""
    known = manifest[manifest["split"] != ""]
    splits = known.set_index("clip")["split"]
    if "validation" not in set(splits):
        train = known[known["split"] == "train"]
        share = split.validation / (1 - split.test)
        try:
            _, drawn = train_test_split(
                train["clip"], test_size=share, random_state=split.random_state + repetition, stratify=train["emotion"]
            )
        except ValueError as error:
            raise UserError(f"{len(train)} clips in Train are too few to draw validation from: add clips") from error
        splits[drawn] = "validation"
    return splits


def _by_named_speakers(manifest, split, repetition):
    """→ Series clip → split"""
    others = sorted(set(manifest["speaker"]) - set(split.test_speakers))
    if len(others) < 2 or len(others) == manifest["speaker"].nunique():
        raise UserError(
            f"the report tests on the speakers {', '.join(split.test_speakers)} and trains on at least two others; "
            f"found are {', '.join(sorted(set(manifest['speaker'])))}: add clips, or choose other protocols"
        )
    validated = others[repetition % len(others)]
    splits = dict.fromkeys(others, "train") | {validated: "validation"}
    return manifest.set_index("clip")["speaker"].map(lambda speaker: splits.get(speaker, "test"))


def _clip_disjoint(examples, manifest, split, repetition, fold):
    """Split the recordings first, as the report splits its examples; then augment train alone."""
    same = recordings(manifest)
    first = ~same.duplicated()
    splits = pd.Series(_random_splits(manifest["emotion"][first].to_numpy(), split, repetition), index=same[first])
    return pd.Series(same.map(splits).to_numpy(), index=manifest["clip"])


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "as_reported",
            "report's split",
            "under the report's split",
            "The report's own split, with whatever leakage it has; the table “What train and test share” counts it.",
            frozenset({"clip", "audio_hash", "speaker", "sentence"}),  # it keeps whatever the report did
            (),
            _as_reported,
            preference=1,
        ),
        Protocol(
            "clip_disjoint",
            "unseen clips",
            "on unseen clips",
            "Clips are split first, then the training set alone is augmented: no version of a test clip is trained on.",
            frozenset({"speaker", "sentence"}),
            (),
            _clip_disjoint,
            preference=2,
        ),
        Protocol(
            "sentence_independent",
            "unseen sentences",
            "on unseen sentences",
            "The test clips say sentences that the training set does not have.",
            frozenset({"speaker"}),
            ("sentence",),
            _hold_out("sentence"),
            preference=3,
        ),
        Protocol(
            "speaker_independent",
            "unseen speakers",
            "on unseen speakers",
            "The test clips are by speakers that the training set does not have.",
            frozenset({"sentence"}),
            ("speaker",),
            _hold_out("speaker"),
            preference=6,
        ),
        Protocol(
            "corpus_independent",
            "unseen corpora",
            "on an unseen corpus",
            "The test clips are of a corpus that the training set does not have, and of classes that it does have.",
            frozenset({"sentence"}),
            ("corpus",),
            _unseen_corpus,
            preference=5,
        ),
        Protocol(
            "speaker_sentence_independent",
            "unseen speakers and sentences",
            "on unseen speakers and unseen sentences",
            "Neither the speakers nor the sentences of the test clips are in the training set.",
            frozenset(),
            ("speaker", "sentence"),
            _speaker_and_sentence,
            preference=4,
        ),
    )
}


def ordered(names):
    """Names of protocols, each once, from the report's own to the strictest. → list"""
    present = set(names)
    return [name for name in PROTOCOLS if name in present]


def get(name):
    """The protocol called ``name``. Raises UserError, listing the names, if there is none."""
    if name not in PROTOCOLS:
        raise UserError(f"there is no protocol {name!r}: choose from {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def possible(manifest, split):
    """Names of the protocols that a corpus allows: it may have one speaker, or say one sentence."""
    out = []
    for protocol in PROTOCOLS.values():
        try:
            for fold in range(protocol.n_folds(manifest, split)):
                protocol.assign(originals(manifest), manifest, split, 0, fold)
        except UserError:
            continue
        out.append(protocol.name)
    return out
