"""What train and test share: counted for the splits of a protocol, and looked for in any table of splits; and the model
info sheet, which names the types of leakage as the field does.

Types after Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns
4 (2023), 100804: L1 no clean separation of train and test (1.1 no test set, 1.2 pre-processing, 1.3 feature selection,
1.4 duplicates), L2 features that would not be available, L3 a test set that is not what one speaks about (3.1 time,
3.2 dependence of train and test, 3.3 a biased sample).
"""

from dataclasses import dataclass

import pandas as pd

from keras_ser.corpora.corpus import SPLITS
from keras_ser.corpora.table import UNKNOWN, cells, known
from keras_ser.data.protocols import PROTOCOLS, get, recordings
from keras_ser.errors import UserError
from keras_ser.progress import log

# What a test example may have in common with one that the model is fitted to, and the type of leakage that it is.
PROPERTIES = {
    "clip": "L3.2 dependence: augmented versions of one clip",
    "audio_hash": "L1.4 duplicates: identical samples",
    "speaker": "L3.2 dependence: the same speaker",
    "sentence": "L3.2 dependence: the same sentence",
}


def shared(assigned, manifest, fitted_on=("train",)):
    """Test examples that have something in common with an example that the model is fitted to.

    ``assigned``: examples with ``split``; ``manifest`` with a column ``audio_hash`` (hash of the samples);
    ``fitted_on``: names of the splits that the model is fitted to. What nobody knows (a speaker or sentence "") is
    not shared. → dict: ``test`` examples, and how many of them share the ``clip`` (they are versions of a clip that the
    fitting data has too), the ``audio_hash`` (they have samples in common, under any name), the ``speaker``, the
    ``sentence``.
    """
    manifest = manifest.assign(audio_hash=recordings(manifest))
    facts = assigned.merge(manifest[["clip", "audio_hash", "speaker", "sentence"]], on="clip", how="left")
    fitted, test = facts[facts["split"].isin(fitted_on)], facts[facts["split"] == "test"]
    counts = {name: int(test[name].isin(set(fitted[name]) - {""}).sum()) for name in PROPERTIES}
    return {"test": len(test), **counts}


def refuse(protocol, counts, where):
    """Raises UserError where ``counts`` (of :func:`shared`) hold what the protocol does not allow to be shared."""
    undeclared = [name for name in PROPERTIES if counts[name] and name not in protocol.may_share]
    if undeclared:
        shares = ", ".join(f"{counts[name]} of {counts['test']} test examples share the {name}" for name in undeclared)
        raise UserError(
            f"{where}: {shares} with what the model is fitted to, which {protocol.name} does not allow: nothing was "
            "trained; correct the corpus's table, or choose other protocols with --protocols"
        )


def read(path):
    """A table of splits: CSV with a column ``split`` (or ``side``) and any of ``PROPERTIES``. → DataFrame, whose splits
    have our names (of ``SPLITS``), and whose speakers and sentences are "" where the table does not know them.

    One warning says of how many rows the split is none. Raises UserError if it is no such table, or has no train or no
    test row.
    """
    table = cells(path)
    if "split" not in table:
        table = table.rename(columns={"side": "split"})
    if "split" not in table or not any(name in table for name in PROPERTIES):
        raise UserError(
            f"{path}: needs a column split and one of {', '.join(PROPERTIES)}; its columns are {', '.join(table)}"
        )
    words = table["split"].str.lower()
    splits = words.map(SPLITS).fillna("")
    missing = [name for name in ("train", "test") if name not in set(splits)]
    if missing:
        raise UserError(
            f"{path}: no row has the split {' or '.join(missing)}; found: {', '.join(sorted(set(table['split'])))}"
        )
    others = table.loc[~words.isin((*UNKNOWN, *SPLITS)), "split"]
    if len(others):
        what = f"{others.iloc[0]!r} in line {others.index[0]}: choose from {', '.join(SPLITS)}"
        log.warning(
            "%s: %d rows have a split of no known name and are passed over, the first %s", path, len(others), what
        )
    of_people = {name: known(table[name]) for name in ("speaker", "sentence") if name in table}
    return table.assign(split=splits, **of_people)


def of_table(table):
    """What is in both train and test. → DataFrame ``property, leakage, value, train, test``, one row per value"""
    rows = []
    for name in [name for name in PROPERTIES if name in table]:
        counts = table[table[name] != ""].groupby([name, "split"]).size().unstack(fill_value=0)
        counts = counts.reindex(columns=["train", "test"], fill_value=0)
        both = counts[(counts > 0).all(axis=1)].reset_index()
        rows.append(both.rename(columns={name: "value"}).assign(property=name, leakage=PROPERTIES[name]))
    return pd.concat(rows, ignore_index=True)[["property", "leakage", "value", "train", "test"]]


