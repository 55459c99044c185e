"""Stored runs side by side on the same clips: losses, models, protocols. Never trains.

What is compared are single test clips: for each, which model got it right, and who speaks in it. Two models are paired
where they were tested on the same clips with the same seed. :mod:`keras_ser.analysis.statistics` says what is random.
"""

import numpy as np
import pandas as pd

from keras_ser.analysis import reported, statistics
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.errors import UserError

TOO_FEW = "too few speakers to tell"


def tested(runs, manifest):
    """Every test example of every run that did not diverge. → DataFrame ``experiment, protocol, seed, clip, copy,
    speaker, true, predicted, correct, confidence`` (the probability of the predicted class) and ``brier`` (squared
    distance of all probabilities from the truth). Raises UserError where every run diverged.
    """
    speaker = manifest.set_index("clip")["speaker"]
    tables = []
    for run in runs:
        if run.diverged:
            continue
        predictions = run.predictions()
        probabilities = predictions.filter(regex="^p_")  # [examples, classes]
        truth = probabilities.columns.str.removeprefix("p_").to_numpy() == predictions["true"].to_numpy()[:, None]
        tables.append(
            predictions[["clip", "copy", "true", "predicted"]].assign(
                **{name: run.facts[name] for name in ("experiment", "protocol", "seed")},
                speaker=predictions["clip"].map(speaker),
                correct=predictions["true"] == predictions["predicted"],
                confidence=probabilities.max(axis=1),
                brier=((probabilities.to_numpy() - truth) ** 2).sum(axis=1),
            )
        )
    if not tables:
        raise UserError("every run diverged: there is nothing to compare")
    return pd.concat(tables, ignore_index=True)


def scores(runs, clips):
    """One row an experiment and protocol. ``clips``: from :func:`tested`. → DataFrame

    ``seeds_low`` and ``seeds_high``: 95 % interval of the mean accuracy over seeds (Student's t); ``low`` and ``high``:
    of the accuracy over speakers, from all seeds' clips together; ``epochs``: run until training stopped;
    ``calibration_error``, ``brier``: of the probabilities, 0 is best.
    """
    rows = []
    groups = {}
    for run in runs:
        groups.setdefault((run.facts["experiment"], run.facts["protocol"]), []).append(run)
    for (experiment, protocol), group in groups.items():
        finished = [run for run in group if not run.diverged]
        own = clips[(clips["experiment"] == experiment) & (clips["protocol"] == protocol)]
        values = {name: [run.metrics[name] for run in finished] for name in ("accuracy", "uar")}
        # An SVM's are a softmax of its decision values: an order of the classes, no probabilities.
        said_in_earnest = bool(finished) and group[0].facts["optimizer"] != "libsvm"
        low, high = (statistics.interval(own["correct"], own["speaker"]) if finished else None) or (None, None)
        seeds_low, seeds_high = reported.intervals(values["accuracy"])[0] or (None, None)
        rows.append(
            {
                "experiment": experiment,
                "protocol": protocol,
                "seeds": len(finished),
                "diverged": len(group) - len(finished),
                "accuracy": np.mean(values["accuracy"]) if finished else None,
                "accuracy_std": np.std(values["accuracy"], ddof=1) if len(finished) > 1 else None,
                "seeds_low": seeds_low,
                "seeds_high": seeds_high,
                "low": low,
                "high": high,
                "uar": np.mean(values["uar"]) if finished else None,
                "uar_std": np.std(values["uar"], ddof=1) if len(finished) > 1 else None,
                "calibration_error": statistics.calibration_error(own["confidence"], own["correct"])
                if said_in_earnest
                else None,
                "brier": own["brier"].mean() if said_in_earnest else None,
                "epochs": np.mean([run.facts["epochs_run"] for run in finished]) if finished else None,
                "speakers": own["speaker"].nunique(),
            }
        )
    frame = pd.DataFrame(rows)
    order = [name for name in PROTOCOLS if name in set(frame["protocol"])]
    return frame.sort_values("protocol", key=lambda names: names.map(order.index), kind="stable", ignore_index=True)


def paired(clips, first, second, protocol):
    """The examples that two experiments were both tested on, with the same seed. → DataFrame"""
    own = clips[clips["protocol"] == protocol]
    sides = [own[own["experiment"] == name] for name in (first, second)]
    return sides[0].merge(sides[1], on=["seed", "clip", "copy", "speaker", "true"], suffixes=("_first", "_second"))


