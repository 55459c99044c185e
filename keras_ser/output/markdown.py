"""What was found of a report, in words: numbers of :mod:`keras_ser.analysis` as sentences, tables of text and a whole
document (:mod:`keras_ser.output.document`). Scores, intervals and tests come from there; here they are chosen, summed
up (mean, least, greatest) and rounded.
"""

import pandas as pd

from keras_ser import corpora
from keras_ser.analysis import reported, statistics, summaries
from keras_ser.analysis.reported import COUNTS, NOT_STATED
from keras_ser.corpora.corpus import SYNTHETIC_SPEECH
from keras_ser.data.protocols import PROTOCOLS, SpeakerSplit, ordered
from keras_ser.output.document import bullets, document, section
from keras_ser.output.words import (
    METRICS,
    between,
    describe,
    in_words,
    named,
    repetitions,
    span,
    spoken,
    text,
    title_of,
)
from keras_ser.training.metrics import SCORES

HEADINGS = {
    "accuracy": "Accuracy",
    "uar": "Unweighted average recall (UAR)",
    "macro_f1": "Macro F1",
    "weighted_f1": "Weighted F1",
}
WITH_EVERY_RESULT = ("What train and test share", "Model info sheet")
UNSEEN_CORPUS = " (of an unseen corpus every clip of the classes that the other corpora have)"
PERCENT = round(100 * statistics.CONFIDENCE)


def compared(row):
    """The verdict of a row of a table, with the prediction interval: "reproduced, interval 0.862 to 0.931"."""
    if pd.notna(row.pi_low) and row.verdict.startswith("reproduced"):
        return f"{row.verdict}, interval {between(row.pi_low, row.pi_high)}"
    return row.verdict


def scores(frame, metric):
    """One row per experiment: reported and verdict, then ours under each protocol. → DataFrame of text"""
    frame = frame[(frame["metric"] == metric) & (frame["experiment"] != "data")]
    rows = []
    for experiment, group in frame.groupby("experiment", sort=False):
        lines = {line.protocol: line for line in group.itertuples()}
        as_reported = lines.get("as_reported")
        stated = as_reported is not None and as_reported.verdict != NOT_STATED
        row = {
            "experiment": experiment,
            "reported": f"{as_reported.reported:.3f}" if stated else "–",
            "verdict": compared(as_reported) if stated else "–",
        }
        for protocol, line in lines.items():
            lost = f", {line.diverged} diverged" if line.diverged else ""
            interval = f"; {between(line.ci_low, line.ci_high)} over {line.interval_over}" if line.interval_over else ""
            row[title_of(protocol)] = f"{describe(line.mean, line.std)} (n = {line.n}{lost}{interval})"
        rows.append(row)
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame(rows).fillna("–")
    return table if (table["reported"] != "–").any() else table.drop(columns=["reported", "verdict"])


def summary_sentences(report, frame):
    """A sentence or two per experiment of the report: its accuracy beside ours, under each protocol. → list of str"""
    sentences = []
    listed = [item.name for item in report.listed]
    frame = frame[(frame["metric"] == "accuracy") & frame["experiment"].isin(listed) & (frame["n"] > 0)]
    for name, group in frame.groupby("experiment", sort=False):
        rows = {line.protocol: line for line in group.itertuples()}
        as_reported = rows.pop("as_reported", None)
        parts = []
        if as_reported is not None:
            obtained = f"our accuracy is {describe(as_reported.mean, as_reported.std)} ({repetitions(as_reported.n)})"
            if as_reported.verdict == NOT_STATED:
                parts.append(f"under the report's own protocol {obtained}")
            else:
                parts.append(
                    f"the report's accuracy is {float(as_reported.reported):.3f}, {obtained}: {as_reported.verdict}"
                )
        parts += [
            f"{describe(line.mean, line.std)} {_where(report, protocol)}"
            + (f" ({between(line.ci_low, line.ci_high)} over speakers)" if line.interval_over == "speakers" else "")
            for protocol, line in rows.items()
        ]
        sentences.append(f"{named(name)}: {'; '.join(parts)}.")
    return sentences


def _where(report, protocol):
    """On what a protocol tests, in words."""
    if isinstance(report.split, SpeakerSplit) and protocol == "speaker_independent":
        return "on all speakers, cross-validated"
    return PROTOCOLS[protocol].new_in_test