def of_counts(counts):
    """What a run says (:func:`shared`). → DataFrame ``property, leakage, test``, one row per property that is shared"""
    rows = [(name, kind, counts[name]) for name, kind in PROPERTIES.items() if counts[name]]
    return pd.DataFrame(rows, columns=["property", "leakage", "test"])


def undeclared(shared, protocol=None):
    """Properties that are shared though ``protocol`` (None: no one) does not declare it. → list

    Raises UserError if there is no such protocol.
    """
    allowed = get(protocol).may_share if protocol else frozenset()
    return [name for name in dict.fromkeys(shared["property"]) if name not in allowed]


@dataclass(frozen=True)
class Fitting:
    """What a model's fit used besides train, for the info sheet.

    ``chosen_on``: the splits by which an epoch, a weight or a hyperparameter was chosen. ``from_all``: the steps that
    were computed from all clips, test clips included, before the split. ``designed_on``: the test speakers whose clips
    chose the design. ``known_of``: those whose scores were known when it was chosen.
    """

    chosen_on: tuple[str, ...]
    from_all: tuple[str, ...]
    designed_on: frozenset[str] = frozenset()
    known_of: frozenset[str] = frozenset()


def _chosen(fitting):
    """What was chosen by which clips. → (whether that is a leak: "yes", "no" or "not known", the same in words)"""
    by_splits = [f"chosen on {' and '.join(fitting.chosen_on)}"] if fitting.chosen_on else []
    n = len(fitting.designed_on)
    said = by_splits + [f"the design was chosen on {n} of the test speakers"] * bool(n)
    said = said or ["no epoch, weight or hyperparameter was chosen on test clips"]
    if fitting.known_of:
        said += [f"the scores of {len(fitting.known_of)} of the test speakers were known when a design was chosen"]
    # What is known may have an influence on a choice that is made by other clips.
    leak = "yes" if "test" in fitting.chosen_on or n else "not known" if fitting.known_of else "no"
    return leak, "; ".join(said)


def sheet(protocol_name, counts, fitting, test_speakers, *, acted=True, repetitions=1):
    """The model info sheet of one protocol. ``counts``: of :func:`shared`, summed over the folds of the first of the
    ``repetitions``. ``acted``: whether the speech is known to be acted, in silence.

    → DataFrame ``type, leakage, where``, one row per type; ``leakage`` is "yes", "no" or "not known".
    """
    n = counts["test"]
    duplicates = counts["audio_hash"] - counts["clip"]  # under another name: versions of one clip are dependence

    def share(name):
        return f"{counts[name]} of {n} test examples ({100 * counts[name] / n:.0f} %)"

    dependent = [name for name in ("clip", "speaker", "sentence") if counts[name]]
    what = {"clip": "an augmented version or copy of the clip", "speaker": "the speaker", "sentence": "the sentence"}
    rows = [
        ("L1.1 no separate test set", *_chosen(fitting)),
        (
            "L1.2 pre-processing on train and test together",
            "yes" if fitting.from_all else "no",
            "; ".join(fitting.from_all) or "every statistic is of the fitting data",
        ),
        ("L1.3 feature selection on train and test together", "no", "no feature is selected by its values"),
        (
            "L1.4 duplicates",
            "yes" if duplicates else "no",
            f"{duplicates} of {n} test examples are made from samples that train has under another name"
            if duplicates
            else "no two names of one recording are in train and test",
        ),
        ("L2 features that would not be available", "no", "the recording's samples alone"),
        ("L3.1 time", "not known", "the corpora do not say when a clip was recorded"),
        (
            "L3.2 dependence of train and test",
            "yes" if dependent else "no",
            "; ".join(f"{share(name)} have {what[name]} in train" for name in dependent)
            + " (counts of the first repetition)" * (repetitions > 1 and bool(dependent))
            or "neither clip, speaker nor sentence is in both",
        ),
        (
            "L3.3 biased sample",
            "yes" if acted else "not known",
            f"{'acted ' * acted}speech of {_number_of(test_speakers)}{', recorded in silence' * acted}, "
            f"{PROTOCOLS[protocol_name].new_in_test}",
        ),
    ]
    return pd.DataFrame(rows, columns=["type", "leakage", "where"])


def _number_of(speakers):
    """In words; a speaker "" is not known."""
    if "" in speakers:
        return "test speakers that are not known"
    return f"{len(speakers)} test speaker{'s' * (len(speakers) != 1)}"