def differences(clips, pairs):
    """Accuracy of the first minus that of the second experiment of each pair, under each protocol. → DataFrame

    ``p`` from a permutation test by speakers, ``p_corrected`` for all rows together (Holm).
    """
    rows = []
    for protocol in [name for name in PROTOCOLS if name in set(clips["protocol"])]:
        for first, second in pairs:
            both = paired(clips, first, second, protocol)
            if both.empty:
                continue
            right = [both[f"correct_{side}"].astype(float) for side in ("first", "second")]
            low, high = statistics.interval(right[0] - right[1], both["speaker"]) or (None, None)
            rows.append(
                {
                    "protocol": protocol,
                    "first": first,
                    "second": second,
                    "difference": (right[0] - right[1]).mean(),
                    "low": low,
                    "high": high,
                    "p": statistics.paired_test(*right, both["speaker"]),
                    "clips": len(both),
                    "speakers": both["speaker"].nunique(),
                }
            )
    frame = pd.DataFrame(rows)
    if len(frame):
        frame["p_corrected"] = statistics.corrected([None if pd.isna(p) else p for p in frame["p"]])
        frame["said"] = [_said(row) for row in frame.itertuples()]
    return frame


def _said(row):
    if row.p_corrected is None or pd.isna(row.p_corrected):
        return f"{TOO_FEW} ({row.speakers})"
    if row.p_corrected >= 1 - statistics.CONFIDENCE:
        return "no difference shown"
    return f"{row.first if row.difference > 0 else row.second} is better"


def by_class(clips, pairs, labels):
    """Recall of the first minus that of the second experiment, a class, under each protocol. → DataFrame"""
    rows = []
    for protocol in [name for name in PROTOCOLS if name in set(clips["protocol"])]:
        for first, second in pairs:
            both = paired(clips, first, second, protocol)
            if len(both):
                change = both["correct_first"].astype(float) - both["correct_second"].astype(float)
                recall = change.groupby(both["true"]).mean().reindex(labels)
                rows.append({"protocol": protocol, "first": first, "second": second, **recall})
    return pd.DataFrame(rows).dropna(axis=1, how="all")


def optimism(runs):
    """What choosing the epoch by the test clips would have added. → DataFrame, one row an experiment and protocol

    Test accuracy, mean over the seeds: ``tested`` of the weights that the report's rules chose; of the epoch that is
    ``best_on_test``; of that with the least validation loss (``best_on_validation``); of the ``last_epoch``.
    ``added``: what the best epoch on test has more than the one tested. Empty where no run watched its test side.
    """
    rows = []
    for run in runs:
        if run.diverged or not run.facts["epochs_run"]:
            continue
        history = run.history()
        if "test_accuracy" in history:
            accuracy = history["test_accuracy"]
            rows.append(
                {
                    "experiment": run.facts["experiment"],
                    "protocol": run.facts["protocol"],
                    "tested": run.metrics["accuracy"],
                    "best_on_test": accuracy.max(),
                    # The validation of a model that was fitted again is of the fit before.
                    "best_on_validation": np.nan if "refit" in run.facts else accuracy[history["val_loss"].idxmin()],
                    "last_epoch": accuracy.iloc[-1],
                    "added": accuracy.max() - run.metrics["accuracy"],
                }
            )
    if not rows:
        return pd.DataFrame()
    groups = pd.DataFrame(rows).groupby(["experiment", "protocol"], sort=False)
    return groups.mean().assign(seeds=groups.size()).reset_index()


def in_words(frame, changes, chosen):
    """What was found, of :func:`scores`, :func:`differences` and :func:`optimism`. → list of sentences"""
    said = []
    for name, group in frame.dropna(subset="accuracy").groupby("experiment", sort=False):
        steps = [
            f"{row.accuracy:.3f} {reported.NEW_IN_TEST.get(row.protocol, 'as reported')}" for row in group.itertuples()
        ]
        if len(steps) > 1:
            said.append(f"`{name}`: {', '.join(steps)}.")
    if len(changes):
        for (first, second), group in changes.groupby(["first", "second"], sort=False):
            found = [
                f"{answer} under {', '.join(f'{row.protocol} ({row.difference:+.3f})' for row in rows.itertuples())}"
                for answer, rows in group.groupby("said", sort=False)
            ]
            said.append(f"`{first}` against `{second}`: {'; '.join(found)}.")
    if len(chosen):
        most = chosen.loc[chosen["added"].idxmax()]
        said.append(
            f"Choosing the epoch by the test clips would have added {chosen['added'].mean():.3f} to an accuracy on "
            f"average, at most {most['added']:.3f} (`{most['experiment']}`, {most['protocol']})."
        )
    return said


