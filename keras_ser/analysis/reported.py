"""Reported against obtained: each figure of a report beside the one that we obtain, under each protocol: numbers, and
the verdict on them.

In: whole passes (:mod:`keras_ser.runs.passes`) of one setup. A table has the columns of ``COLUMNS``. ``mean`` and
``std`` (n - 1 in the denominator) are over the ``n`` repetitions whose training did not diverge (of a label: the most
frequent one); ``diverged`` counts the others. ``ci_low`` and ``ci_high`` are the 95 % confidence interval of the mean
over what ``interval_over`` says: speakers, where a protocol tests every clip once and enough of them speak, else
repetitions. ``pi_low`` and ``pi_high``: the 95 % *prediction* interval of one more repetition, with which the verdict
compares the reported value. ``tested``: how many different clips were tested.
"""

from collections import Counter

import numpy as np
import pandas as pd

from keras_ser import corpora
from keras_ser.analysis import statistics
from keras_ser.data import leakage
from keras_ser.data.protocols import PROTOCOLS, SPLITS, ordered
from keras_ser.reports import extensions
from keras_ser.training.metrics import SCORES

COLUMNS = (
    "report",
    "experiment",
    "protocol",
    "metric",
    "label",
    "reported",
    "mean",
    "std",
    "n",
    "ci_low",
    "ci_high",
    "interval_over",
    "pi_low",
    "pi_high",
    "verdict",
    "corpus",
    "clips",
    "tested",
    "fitted_on",
    "diverged",
    "setup",
)
NOT_STATED = "not stated"
VERDICTS = ("reproduced", "higher", "lower", "differs", "not decided", "not comparable", NOT_STATED)  # how each begins
WHOLE = 0.99  # share of a corpus's clips that counts as all of it: published copies lack some, one clip is silent
MOST = 0.9  # share of all clips of several corpora from which a comparison is allowed, and says what is missing
COUNTS = ("tp", "fp", "fn")


def parts(report, facts):
    """The clips of a run by corpus, and the report's. → (dict corpus → found, dict corpus → whole)"""
    available = {name: facts["clips_by_corpus"].get(name, 0) for name in report.corpora}
    return available, {name: _whole(report, corpora.get(name)) for name in report.corpora}


def obstacle(report, facts):
    """Why no score of a run can be set beside the report's: it used other clips. "" where it can."""
    if facts["synthetic"]:
        return "synthetic speech"
    if facts["substitute"]:
        return "substitute corpus"
    available, whole = parts(report, facts)
    incomplete = [name for name in available if 0 < available[name] < WHOLE * whole[name]]
    if incomplete or sum(available.values()) < MOST * sum(whole.values()):
        return f"{facts['clips']} of {sum(whole.values())} clips"
    return ""


def without(report, facts):
    """What is missing where a comparison is allowed all the same: "without SAVEE, 4 % of the clips", or ""."""
    available, whole = parts(report, facts)
    missing = [name for name in available if not available[name]]
    if not missing or obstacle(report, facts):
        return ""
    share = sum(whole[name] for name in missing) / sum(whole.values())
    return f"without {corpora.titles(missing).partition(' (')[0]}, {100 * share:.0f} % of the clips"


def chance(report, passes):
    """The accuracy of answers by chance, or None where the corpora that were used together know different classes."""
    several = report.classes_by_corpus and (not passes or corpora.are_known(passes[0].facts["corpora"]))
    return None if several else 1 / len(report.with_clips)


def tested_by_corpus(passes):
    """How many different clips and true classes of each corpus are tested: under each protocol, and under all of them
    together (""). → dict protocol → DataFrame ``clip, true``, one row per corpus; {} where every run diverged
    """
    parts = [
        item.predictions()[["corpus", "clip", "true"]].assign(protocol=item.facts["protocol"])
        for item in passes
        if not item.diverged
    ]
    if not parts:
        return {}
    answers = pd.concat(parts, ignore_index=True)
    groups = {"": answers, **dict(iter(answers.groupby("protocol")))}
    return {name: group.groupby("corpus", sort=False)[["clip", "true"]].nunique() for name, group in groups.items()}


def _whole(report, corpus):
    """How many clips a report uses of the whole ``corpus``."""
    clips = sum(clips for emotion, clips in corpus.counts.items() if emotion in report.labels)
    if not clips:  # its labels are no emotions, but made of all clips
        return corpus.n_clips
    return clips * (len(report.speakers) or corpus.n_speakers) // corpus.n_speakers


