"""Models side by side on the same clips, in words: what :mod:`keras_ser.analysis.paired` found, as sentences, tables of
text and a whole document (:mod:`keras_ser.output.document`).
"""

import numpy as np
import pandas as pd

from keras_ser.analysis import paired, statistics
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.output.document import bullets, document, section
from keras_ser.output.markdown import PERCENT, leakage_of
from keras_ser.output.words import between, describe, in_words, named, signed, text, title_of


def whole(question, report, description, found):
    """The answer of ``compare`` for people. ``found``: of :func:`keras_ser.analysis.paired.compare`. → Document"""
    changes, bias = found.differences, found.bias
    sentences = sentences_of(found.scores, changes, bias)
    sentences += [sentence] if (sentence := order_sentence(found.scores)) else []
    lead = (
        f"{report.title}. {description[0].upper()}{description[1:]}.",
        "Accuracy and UAR: mean ± standard deviation over the repetitions. Intervals over speakers and tests are "
        "cluster-robust (clips of one speaker are alike). Calibration error: mean distance of accuracy from "
        "confidence, mean over the repetitions.",
        scores(found.scores),
    )
    added = sorted({item.facts["experiment"] for item in found.passes if item.facts["extension"]})
    sections = (
        section("Summary", bullets(sentences)),
        _differences(changes) if len(changes) else None,
        section("Difference of the recall of each class", text(found.by_class, sign="+")),
        section(
            "Bias from selecting the epoch on test data",
            "Test accuracy of the selected weights (`tested`), of the epoch with the best test accuracy (not available "
            "in practice), of the epoch with the lowest validation loss, and of the last epoch; means over the "
            "trainings in which test accuracy was recorded per epoch (`watched`).",
            _bias(bias),
        )
        if len(bias)
        else None,
        *leakage_of(found.passes),
        section("Extensions, not in the report", bullets(map(named, added))),
    )
    return document(question.rstrip("."), lead, sections)


def sentences_of(frame, changes, bias):
    """What was found, of ``scores``, ``differences`` and ``selection_bias`` of :mod:`keras_ser.analysis.paired`.

    → list of sentences
    """
    sentences = []
    for name, group in frame.dropna(subset="accuracy").groupby("experiment", sort=False):
        steps = [f"{row.accuracy:.3f} {PROTOCOLS[row.protocol].new_in_test}" for row in group.itertuples()]
        if len(steps) > 1:
            sentences.append(f"{named(name)}: accuracy {', '.join(steps)}.")
    if len(changes):
        for (first, second), group in changes.groupby(["first", "second"], sort=False):
            findings = []
            for finding, rows in group.groupby("finding", sort=False):
                under = (
                    f"{PROTOCOLS[row.protocol].new_in_test} ({signed(row.difference)})" for row in rows.itertuples()
                )
                findings.append(f"{_found(finding)} {', '.join(under)}")
            sentences.append(f"{in_words(first)} against {in_words(second)}: {'; '.join(findings)}.")
    if len(bias):
        most = bias.loc[bias["added"].idxmax()]
        mean = np.average(bias["added"], weights=bias["watched"])  # over trainings, as in each row
        sentences.append(
            f"Selecting the epoch on the test set would have inflated accuracy by {mean:.3f} on average, at most by "
            f"{most['added']:.3f} ({in_words(most['experiment'])}, {title_of(most['protocol'])})."
        )
    return sentences


def _found(finding):
    """ "cnn is better" → "CNN is better"; others as they are"""
    name, better, rest = finding.partition(" is better")
    return f"{in_words(name)}{better}{rest}" if better else finding


def order_sentence(frame):
    """Whether the order of the models changes from the report's split to unseen speakers. → sentence or "" """
    orders = paired.order_of_models(frame)
    first, last = orders.get("as_reported"), orders.get("speaker_independent")
    if not first or not last or len(first) < 2 or set(first) != set(last):
        return ""
    names = [" > ".join(map(in_words, order)) for order in (first, last)]
    if first == last:
        where = "under the report's split and on unseen speakers"
        return f"By our mean accuracy the order of the models is the same {where}: {names[0]}."
    changed = f"under the report's split {names[0]}; on unseen speakers {names[1]}"
    return f"By our mean accuracy the order of the models changes: {changed}."