def further(frame):
    """Scores of one report alone, one row per experiment and protocol. → DataFrame, empty where there are none"""
    frame = frame[
        ~frame["metric"].isin([*SCORES, *COUNTS]) & frame["reported"].isna() & (frame["experiment"] != "data")
    ]
    rows = [
        {
            "experiment": experiment,
            "protocol": protocol,
            **{line.metric: describe(line.mean, line.std) for line in group.itertuples()},
        }
        for (experiment, protocol), group in frame.groupby(["experiment", "protocol"], sort=False)
    ]
    return pd.DataFrame(rows).fillna("–")


def classes(frame, report):
    """True and false positives and false negatives per class, reported and ours. → DataFrame, one row per class"""
    columns = {}
    frame = frame[frame["metric"].isin(COUNTS) & frame["reported"].notna()]
    for experiment, group in frame.groupby("experiment", sort=False):
        cells = group.set_index(["metric", "label"])
        for count in COUNTS:
            columns[f"{in_words(experiment)}: {count.upper()}"] = [
                f"{cells.at[(count, label), 'reported']:.0f} / {describe(cells.at[(count, label), 'mean'], digits=1)}"
                for label in report.labels
            ]
    return pd.DataFrame(columns, index=pd.Index(report.labels, name="class")).reset_index()


def by_speaker(table, most=12):
    """Accuracy by test speaker. ``table``: of :func:`reported.by_speaker`. → DataFrame, one row per experiment

    A column per speaker; of more than ``most`` speakers the least, the median and the greatest accuracy.
    """
    if table["speaker"].nunique() <= most:
        wide = table.pivot_table(index="experiment", columns="speaker", values="accuracy", sort=False)
        return wide.sort_index(axis="columns").rename_axis(columns=None).reset_index()
    by_experiment = table.groupby("experiment", sort=False)["accuracy"]
    spread = by_experiment.agg(["size", "min", "median", "max"])
    return spread.rename(columns={"size": "speakers", "min": "lowest", "max": "highest"}).reset_index()


def splits(frame):
    """One row per experiment and protocol: mean ± std of accuracy and weighted F1 on each split.

    ``frame``: of :func:`summaries.split_means`.
    """
    rows = []
    for (experiment, protocol), group in frame.groupby(["experiment", "protocol"], sort=False):
        row = {"experiment": experiment, "protocol": protocol, "repetitions": group["n"].iloc[0]}
        for value in group.itertuples():
            row[f"{METRICS[value.metric]}, {value.split}"] = describe(value.mean, value.std)
        rows.append(row)
    return pd.DataFrame(rows)


def tested_clips(frame):
    """How many trainings and different test clips each protocol has. → DataFrame of text"""
    frame = frame[(frame["metric"] == "accuracy") & (frame["n"] > 0)]
    rows = [
        {
            "protocol": protocol,
            "repetitions": span(group["n"], digits=0),
            "different clips tested": span(group["tested"], digits=0),
            "of": int(group["clips"].max()),
        }
        for protocol, group in frame.groupby("protocol", sort=False)
    ]
    return pd.DataFrame(rows)


def shared(passes):
    """What train and test share, for people. → DataFrame of text"""
    table = reported.shared(passes)
    sizes = pd.DataFrame([(item.facts["protocol"], item.facts["shared"]["test"]) for item in passes])
    table["test examples"] = [span(sizes[1][sizes[0] == protocol], digits=0) for protocol in table["protocol"]]
    return text(table.drop(columns="test"))


def info_sheets(passes):
    """The model info sheets side by side: one row per type, one column per protocol. → DataFrame of text"""
    sheets = reported.info_sheets(passes)
    first = next(iter(sheets.values()))
    table = pd.DataFrame({"type of leakage": first["type"]})
    for protocol, sheet in sheets.items():
        table[protocol] = [f"{row.leakage}: {row.where}" for row in sheet.itertuples()]
    return table


LEAKAGE = (
    "Which of the eight types of leakage of Kapoor and Narayanan (Patterns, 2023) each protocol has. Counts are those "
    "of one repetition; the shares above are means."
)

VERDICTS = (
    f"A verdict compares the reported value with the {PERCENT} % prediction interval of one more repetition under the "
    "report's own protocol: `reproduced` inside it, `lower` or `higher` where our results lie below or above, `not "
    "decided` where that interval is wider than half of the distance from chance level to the reported value."
)

BACKENDS = {"tensorflow": "TensorFlow", "librosa": "librosa and noisereduce", "opensmile": "openSMILE"}