def verdict(reported, values, *, chance=0.0, rounding=0.0, obstacle="", without="", diverged=0):
    """What our values say about a reported one (printed to within ``rounding``), in a word or two.

    ``reproduced``: the reported value is in the prediction interval of one more repetition, and that interval is not
    wider than half of the distance from ``chance`` to the reported value (else ``not decided``). ``higher``,
    ``lower``: the one we obtain is. Of a label: it is ``reproduced`` if it is the most frequent one. ``obstacle``: why
    nothing can be said; ``without``: what part of the report's clips is missing.
    """
    if reported is None:
        return NOT_STATED
    if obstacle:
        return f"not comparable ({obstacle})"
    if not len(values):
        return "not comparable (every run diverged)" if diverged else "not comparable (no run)"
    if isinstance(reported, str):
        word = "reproduced" if most_frequent(values) == reported else "differs"
        details = [f"{sum(value == reported for value in values)} of {len(values)}"]
    else:
        word, details = _word(reported, values, chance, rounding)
    return f"{word} ({', '.join(details + [without] * bool(without))})" if details or without else word


def _word(reported, values, chance, rounding):
    _, prediction = statistics.repetition_intervals(values, limit=np.inf)
    if prediction is None:
        return "not decided", ["one repetition"]
    low, high = prediction
    if not low - rounding <= reported <= high + rounding:
        return ("higher" if np.mean(values) > reported else "lower"), []
    if high - low > 0.5 * abs(reported - chance):
        return "not decided", ["interval too wide"]
    return "reproduced", []


def most_frequent(labels):
    """The most frequent label; of several the first by alphabet."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label))


def value(item, metric, label=""):
    """One figure of a pass that did not diverge: a score, parameters, most_confusing_class, or a class's count."""
    if metric == "parameters":
        return item.facts["parameters"]
    if label:
        return next(row[metric] for row in item.metrics["classes"] if row["label"] == label)
    return {**item.metrics.get("further", {}), **item.metrics}[metric]


def groups(passes):
    """Passes by experiment and protocol. → dict (experiment, protocol) → list, in the order of the protocols"""
    grouped = {}
    for item in sorted(passes, key=lambda item: list(PROTOCOLS).index(item.facts["protocol"])):
        grouped.setdefault((item.facts["experiment"], item.facts["protocol"]), []).append(item)
    return grouped


def table(report, passes):
    """Reported against obtained. ``passes``: of one setup per experiment. → DataFrame of COLUMNS.

    For each experiment and protocol: the scores, reported or not. What the report prints stands in the rows of
    ``as_reported`` alone. The rows of experiment "data" compare the sizes of the splits.
    """
    rows = [*_data_rows(report, passes)]
    by_group = groups(passes)
    for experiment in report.experiments:
        figures = [figure for figure in report.figures if figure.experiment == experiment.name]
        for protocol in PROTOCOLS:
            group = by_group.get((experiment.name, protocol))
            if not group:
                continue
            printed = {(figure.metric, figure.label): figure for figure in figures} if protocol == "as_reported" else {}
            finished = [item for item in group if not item.diverged]
            further = dict.fromkeys(name for item in finished for name in item.metrics.get("further", {}))
            metrics = [(name, "") for name in (*SCORES, *further)]
            tested = _tested(group)
            over_speakers = _over_speakers(finished) if PROTOCOLS[protocol].held_out else {}
            for metric, label in dict.fromkeys([*metrics, *printed]):
                # Test clips without any of a corpus have no score on it.
                scored = [item for item in finished if metric not in further or metric in item.metrics["further"]]
                values = [value(item, metric, label) for item in scored]
                share = (metric, label) in metrics
                row = _row(report, group, metric, label, printed.get((metric, label)), values, tested, share=share)
                if over_speakers.get(metric):
                    row["ci_low"], row["ci_high"] = over_speakers[metric]
                    row["interval_over"] = "speakers"
                rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _over_speakers(finished):
    """Intervals of accuracy and UAR over the speakers of all passes, and of each corpus ("emodb: uar").
    → dict metric → (low, high) or None
    """
    if not finished:
        return {}
    tables = [item.predictions() for item in finished]
    of_all = _speaker_intervals(tables)
    intervals = dict(of_all)
    of_corpora = dict.fromkeys(corpus for table in tables for corpus in table["corpus"])
    for corpus in of_corpora:
        several = len(of_corpora) > 1
        of_corpus = _speaker_intervals([part[part["corpus"] == corpus] for part in tables]) if several else of_all
        intervals |= {f"{corpus}: {metric}": interval for metric, interval in of_corpus.items()}
    return intervals


