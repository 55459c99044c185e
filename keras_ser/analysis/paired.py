"""Models side by side on the same clips: losses, models, protocols. Numbers, and the finding of each test.

What is compared are single test clips: for each, which model got it right, and who speaks in it. Two models are paired
where they were tested on the same clips in the same repetition and fitted to the same clips: to the same splits of
them, and of no corpus that the other does not know. An SVM of which there is one repetition stands beside every
repetition of a network on the clips that both tested: where repetitions draw other clips to train on, it was fitted to
those of its own. Tests are corrected (Holm) over one declared ``primary`` protocol; differences under the others are
described, not tested. Nothing is tested on speakers who chose a model's design.
:mod:`keras_ser.analysis.statistics` says what is random.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from keras_ser.analysis import reported, statistics
from keras_ser.data.protocols import PROTOCOLS, ordered
from keras_ser.errors import UserError
from keras_ser.reports import extensions
from keras_ser.training import metrics

DESCRIBED = "not tested"
EXAMPLE = ["clip", "copy", "transform", "parameter"]  # repetitions may draw other parameters for a copy


@dataclass(frozen=True)
class Compared:
    """What a comparison of ``passes`` finds. ``answers``: of :func:`tested`, ``bias``: of :func:`selection_bias`, the
    others of the functions of their names.
    """

    passes: list
    answers: pd.DataFrame
    scores: pd.DataFrame
    differences: pd.DataFrame
    by_class: pd.DataFrame
    bias: pd.DataFrame


def compare(passes, pairs, labels):
    """Experiments side by side, and the ``pairs`` of them on the same clips. → Compared"""
    answers = tested(passes)
    return Compared(
        passes,
        answers,
        scores(passes, answers),
        differences(answers, pairs, passes),
        by_class(answers, pairs, labels),
        selection_bias(passes),
    )


def tested(passes):
    """Every test example of every pass that did not diverge. → DataFrame: ``EXAMPLE``, ``experiment, protocol, seed,
    corpus, speaker, true, predicted, correct, confidence`` (the probability of the predicted class), ``brier`` (squared
    distance of all probabilities from the truth) and ``kind`` (of the model: an SVM's probabilities are an order only).

    Raises UserError where every pass diverged.
    """
    tables = []
    for item in passes:
        if item.diverged:
            continue
        predictions = item.predictions()
        probabilities = predictions.filter(regex="^p_")  # [examples, classes]
        truth = probabilities.columns.str.removeprefix("p_").to_numpy() == predictions["true"].to_numpy()[:, None]
        tables.append(
            predictions[[*EXAMPLE, "corpus", "speaker", "true", "predicted"]].assign(
                **{name: item.facts[name] for name in ("experiment", "protocol", "seed", "kind")},
                correct=predictions["true"] == predictions["predicted"],
                confidence=probabilities.max(axis=1),
                brier=((probabilities.to_numpy() - truth) ** 2).sum(axis=1),
            )
        )
    if not tables:
        raise UserError("every run diverged: there is nothing to compare")
    return pd.concat(tables, ignore_index=True)


def scores(passes, clips):
    """One row per experiment and protocol. ``clips``: from :func:`tested`. → DataFrame

    ``corpus``, ``clips``: what the runs were made from, and how many clips that is; ``accuracy``, ``uar`` and their
    ``_std``: over the ``n`` repetitions; ``repetitions_low`` and ``_high``: 95 % interval of the mean accuracy over
    them; ``low`` and ``high``: of the same accuracy over speakers; ``tested``: different clips; ``speakers``: 0 where
    not all are known, or nothing was tested; ``epochs``: run until training stopped; ``calibration_error``, ``brier``:
    of the probabilities, mean over the repetitions, 0 is best.
    """
    rows = []
    for (experiment, protocol), group in reported.groups(passes).items():
        finished = [item for item in group if not item.diverged]
        group_clips = clips[(clips["experiment"] == experiment) & (clips["protocol"] == protocol)]
        facts = group[0].facts
        row = {
            "experiment": experiment,
            "protocol": protocol,
            "corpus": facts["corpus"],
            "clips": facts["clips"],
            "n": len(finished),
            "diverged": len(group) - len(finished),
            "fitted_on": " + ".join(facts["fitted_on"]),
            "speakers": _n_speakers(group_clips),
            "tested": len(group_clips[EXAMPLE].drop_duplicates()),
        }
        if finished:
            values = {name: [item.metrics[name] for item in finished] for name in ("accuracy", "uar")}
            for name, of_name in values.items():
                row[name] = np.mean(of_name)
                row[f"{name}_std"] = np.std(of_name, ddof=1) if len(of_name) > 1 else None
            row["repetitions_low"], row["repetitions_high"] = statistics.repetition_intervals(values["accuracy"])[
                0
            ] or (None, None)
            row["low"], row["high"] = statistics.speaker_interval(
                group_clips["correct"], group_clips["speaker"], n_clips=row["tested"]
            ) or (None, None)
            if facts["kind"] == "network":
                by_repetition = group_clips.groupby("seed")
                # Of each repetition: errors of several networks would cancel.
                errors = [metrics.calibration_error(one["confidence"], one["correct"]) for _, one in by_repetition]
                row["calibration_error"] = np.mean(errors)
                row["brier"] = group_clips["brier"].mean()
            row["epochs"] = np.mean([item.facts["epochs_run"] for item in finished])
        rows.append(row)
    columns = ["experiment", "protocol", "corpus", "clips", "n", "diverged", "fitted_on", "speakers", "tested"]
    columns += ["accuracy", "accuracy_std", "repetitions_low", "repetitions_high", "low", "high", "uar", "uar_std"]
    return pd.DataFrame(rows, columns=[*columns, "calibration_error", "brier", "epochs"])


def _n_speakers(clips):
    """How many speak in these clips, 0 where that is not known of every clip."""
    return 0 if (clips["speaker"] == "").any() else clips["speaker"].nunique()


def untold(n_speakers):
    """Why speakers tell nothing, where they are fewer than are needed, not known (0), or one says nearly all."""
    if n_speakers >= statistics.FEW_SPEAKERS:
        return "one speaker says nearly all"
    return f"too few speakers to tell ({n_speakers})" if n_speakers else "speakers unknown"


def primary_of(names):
    """The protocol that tests are made under, of those that pairs were run under."""
    return max(names, key=lambda name: PROTOCOLS[name].preference)


def _tables(clips, first, second, protocol):
    """The examples of each of two experiments. → list of DataFrame"""
    of_protocol = clips[clips["protocol"] == protocol]
    return [of_protocol[of_protocol["experiment"] == name] for name in (first, second)]


def paired(clips, first, second, protocol):
    """The examples that two experiments were both tested on, in the same repetition. → DataFrame"""
    tables = _tables(clips, first, second, protocol)
    keys = ["seed", *EXAMPLE, "speaker", "corpus", "true"]
    for place, (one, other) in enumerate((tables, tables[::-1])):
        if _stands_beside_every_repetition(one, other):
            seeds = pd.DataFrame({"seed": sorted(other["seed"].unique())})
            tables[place] = one.drop(columns="seed").merge(seeds, how="cross")
    columns = [*keys, "correct"]
    return tables[0][columns].merge(tables[1][columns], on=keys, suffixes=("_first", "_second"))


def _stands_beside_every_repetition(one, other):
    """Whether the examples ``one`` are of an SVM with one repetition, and the ``other`` ones of several."""
    return one["seed"].nunique() == 1 and set(one["kind"]) == {"svm"} and other["seed"].nunique() > 1


def differences(clips, pairs, passes):
    """Accuracy of the first minus that of the second experiment of each pair, under each protocol. → DataFrame

    ``difference`` is ``accuracy_first`` − ``accuracy_second`` on the same ``clips`` of ``speakers``, in so many
    ``repetitions`` of ``repetitions_first`` and ``repetitions_second``. Under the primary
    protocol (:func:`primary_of`) ``p`` is of the cluster-robust test over speakers, ``p_corrected`` for all its rows
    together, and the interval is of the ``level`` at which it excludes 0 exactly where ``p_corrected`` is below 0.05;
    elsewhere it is a plain 95 % interval.
    """
    if not pairs:
        return pd.DataFrame()
    facts = {(item.facts["experiment"], item.facts["protocol"]): item.facts for item in passes}
    comparisons = [
        (protocol, pair, both)
        for protocol in ordered(clips["protocol"])
        for pair in pairs
        if len(both := paired(clips, *pair, protocol))
    ]
    if not comparisons:
        return pd.DataFrame()
    primary = primary_of([protocol for protocol, *_ in comparisons])
    rows, single = [], []
    for protocol, (first, second), both in comparisons:
        of_pair = [facts[name, protocol] for name in (first, second)]
        tables = _tables(clips, first, second, protocol)
        # Of the experiments of today: of a run that is older less may be known.
        choosing = _chose(both, [extensions.experiment_of(of_one).selected_on for of_one in of_pair])
        chosen = both[~choosing] if protocol == primary and choosing.any() and not choosing.all() else both
        change = chosen["correct_first"].astype(float) - chosen["correct_second"].astype(float)
        row = {
            "protocol": protocol,
            "first": first,
            "second": second,
            "accuracy_first": chosen["correct_first"].mean(),
            "accuracy_second": chosen["correct_second"].mean(),
            "difference": change.mean(),
            "clips": len(chosen[EXAMPLE].drop_duplicates()),
            "repetitions": both["seed"].nunique(),
            **{
                f"repetitions_{one}": table["seed"].nunique()
                for one, table in zip(("first", "second"), tables, strict=True)
            },
            "speakers": _n_speakers(chosen),
            "choosing_speakers": both.loc[choosing, "speaker"].nunique(),
            "all_chose": bool(choosing.all()),
            "fitted_on_first": " + ".join(of_pair[0]["fitted_on"]),
            "fitted_on_second": " + ".join(of_pair[1]["fitted_on"]),
            "same_corpora": _of_same_corpora(tables),
            "one_beside_several": any(_stands_beside_every_repetition(*order) for order in (tables, tables[::-1])),
            "primary": protocol == primary,
            "p": None,
        }
        same_clips = row["fitted_on_first"] == row["fitted_on_second"] and row["same_corpora"]
        if row["primary"] and same_clips and not choosing.all():
            row["p"] = statistics.paired(change.to_numpy(), chosen["speaker"], row["clips"])
        rows.append(row)
        single.append((change.to_numpy(), chosen["speaker"], row["clips"]))
    frame = pd.DataFrame(rows)
    frame["p_corrected"] = statistics.corrected([None if pd.isna(p) else p for p in frame["p"]])
    frame["level"] = [statistics.level(row.p, row.p_corrected) for row in frame.itertuples()]
    intervals = [
        statistics.paired_interval(change, speakers, level, n_clips)
        for (change, speakers, n_clips), level in zip(single, frame["level"], strict=True)
    ]
    frame["low"], frame["high"] = zip(*(interval or (None, None) for interval in intervals), strict=True)
    frame["finding"] = [_finding(row) for row in frame.itertuples()]
    return frame


def _of_same_corpora(tables):
    """Whether two experiments use the same corpora: one of some of the clips is tested on these alone. (Single clips
    may differ: an SVM with one repetition stands beside those that drew others.)
    """
    first, second = (set(table["corpus"]) for table in tables)
    return first == second


def _chose(both, selections):
    """Whether the speaker of each example chose one of two designs. ``selections``: corpus → speakers, () for all"""
    chose = np.zeros(len(both), bool)
    for selected_on in selections:
        for corpus, speakers in selected_on.items():
            of_corpus = (both["corpus"] == corpus).to_numpy()
            chose |= of_corpus & (both["speaker"].isin(speakers).to_numpy() if speakers else True)
    return pd.Series(chose, index=both.index)


def _finding(row):
    if row.fitted_on_first != row.fitted_on_second:
        return f"not compared: fitted to {row.fitted_on_first} and to {row.fitted_on_second}"
    if not row.same_corpora:
        return "not compared: fitted to other corpora"
    if not row.primary:
        return DESCRIBED
    if row.all_chose:
        return "not tested: these speakers chose the design"
    if row.p_corrected is None or pd.isna(row.p_corrected):
        return untold(row.speakers)
    if row.p_corrected >= 1 - statistics.CONFIDENCE:
        return "no difference shown"
    return f"{row.first if row.difference > 0 else row.second} is better"


def by_class(clips, pairs, labels):
    """Recall of the first minus that of the second experiment, per class, under each protocol. → DataFrame"""
    rows = []
    for protocol in ordered(clips["protocol"]):
        for first, second in pairs:
            both = paired(clips, first, second, protocol)
            if len(both):
                change = both["correct_first"].astype(float) - both["correct_second"].astype(float)
                recall = change.groupby(both["true"]).mean().reindex(labels)
                rows.append({"protocol": protocol, "first": first, "second": second, **recall})
    return pd.DataFrame(rows).dropna(axis=1, how="all")


def selection_bias(passes):
    """What selecting the epoch on the test clips would have added. → DataFrame, one row per experiment and protocol

    Test accuracy, mean over the trainings whose test clips were watched: ``tested`` of the weights that the report's
    rules chose; of the epoch that is ``best_on_test``; of that with the least validation loss
    (``best_on_validation``, NaN where nothing was validated); of the ``last_epoch``. ``added``: what the best epoch on
    test has more than the one tested. ``watched`` of ``trainings``. Empty where no training watched its test clips.
    """
    rows = []
    for item in passes:
        for run in item.runs:
            if run.diverged or run.facts["kind"] != "network":
                continue
            history = run.history()
            row = {"experiment": run.facts["experiment"], "protocol": run.facts["protocol"], "watched": False}
            if "test_accuracy" in history:
                kept = history[history["fit"] == history["fit"].max()]
                accuracy = kept["test_accuracy"]
                # The validation of a model that was refitted is of the fit before, and some have none.
                validated = history["fit"].max() == 1 and "val_loss" in kept
                row |= {
                    "watched": True,
                    "tested": run.metrics["accuracy"],
                    "best_on_test": accuracy.max(),
                    "best_on_validation": accuracy[kept["val_loss"].idxmin()] if validated else np.nan,
                    "last_epoch": accuracy.iloc[-1],
                    "added": accuracy.max() - run.metrics["accuracy"],
                }
            rows.append(row)
    if not any(row["watched"] for row in rows):
        return pd.DataFrame()
    by_group = pd.DataFrame(rows).groupby(["experiment", "protocol"], sort=False)
    watched = by_group["watched"].sum()
    columns = ["tested", "best_on_test", "best_on_validation", "last_epoch", "added"]
    means = by_group[columns].mean().assign(watched=watched, trainings=by_group.size())
    return means[watched > 0].reset_index()


def order_of_models(frame):
    """Experiments by falling accuracy under each protocol. ``frame``: of :func:`scores`. → dict protocol → list"""
    known = frame.dropna(subset="accuracy")
    return {
        protocol: group.sort_values("accuracy", ascending=False, kind="stable")["experiment"].tolist()
        for protocol, group in known.groupby("protocol", sort=False)
    }