def report_table(report, frame, passes):
    """The table of one report for people. → Document"""
    facts = passes[0].facts
    devices = sorted({run.facts["environment"]["device"] for item in passes for run in item.runs})
    backends = dict.fromkeys(BACKENDS[item.facts["features"]] for item in passes)
    missing = reported.without(report, facts)
    corpus = f"{facts['corpus'].partition(', without ')[0]} ({missing})" if missing else facts["corpus"]
    most_epochs = max(item.facts["epochs"] for item in passes)
    lead = (
        f"{report.source}.",
        f"Our runs: {corpus}, {facts['clips']} clips, features computed "
        f"by {' or '.join(backends)}, at most "
        f"{most_epochs} epoch{'s' * (most_epochs != 1)}, on {', '.join(devices)}.",
        "One repetition of a protocol with folds trains once per fold and tests every clip once"
        f"{UNSEEN_CORPUS if 'corpus_independent' in set(frame['protocol']) else ''}; its scores are those "
        "of the pooled predictions. Mean ± standard deviation over n repetitions, which includes variation between "
        f"splits; intervals are {PERCENT} %, over what they say.{f' {VERDICTS}' if report.figures else ''}",
        tested_clips(frame),
    )
    sentences = summary_sentences(report, frame)
    if sentences:
        sentences.append(f"Chance level: {chance(report, passes)}.")
    ran = {item.facts["experiment"] for item in passes}
    extensions = [(item.name, item.note) for item in report.experiments if item.extension and item.name in ran]
    by_test_speaker = reported.by_speaker(passes)
    n_speakers = by_test_speaker["speaker"].nunique()
    few = f"{n_speakers} test speakers are too few for claims about people at large." if n_speakers < 6 else ""
    by_split = summaries.split_means(reported.splits(passes))
    over = reported.over_clips(passes) if isinstance(report.split, SpeakerSplit) else pd.DataFrame()
    data = frame[frame["experiment"] == "data"]
    others = frame[~frame["metric"].isin([*SCORES, *COUNTS]) & (frame["experiment"] != "data")]
    others = others[others["reported"].notna()]
    by_class = classes(frame, report)
    counted = len(by_class.columns) > 1 and not reported.obstacle(report, facts)
    sections = (
        section("Summary", bullets(sentences)),
        *(section(HEADINGS[metric], scores(frame, metric)) for metric in SCORES),
        section(
            "Extensions: experiments that are not in the report"
            if report.figures or report.differences
            else "Baselines",
            pd.DataFrame(extensions, columns=["experiment", "what differs"]),
        ),
        section("Designs chosen on these clips", bullets(_design_choices(report, passes))),
        section("Accuracy by test speaker, protocol speaker_independent", few, text(by_speaker(by_test_speaker)))
        if n_speakers
        else None,
        section("Further scores", further(frame)),
        section(
            "Train, validation, test",
            "Of the repetitions for which scores on train were recorded; means can therefore differ from those above.",
            splits(by_split),
        )
        if len(by_split)
        else None,
        _beside_listeners(report, passes) if reported.votes(report) is not None else None,
        section(
            "Interval over clips, protocol as_reported",
            f"{PERCENT} % interval (Wilson) of the mean accuracy, as if the test clips were independent; those of one "
            "speaker are not, so it is rather too narrow.",
            text(over),
        )
        if len(over)
        else None,
        section("Findings", *_findings(report, frame, passes)),
        *leakage_of(passes),
        section("Data", text(data[["metric", "reported", "mean", "verdict"]], digits=0)),
        section("Other figures, protocol as_reported", _others(others)),
        section(
            "True and false positives, false negatives",
            "Reported / obtained (mean over the repetitions, protocol `as_reported`).",
            by_class,
        )
        if counted
        else None,
        *of_the_report(report),
    )
    return document(report.title, lead, sections)


def chance(report, passes):
    """The chance level in words; where corpora know different classes, that of each, and of a corpus that is unseen
    that of the classes that the others have.
    """
    if level := reported.chance(report, passes):
        return f"{level:.3f} ({len(report.with_clips)} classes{' that have clips' * bool(report.reserved)})"
    tested = reported.tested_by_corpus(passes)
    if not tested:
        return "by the classes of each corpus"
    levels = ", ".join(_level(row) for row in tested[""].itertuples())
    unseen = tested.get("corpus_independent", tested[""])
    fewer = unseen[unseen["true"] < tested[""]["true"].reindex(unseen.index)]
    if fewer.empty:
        return levels
    of_unseen = ", ".join(_level(row, f", {row.clip} clips") for row in fewer.itertuples())
    return f"{levels}; of an unseen corpus only the classes that the other corpora have are tested: {of_unseen}"