def scores_for_people(frame):
    """→ DataFrame of text, one row an experiment and protocol."""
    rows = []
    for row in frame.itertuples():
        over_speakers = f"{row.low:.3f} to {row.high:.3f}" if pd.notna(row.low) else f"{TOO_FEW} ({row.speakers})"
        rows.append(
            {
                "protocol": row.protocol,
                "experiment": row.experiment,
                "seeds": f"{row.seeds}" + (f" ({row.diverged} diverged)" if row.diverged else ""),
                "accuracy": reported.describe(row.accuracy, row.accuracy_std),
                "95 % over seeds": f"{row.seeds_low:.3f} to {row.seeds_high:.3f}" if pd.notna(row.seeds_low) else "–",
                "95 % over speakers": over_speakers,
                "UAR": reported.describe(row.uar, row.uar_std),
                "calibration error": reported.describe(row.calibration_error),
                "Brier": reported.describe(row.brier),
                "epochs": reported.describe(row.epochs, digits=1),
            }
        )
    return pd.DataFrame(rows)


def differences_for_people(frame):
    """→ DataFrame of text, one row a pair and protocol."""
    rows = []
    for row in frame.itertuples():
        known = pd.notna(row.low)
        rows.append(
            {
                "protocol": row.protocol,
                "first − second": f"{row.first} − {row.second}",
                "difference": f"{row.difference:+.3f}",
                "95 % over speakers": f"{row.low:+.3f} to {row.high:+.3f}" if known else "–",
                "p": reported.describe(row.p),
                "p corrected": reported.describe(row.p_corrected),
                "clips": row.clips,
                "speakers": row.speakers,
                "in words": row.said,
            }
        )
    return pd.DataFrame(rows)


def markdown(question, report, description, runs, frame, changes, classes):
    """The answer for people."""
    seeds = sorted({run.facts["seed"] for run in runs})
    parts = [
        f"# {question}",
        f"{report.title}. {description}, seeds {', '.join(map(str, seeds))}.",
        "Accuracy and UAR: mean ± standard deviation over the seeds. Intervals and tests draw whole speakers, since "
        "clips of one speaker are alike; a speaker's clips from several seeds count together. Calibration error: mean "
        "distance of accuracy from confidence.",
        scores_for_people(frame).to_markdown(index=False),
    ]
    chosen = optimism(runs)
    said = in_words(frame, changes, chosen)
    if said:
        parts += ["## In words", "\n".join(f"- {sentence}" for sentence in said)]
    if len(changes):
        parts += [
            "## Differences on the same clips",
            "Permutation test that swaps the two for whole speakers; p corrected for all rows together (Holm).",
            differences_for_people(changes).to_markdown(index=False),
        ]
    if len(classes):
        parts += [
            "## Difference of the recall of each class",
            classes.to_markdown(index=False, floatfmt="+.3f"),
        ]
    if len(chosen):
        parts += [
            "## What choosing by the test clips would add",
            "Test accuracy of the weights that were tested; of the epoch that is best on the test clips, which nobody "
            "may know; of the epoch with the least validation loss; of the last epoch.",
            chosen.to_markdown(index=False, missingval="–", floatfmt=(*[""] * 2, *[".3f"] * 4, "+.3f", ".0f")),
        ]
    parts += [
        "## What train and test share",
        "Share of the test examples that have in train: the same `clip` or a copy of it, identical samples "
        "(`content`), the same `speaker`, the same `sentence`.",
        reported.shared(runs).to_markdown(index=False, floatfmt=("", ".0f", *[".3f"] * 4)),
    ]
    ours = {run.facts["experiment"]: run.facts for run in runs if run.facts["ours"]}
    if ours:
        parts.append(f"Ours, not in the report: {', '.join(ours)}.")
    return "\n\n".join(parts) + "\n"
