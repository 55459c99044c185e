"""What the runs of ``unseen_speakers`` say: the network beside the baseline, who is understood how well, and how far
its probabilities can be trusted. (table of :mod:`keras_ser.analysis.reported`, whole passes) → parts, as those of
:mod:`keras_ser.reports.findings`
"""

import itertools
from pathlib import PurePosixPath

import pandas as pd

from keras_ser import corpora
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.training import calibration, metrics

NETWORK, UNSEEN = "cnn", "speaker_independent"
ANSWERED = (1.0, 0.75, 0.5, 0.25)  # shares of the clips


def conclusion(table, passes):
    """UAR of the network beside the baseline's, corpus by corpus; then what the first repetition on unseen speakers
    says of women and men and of its probabilities. Nothing where the network was not run. → parts
    """
    parts = _beside_the_baseline(table)
    tested = [item for item in passes if (item.facts["experiment"], item.facts["protocol"]) == (NETWORK, UNSEEN)]
    if tested and not tested[0].diverged:
        folds = [run.predictions() for run in tested[0].runs]
        parts += _by_gender(pd.concat(folds)) + _calibrated(folds)
    return parts


def _name(corpus):
    """What a corpus is called for short."""
    return corpora.get(corpus).title.partition(" (")[0]


def _beside_the_baseline(table):
    cells = table[table["n"] > 0].set_index(["protocol", "experiment", "metric"])
    rows = []
    for protocol, corpus in itertools.product(table["protocol"].unique(), corpora.CORPORA):
        columns = {
            "network": (protocol, NETWORK, f"{corpus}: uar"),
            "its functionals alone": (protocol, "mlp", f"{corpus}: uar"),
            # Of that corpus alone.
            "linear SVM on them": (protocol, f"svm/{corpus}", "uar"),
            "on ComParE 2016": (protocol, f"svm_compare/{corpus}", "uar"),
            "on eGeMAPS": (protocol, f"svm_egemaps/{corpus}", "uar"),
        }
        uars = {title: _uar(cells.loc[key]) for title, key in columns.items() if key in cells.index}
        if "network" in uars or "its functionals alone" in uars:
            rows.append({"corpus": _name(corpus), "protocol": PROTOCOLS[protocol].title} | uars)
    if not rows:
        return ()
    caption = (
        "UAR, pooled over the folds, with its 95 % interval over speakers. An SVM is fitted to the corpus "
        "alone. ComParE 2016 and eGeMAPS: openSMILE's functionals."
    )
    return caption, pd.DataFrame(rows)


def _uar(row):
    """A row of the table in a few words."""
    spread = f" ± {row['std']:.3f}" if row["n"] > 1 else ""
    interval = f" ({row['ci_low']:.3f} to {row['ci_high']:.3f})" if row["interval_over"] == "speakers" else ""
    return f"{row['mean']:.3f}{spread}{interval}"


def _gender(corpus, clip):
    """Of the speaker, "" of a corpus whose names do not say it."""
    parsed = corpora.get(corpus).parse(PurePosixPath(f"{clip.removeprefix(f'{corpus}_')}.wav"))
    return parsed["gender"] if parsed else ""


def _by_gender(predictions):
    gender = [_gender(*key) for key in zip(predictions["corpus"], predictions["clip"], strict=True)]
    rows = []
    for corpus, of_corpus in predictions.assign(gender=gender).groupby("corpus", sort=False):
        row = {"corpus": _name(corpus)}
        for name, title in (("female", "women"), ("male", "men")):
            clips = of_corpus[of_corpus["gender"] == name]
            if len(clips):
                labels = sorted(set(of_corpus["true"]) | set(of_corpus["predicted"]))
                uar = metrics.scores(*(metrics.indices(clips[name], labels) for name in ("true", "predicted")))["uar"]
                row[title] = f"{uar:.3f} ({len(clips)} clips)"
        rows.append(row)
    if not all({"women", "men"} <= set(row) for row in rows):
        return ()
    return "UAR of the network for women and men, first repetition.", pd.DataFrame(rows)


def _calibrated(folds):
    predictions = pd.concat(folds, ignore_index=True)
    known = [set(group["true"]) for _, group in predictions.groupby("corpus")]
    labels = sorted(set.intersection(*known))
    if len(labels) < 2 or len(folds) < 2:
        return ()
    clips = calibration.held_out(folds, labels)
    clips["corpus"] = predictions["corpus"]
    rows = []
    for name, group in [("all", clips), *clips.groupby("corpus", sort=False)]:
        before, after = calibration.errors(group)
        row = {"corpus": "all" if name == "all" else _name(name), "clips": len(group)}
        row |= {"ECE before": before, "ECE after": after}
        by_confidence = group.sort_values("calibrated", ascending=False, kind="stable")["correct"].to_numpy()
        for share in ANSWERED:
            row[f"{share:.0%} answered"] = by_confidence[: max(1, round(share * len(by_confidence)))].mean()
        rows.append(row)
    caption = (
        f"Restricted to the {len(labels)} emotions that all corpora share: expected calibration error (ECE) before and "
        "after temperature scaling (fitted on the other folds), and accuracy when only the most confident clips are "
        "answered. First repetition."
    )
    return caption, pd.DataFrame(rows)