def _level(row, clips=""):
    """ "0.167 on Emo-DB (6 classes, 454 clips)" """
    return f"{1 / row.true:.3f} on {corpora.get(row.Index).title.partition(' (')[0]} ({row.true} classes{clips})"


def _findings(report, frame, passes):
    """What the runs answer to the report's question. → parts"""
    parts = report.conclusion(frame, passes) if report.conclusion else ()
    parts = [part if isinstance(part, str) else text(part) for part in parts]
    return spoken(parts, set(frame["experiment"]))


def of_the_report(report):
    """What is to be said of a report without any run. → sections"""
    choices = [(item.what, item.choice, item.reason) for item in report.not_stated]
    return (
        section(
            "What the report leaves open, and what we chose",
            pd.DataFrame(choices, columns=["open", "chosen", "because"]),
        ),
        section("Where its text, code and tables disagree", bullets(report.differences)),
    )


def _beside_listeners(report, passes):
    """→ Section"""
    return section(
        "Beside human listeners",
        f"Recall per class. The listeners' row counts {reported.listeners_matrix(report).sum()} single votes on "
        f"the {len(reported.votes(report))} clips of {corpora.titles(report.corpora)}, audio only; the models' are "
        "means over the repetitions, on the clips named above.",
        text(reported.listeners(report, passes)),
    )


def leakage_of(passes):
    """→ the sections WITH_EVERY_RESULT"""
    share, sheet = WITH_EVERY_RESULT
    return (
        section(
            share,
            "Share of the test examples for which the training data contain the same clip or an augmented version of "
            "it (`clip`), identical samples under any name (`audio_hash`), the same `speaker`, the same `sentence`.",
            shared(passes),
        ),
        section(sheet, LEAKAGE, info_sheets(passes)),
    )


def _others(frame):
    """Figures that are no scores: counts as whole numbers. → DataFrame of text"""

    def cell(value):
        return value if isinstance(value, str) else "–" if pd.isna(value) else f"{value:.10g}"

    return frame[["experiment", "metric", "reported", "mean", "n", "verdict"]].astype({"n": int}).map(cell)


def _design_choices(report, passes):
    """Of designs that tested speakers of these corpora chose: that they did. → list of sentences"""
    tested = {speaker for item in passes for speaker in item.facts["test_speakers"]}
    ran = {item.facts["experiment"] for item in passes}
    chosen_by = {}  # speakers in words → the experiments whose designs they chose
    for item in (item for item in report.experiments if item.name in ran or item in report.listed):
        chosen = []
        for name, speakers in item.selected_on.items():
            among = [speaker for speaker in speakers if speaker in tested]
            if name in passes[0].facts["corpora"] and (among or not speakers):
                title = corpora.get(name).title.partition(" (")[0]
                chosen.append(f"{'speakers ' + ', '.join(among) if among else 'all speakers'} of {title}")
        if chosen:
            chosen_by.setdefault(", ".join(chosen), []).append(named(item.name))
    return [
        f"{', '.join(names)}: designs chosen on {speakers}. They are excluded from significance tests; scores that "
        "include them are biased upwards."
        for speakers, names in chosen_by.items()
    ]


def results(frame):
    """All accuracies, one row per experiment of a report, one column per protocol. → DataFrame of text

    ``frame``: of :func:`keras_ser.output.tables.accuracies`. ``clips``: as many as were tested on unseen speakers,
    where each of the experiment's clips is once; without that, those of the corpora; with a mark of synthetic speech.
    """
    order = ordered(frame["protocol"])
    rows = []
    for (report, name), group in frame.groupby(["report", "experiment"], sort=False):
        lines = {line.protocol: line for line in group.itertuples()}
        as_reported = lines.get("as_reported")
        stated = as_reported is not None and as_reported.verdict != NOT_STATED
        tested = lines["speaker_independent"].tested if "speaker_independent" in lines else 0
        clips, synthetic = int(tested or group["clips"].max()), group["corpus"].str.contains(SYNTHETIC_SPEECH).any()
        rows.append(
            {
                "report": report,
                "experiment": name,
                "reported": f"{as_reported.reported:.3f}" if stated else "–",
                "verdict": as_reported.verdict if stated else "–",
                **{
                    title_of(protocol): f"{describe(lines[protocol].mean, lines[protocol].std)} ({lines[protocol].n})"
                    if protocol in lines
                    else "–"
                    for protocol in order
                },
                "clips": f"{clips}, synthetic" if synthetic else clips,
            }
        )
    return pd.DataFrame(rows)