def scores(frame):
    """→ DataFrame of text, one row per experiment and protocol."""
    rows = []
    for row in frame.itertuples():
        told = pd.notna(row.low) or not row.tested
        rows.append(
            {
                "protocol": row.protocol,
                "experiment": row.experiment,
                "repetitions": f"{row.n}" + (f" ({row.diverged} diverged)" if row.diverged else ""),
                "fitted on": row.fitted_on,
                "different examples tested": row.tested,
                "accuracy": describe(row.accuracy, row.accuracy_std),
                f"{PERCENT} % over repetitions": between(row.repetitions_low, row.repetitions_high),
                f"{PERCENT} % over speakers": between(row.low, row.high) if told else paired.untold(row.speakers),
                "UAR": describe(row.uar, row.uar_std),
                "calibration error": describe(row.calibration_error),
                "Brier score": describe(row.brier),
                "epochs": describe(row.epochs or None, digits=1),
            }
        )
    return pd.DataFrame(rows)


def differences(frame):
    """→ DataFrame of text, one row per pair and protocol."""
    rows = []
    for row in frame.itertuples():
        rows.append(
            {
                "protocol": row.protocol,
                "A − B": f"{in_words(row.first)} − {in_words(row.second)}",
                "repetitions": _compared(row),
                "accuracy A": describe(row.accuracy_first),
                "accuracy B": describe(row.accuracy_second),
                "difference": signed(row.difference),
                "interval over speakers": between(row.low, row.high, sign="+").replace("-", "−"),
                "level": f"{row.level:.1%}" if pd.notna(row.low) else "–",
                "p": describe(row.p),
                "p (Holm)": describe(row.p_corrected),
                "examples": row.clips,
                "speakers": row.speakers,
                "result": _found(row.finding),
            }
        )
    return pd.DataFrame(rows)


def _compared(row):
    """ "5", or "1 (A 5, B 1)" where the two have not the same"""
    n, first, second = row.repetitions, row.repetitions_first, row.repetitions_second
    return f"{n}" if n == first == second else f"{n} (A {first}, B {second})"


def _differences(changes):
    """→ Section"""
    primary = changes.loc[changes["primary"], "protocol"].iloc[0]
    notes = []
    if changes["one_beside_several"].any():
        notes.append(
            "An SVM with one repetition is compared with every repetition of a network on the clips that both tested; "
            "it was fitted to the training clips of its own repetition. Clips tested in several repetitions count "
            "several times."
        )
    others = changes["repetitions"] < changes[["repetitions_first", "repetitions_second"]].max(axis=1)
    if others.any():
        notes.append(
            "Models are compared in the repetitions that both have. Where one has more (`1 (A 5, B 1)`), its accuracy "
            "here is that of these repetitions and differs from that of the first table."
        )
    if (changes["primary"] & (changes["choosing_speakers"] > 0) & ~changes["all_chose"]).any():
        notes.append(
            f"Under `{primary}` speakers on whom a design was chosen are excluded here, so the accuracies differ from "
            "those of the first table."
        )
    return section(
        "Differences on the same clips",
        f"Tests are made under `{primary}` alone, corrected for all its rows together (Holm); the interval there "
        f"excludes 0 exactly where the corrected p is below {1 - statistics.CONFIDENCE:.2f}. Under the other "
        f"protocols differences are described with a plain {PERCENT} % interval.",
        *notes,
        differences(changes),
    )


def _bias(frame):
    """→ DataFrame of text"""
    shown = text(frame.astype({"watched": int, "trainings": int})).assign(added=frame["added"].map(signed))
    return shown.rename(columns=lambda name: name.replace("_", " "))