def _speaker_intervals(tables):
    """Intervals of accuracy and UAR over the speakers in the predictions of each pass."""
    predictions = pd.concat(tables, ignore_index=True)
    correct, speakers = predictions["true"] == predictions["predicted"], predictions["speaker"]
    passes = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    n_clips = len(predictions[["clip", "copy"]].drop_duplicates())
    return {
        "accuracy": statistics.speaker_interval(correct, speakers, n_clips=n_clips),
        "uar": statistics.speaker_interval(correct, speakers, predictions["true"], passes, n_clips),
    }


def _data_rows(report, passes):
    """Clips, examples and splits under ``as_reported``, against the report's."""
    passes = [item for item in passes if item.facts["protocol"] == "as_reported"]
    figures = [figure for figure in report.figures if figure.experiment == ""]
    if figures and passes:
        tested, seeds = _tested(passes), {item.facts["seed"] for item in passes}
        for figure in figures:
            values = [_size(report, item.facts, figure.metric) for item in passes]
            row = _row(report, passes, figure.metric, "", figure, values, tested)
            yield {**row, "experiment": "data", "n": len(seeds), "diverged": 0, "setup": "", "fitted_on": ""}


def _size(report, facts, metric):
    by_corpus = {**dict.fromkeys(report.corpora, 0), **facts["clips_by_corpus"]}
    sizes = {"clips": facts["clips"], "examples": sum(facts["examples"].values()), **facts["examples"]}
    return {**sizes, **by_corpus}[metric]


def _size_verdict(reported, values, obstacle, without, diverged):
    """Sizes have no spread: they are the report's or not."""
    if obstacle or not values:
        return verdict(reported, values, obstacle=obstacle, diverged=diverged)
    same = sum(value == reported for value in values)
    word = "reproduced" if same == len(values) else "higher" if np.mean(values) > reported else "lower"
    details = [f"{same} of {len(values)}"] * (0 < same < len(values)) + [without] * bool(without)
    return f"{word} ({', '.join(details)})" if details else word


def _row(report, group, metric, label, figure, values, tested, *, share=False):
    """``tested``: of :func:`_tested`. ``share``: it is a score, which lies in [0, 1]; others are counts or labels."""
    facts = group[0].facts
    reported, rounding = (figure.value, figure.rounding) if figure else (None, 0.0)
    mean = std = of_mean = of_next = None
    if metric == "most_confusing_class":
        mean = most_frequent(values) if values else None
    elif values:
        mean = float(np.mean(values))
        if len(values) > 1:
            std = float(np.std(values, ddof=1))
            of_mean, of_next = statistics.repetition_intervals(values, limit=1.0 if share else np.inf)
    # What is missing has no part in the number of clips of a corpus that is there.
    missing = "" if facts["clips_by_corpus"].get(metric) else without(report, facts)
    diverged = sum(item.diverged for item in group)
    options = {"obstacle": obstacle(report, facts), "without": missing, "diverged": diverged}
    if figure and (metric == "parameters" or figure.experiment == ""):
        outcome = _size_verdict(reported, values, **options)
    else:
        chance = 1 / len(report.with_clips) if share else 0.0
        outcome = verdict(reported, values, chance=chance, rounding=rounding, **options)
    (ci_low, ci_high), (pi_low, pi_high) = of_mean or (None, None), of_next or (None, None)
    return {
        "report": report.name,
        "experiment": facts["experiment"],
        "protocol": facts["protocol"],
        "metric": metric,
        "label": label,
        "reported": reported,
        "mean": mean,
        "std": std,
        "n": len(values),
        "ci_low": ci_low,
        "ci_high": ci_high,
        "interval_over": "repetitions" if of_mean else "",
        "pi_low": pi_low,
        "pi_high": pi_high,
        "verdict": outcome,
        "corpus": facts["corpus"],
        "clips": facts["clips"],
        "tested": tested,
        "fitted_on": " + ".join(facts["fitted_on"]),
        "diverged": diverged,
        "setup": facts["setup"],
    }


def _tested(group):
    """How many different clips the passes tested."""
    return len({clip for item in group if not item.diverged for clip in item.predictions()["clip"]})


def shared(passes):
    """What train and test share under each protocol: share of the test examples, mean over the passes. → DataFrame."""
    facts = pd.DataFrame([{"protocol": item.facts["protocol"], **item.facts["shared"]} for item in passes])
    properties = [name for name in facts.columns if name not in ("protocol", "test")]
    facts[properties] = facts[properties].div(facts["test"], axis=0)
    return facts.groupby("protocol").mean().loc[ordered(facts["protocol"])].reset_index()


def info_sheets(passes):
    """The model info sheet of each protocol. → dict protocol → DataFrame (:func:`keras_ser.data.leakage.sheet`)"""
    sheets = {}
    for protocol in ordered(item.facts["protocol"] for item in passes):
        of_protocol = [item for item in passes if item.facts["protocol"] == protocol]
        facts = [item.facts for item in of_protocol]
        # The counts of one pass: repetitions draw other clips, and share as much.
        fitting = leakage.Fitting(
            tuple(dict.fromkeys(name for of_pass in facts for name in of_pass["chosen_on"])),
            tuple(dict.fromkeys(step for of_pass in facts for step in of_pass["from_all"])),
            frozenset().union(*map(extensions.designed_on, of_protocol)),
            frozenset().union(*map(extensions.known_of, of_protocol)),
        )
        speakers = {name for of_pass in facts for name in of_pass["test_speakers"]}
        sheets[protocol] = leakage.sheet(
            protocol,
            facts[0]["shared"],
            fitting,
            speakers,
            acted=corpora.are_known(facts[0]["corpora"]),
            repetitions=len({of_pass["seed"] for of_pass in facts}),
        )
    return sheets


def over_clips(passes):
    """Accuracy under ``as_reported`` with its interval over the test clips, best first. → DataFrame"""
    rows = []
    for (experiment, protocol), group in groups(passes).items():
        finished = [item for item in group if not item.diverged]
        if protocol == "as_reported" and finished:
            mean, clips = np.mean([item.metrics["accuracy"] for item in finished]), finished[0].metrics["test"]
            rows.append((experiment, mean, *statistics.clip_interval(round(mean * clips), clips), clips))
    table = pd.DataFrame(rows, columns=["experiment", "accuracy", "low", "high", "test clips"])
    return table.sort_values("accuracy", ascending=False, kind="stable")


def by_speaker(passes, protocol="speaker_independent"):
    """Accuracy on each test speaker's clips, all passes together. → DataFrame, one row per experiment and speaker"""
    rows = []
    for (experiment, name), group in groups(passes).items():
        if name == protocol:
            predictions = pd.concat([item.predictions() for item in group if not item.diverged] or [pd.DataFrame()])
            if len(predictions):
                correct = (predictions["true"] == predictions["predicted"]).groupby(predictions["speaker"])
                rows += [(experiment, speaker, mean) for speaker, mean in correct.mean().items()]
    return pd.DataFrame(rows, columns=["experiment", "speaker", "accuracy"])


def splits(passes, metrics=("accuracy", "weighted_f1")):
    """Scores on train, validation and test of the networks that have all three. → DataFrame ``experiment, protocol,
    seed, split, metric, value``
    """
    rows = [
        {
            **{name: item.facts[name] for name in ("experiment", "protocol", "seed")},
            "split": split,
            "metric": metric,
            "value": (item.metrics if split == "test" else item.metrics[split])[metric],
        }
        for item in passes
        if not item.diverged and {"train", "validation"} <= set(item.metrics)
        for split in SPLITS
        for metric in metrics
    ]
    return pd.DataFrame(rows, columns=["experiment", "protocol", "seed", "split", "metric", "value"])


def votes(report):
    """What listeners chose in the report's corpus (``Corpus.votes``); None where none were asked, it has several, or
    its classes are not those that they chose from: among fewer they would have been right more often.
    """
    first, *others = map(corpora.get, report.corpora)
    if others or first.votes is None:
        return None
    chosen = first.votes()
    return chosen if set(report.labels) == set(chosen) - {"clip", "emotion"} else None


def listeners_matrix(report):
    """Votes of the corpus's listeners by intended (rows) and chosen (columns) emotion. → int [labels, labels]"""
    return votes(report).groupby("emotion")[list(report.labels)].sum().loc[list(report.labels)].to_numpy()


def listeners(report, passes):
    """Recall per class: of the corpus's listeners, and of our models (mean over the passes). → DataFrame, one row for
    the listeners and one per experiment and protocol, one column per class and one for all clips
    """
    matrix = listeners_matrix(report)
    recall = np.diag(matrix) / matrix.sum(axis=1)
    rows = [("human listeners", None, *recall, np.diag(matrix).sum() / matrix.sum())]
    for (experiment, protocol), group in groups(passes).items():
        finished = [item for item in group if not item.diverged]
        if finished:
            recalls = [[row["recall"] for row in item.metrics["classes"]] for item in finished]
            means = pd.DataFrame(recalls, dtype=float).mean()
            rows.append((experiment, protocol, *means, np.mean([item.metrics["accuracy"] for item in finished])))
    return pd.DataFrame(rows, columns=["experiment", "protocol", *report.labels, "all clips"])
