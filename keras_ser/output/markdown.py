"""What was found, in words: tables of :mod:`keras_ser.analysis` as Markdown for people. Computes no number."""

import pandas as pd

from keras_ser import corpora
from keras_ser.analysis import paired, reported, statistics
from keras_ser.analysis.reported import COUNTS, NOT_STATED
from keras_ser.data.protocols import PROTOCOLS, SpeakerSplit
from keras_ser.training.metrics import SCORES

PERCENT = round(100 * statistics.CONFIDENCE)


def describe(value, std=None, digits=3):
    """A mean with its spread for people: 0.907 ± 0.011."""
    if value is None or pd.isna(value):
        return "–"
    spread = "" if std is None or pd.isna(std) else f" ± {std:.{digits}f}"
    return f"{value:.{digits}f}{spread}"


def between(low, high, digits=3, sign=""):
    """An interval for people: 0.52 to 0.61."""
    if low is None or pd.isna(low):
        return "–"
    return f"{low:{sign}.{digits}f} to {high:{sign}.{digits}f}"


def repetitions(n):
    """Their number in words."""
    return f"{n} repetition{'s' * (n != 1)}"


def signed(value, digits=3):
    """A difference with a minus sign that is one."""
    return f"{value:+.{digits}f}".replace("-", "−")


def as_table(frame):
    """A DataFrame of text as Markdown; 0.690 keeps its last digit."""
    return frame.to_markdown(index=False, disable_numparse=True)


def title_of(protocol):
    """What a protocol is called in a heading of a column."""
    return PROTOCOLS[protocol].title


def compared(row):
    """The reported value beside ours, of a row of a table: "reproduced (prediction interval 0.86 to 0.93)"."""
    if pd.notna(row.pi_low) and row.verdict.startswith("reproduced"):
        return f"{row.verdict}, interval {between(row.pi_low, row.pi_high, 2)}"
    return row.verdict


def scores(frame, metric):
    """One row per experiment: reported and verdict, then ours under each protocol. → DataFrame of text"""
    frame = frame[(frame["metric"] == metric) & (frame["experiment"] != "data")]
    rows = []
    for experiment, group in frame.groupby("experiment", sort=False):
        lines = {line.protocol: line for line in group.itertuples()}
        own = lines.get("as_reported")
        stated = own is not None and own.verdict != NOT_STATED
        row = {
            "experiment": experiment,
            "reported": f"{own.reported:.4f}" if stated else "–",
            "verdict": compared(own) if stated else "–",
        }
        for protocol, line in lines.items():
            lost = f", {line.diverged} diverged" if line.diverged else ""
            over = f"; {between(line.ci_low, line.ci_high)} over {line.interval_over}" if line.interval_over else ""
            row[title_of(protocol)] = f"{describe(line.mean, line.std)} (n = {line.n}{lost}{over})"
        rows.append(row)
    return pd.DataFrame(rows).fillna("–")


def summary_sentences(report, frame):
    """A sentence or two per experiment of the report: its accuracy beside ours, under each protocol. → list of str"""
    sentences = []
    listed = [item.name for item in report.experiments if not item.extension]
    frame = frame[(frame["metric"] == "accuracy") & frame["experiment"].isin(listed) & (frame["n"] > 0)]
    for name, group in frame.groupby("experiment", sort=False):
        rows = {line.protocol: line for line in group.itertuples()}
        own = rows.pop("as_reported", None)
        parts = []
        if own is not None:
            ours = f"our accuracy is {describe(own.mean, own.std)} ({repetitions(own.n)})"
            if own.verdict == NOT_STATED:
                parts.append(f"under the report's own protocol {ours}")
            else:
                parts.append(f"the report's accuracy is {float(own.reported):.3f}, {ours}: {own.verdict}")
        parts += [
            f"{describe(line.mean, line.std)} {_where(report, protocol)}"
            + (f" ({between(line.ci_low, line.ci_high)} over speakers)" if line.interval_over == "speakers" else "")
            for protocol, line in rows.items()
        ]
        sentences.append(f"`{name}`: {'; '.join(parts)}.")
    return sentences


def _where(report, protocol):
    """On what a protocol tests, in words."""
    if isinstance(report.split, SpeakerSplit) and protocol == "speaker_independent":
        return "over all speakers in turn (the report's own split is by speakers too)"
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
            columns[f"{experiment} {count.upper()}"] = [
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
    found = by_experiment.agg(["size", "min", "median", "max"])
    return found.rename(columns={"size": "speakers", "min": "lowest", "max": "highest"}).reset_index()


def splits(frame):
    """One row per experiment and protocol: mean ± std of accuracy and weighted F1 on each split."""
    rows = []
    for (experiment, protocol), group in frame.groupby(["experiment", "protocol"], sort=False):
        row = {"experiment": experiment, "protocol": protocol, "repetitions": group["seed"].nunique()}
        for (metric, split), values in group.groupby(["metric", "split"], sort=False)["value"]:
            row[f"{metric.replace('_', ' ')}, {split}"] = describe(values.mean(), values.std())
        rows.append(row)
    return pd.DataFrame(rows)


def tested_clips(frame):
    """How many trainings and different test clips each protocol has. → DataFrame of text"""
    frame = frame[(frame["metric"] == "accuracy") & (frame["n"] > 0)]
    rows = [
        {
            "protocol": protocol,
            "repetitions": _span(group["n"]),
            "different clips tested": _span(group["tested"]),
            "of": int(group["clips"].max()),
        }
        for protocol, group in frame.groupby("protocol", sort=False)
    ]
    return pd.DataFrame(rows)


def _span(values):
    low, high = int(values.min()), int(values.max())
    return f"{low}" if low == high else f"{low} to {high}"


def shared(passes):
    """What train and test share, for people. → Markdown"""
    table = reported.shared(passes)
    return table.to_markdown(index=False, floatfmt=("", ".0f", *[".3f"] * 4))


def info_sheets(passes):
    """The model info sheets side by side: one row per type, one column per protocol. → Markdown"""
    sheets = reported.info_sheets(passes)
    first = next(iter(sheets.values()))
    table = pd.DataFrame({"type of leakage": first["type"]})
    for protocol, sheet in sheets.items():
        table[protocol] = [f"{row.leakage}: {row.where}" for row in sheet.itertuples()]
    return table.to_markdown(index=False)


LEAKAGE = (
    "Which of the eight types of leakage of Kapoor and Narayanan (Patterns, 2023) each protocol has, from the counts "
    "that the checks use."
)


def report_table(report, frame, passes):
    """The table of one report for people. → Markdown"""
    facts = passes[0].facts
    devices = sorted({run.facts["environment"]["device"] for item in passes for run in item.runs})
    missing = reported.without(report, facts)
    sections = [
        f"# {report.title}",
        f"{report.source}.",
        f"Our runs: {facts['corpus']}{f' ({missing})' if missing else ''}, {facts['clips']} clips, features computed "
        f"{'by TensorFlow' if facts['features'] == 'tensorflow' else 'by librosa and noisereduce'}, at most "
        f"{max(item.facts['epochs'] for item in passes)} epochs, on {', '.join(devices)}.",
        "One repetition of a protocol with folds trains once per fold and tests every clip once; its scores are those "
        "of the pooled predictions. Mean ± standard deviation over n repetitions, which includes variation between "
        f"splits; intervals are {PERCENT} %, over what they say. A verdict compares the reported value with the "
        f"{PERCENT} % prediction interval of one more repetition under the report's own protocol: `reproduced` inside "
        "it, `lower` or `higher` where our results lie below or above, `not decided` where that interval is wider than "
        "half of the distance from chance level to the reported value.",
        as_table(tested_clips(frame)),
    ]
    sentences = summary_sentences(report, frame)
    if sentences:
        words = [*sentences, f"Chance level ({len(report.labels)} classes): {1 / len(report.labels):.3f}."]
        sections += ["## Summary", "\n".join(f"- {sentence}" for sentence in words)]
    for metric in SCORES:
        sections += [f"## {metric}", as_table(scores(frame, metric))]
    ran = {item.facts["experiment"] for item in passes}
    extensions = [(item.name, item.note) for item in report.experiments if item.extension and item.name in ran]
    if extensions:
        table = pd.DataFrame(extensions, columns=["experiment", "what differs"])
        sections += ["## Extensions: experiments that are not in the report", table.to_markdown(index=False)]
    sections += _design_choices(report, facts)
    by_test_speaker = reported.by_speaker(passes)
    if len(by_test_speaker):
        n = by_test_speaker["speaker"].nunique()
        few = f"{n} test speakers are too few for claims about people at large."
        sections += ["## Accuracy by test speaker, protocol speaker_independent", few if n < 6 else ""]
        sections.append(by_speaker(by_test_speaker).to_markdown(index=False, floatfmt=".3f"))
    more = further(frame)
    if len(more):
        sections += ["## Further scores", as_table(more)]
    by_split = reported.splits(passes)
    if len(by_split):
        sections += ["## Train, validation, test", as_table(splits(by_split))]
    votes = reported.votes(report)
    if votes is not None:
        sections += [
            "## Beside human listeners",
            f"Recall per class. The listeners' column counts {reported.listeners_matrix(report).sum()} single votes on "
            f"the {len(votes)} clips of {corpora.titles(report.corpora)}, audio only; the models' are "
            "means over the repetitions, on the clips named above.",
            reported.listeners(report, passes).to_markdown(index=False, floatfmt=".3f"),
        ]
    if isinstance(report.split, SpeakerSplit) and len(over := reported.over_clips(passes)):
        sections += [
            "## Interval over clips, protocol as_reported",
            f"{PERCENT} % interval (Wilson) of the mean accuracy, as if the test clips were independent; those of one "
            "speaker are not, so it is rather too narrow.",
            over.to_markdown(index=False, floatfmt=".3f"),
        ]
    answer = report.conclusion(frame, passes) if report.conclusion else ""
    if answer:
        sections += ["## Findings", answer]
    sections += [
        "## What train and test share",
        "Share of the test examples that have in what the model is fitted to: the same clip or an augmented version of "
        "it (`clip`), something made from identical samples (`content`), the same `speaker`, the same `sentence`.",
        shared(passes),
        "## Model info sheet",
        LEAKAGE,
        info_sheets(passes),
    ]
    data = frame[frame["experiment"] == "data"]
    if len(data):
        columns = ["metric", "reported", "mean", "verdict"]
        sections += ["## Data", data[columns].to_markdown(index=False, floatfmt=".0f")]
    others = frame[~frame["metric"].isin([*SCORES, *COUNTS]) & (frame["experiment"] != "data")]
    others = others[others["reported"].notna()]
    if len(others):
        columns = ["experiment", "metric", "reported", "mean", "n", "verdict"]
        others = others[columns].to_markdown(index=False, floatfmt=".10g")
        sections += ["## Other figures, protocol as_reported", others]
    by_class = classes(frame, report)
    if len(by_class.columns) > 1 and not reported.obstacle(report, facts):
        sections += [
            "## True and false positives, false negatives",
            "Reported / obtained (mean over the repetitions, protocol `as_reported`).",
            as_table(by_class),
        ]
    choices = [(item.what, item.choice, item.reason) for item in report.not_stated]
    sections += [
        "## What the report leaves open, and what we chose",
        pd.DataFrame(choices, columns=["open", "chosen", "because"]).to_markdown(index=False),
        "## Where its text, code and tables disagree",
        "\n".join(f"- {difference}" for difference in report.differences),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _design_choices(report, facts):
    """Of designs that clips of these corpora chose: that they did."""
    chosen = [
        f"`{item.name}`: its design was chosen on {', '.join(speakers) or 'all'} of the speakers of "
        f"{corpora.get(name).title.partition(' (')[0]}; nothing is tested on them, and scores on them are flattered."
        for item in report.experiments
        if not item.extension
        for name, speakers in item.selected_on.items()
        if name in facts["corpora"]
    ]
    return ["## Designs chosen on these clips", "\n".join(f"- {line}" for line in chosen)] if chosen else []


def results(frame):
    """All accuracies, one row per experiment of a report, one column per protocol. → DataFrame of text

    ``frame``: of :func:`keras_ser.output.tables.accuracies`.
    """
    order = [name for name in PROTOCOLS if name in set(frame["protocol"])]
    rows = []
    for (report, name), group in frame.groupby(["report", "experiment"], sort=False):
        lines = {line.protocol: line for line in group.itertuples()}
        own = lines.get("as_reported")
        stated = own is not None and own.verdict != NOT_STATED
        rows.append(
            {
                "report": report,
                "experiment": name,
                "reported": f"{own.reported:.3f}" if stated else "–",
                "verdict": own.verdict if stated else "–",
                **{
                    title_of(protocol): f"{describe(lines[protocol].mean, lines[protocol].std)} ({lines[protocol].n})"
                    if protocol in lines
                    else "–"
                    for protocol in order
                },
                "clips": int(group["clips"].max()),
            }
        )
    return pd.DataFrame(rows)


def comparison_sentences(frame, changes, bias):
    """What was found, of ``scores``, ``differences`` and ``selection_bias`` of :mod:`keras_ser.analysis.paired`.

    → list of sentences
    """
    sentences = []
    for name, group in frame.dropna(subset="accuracy").groupby("experiment", sort=False):
        steps = [
            f"{row.accuracy:.3f} {PROTOCOLS[row.protocol].new_in_test or 'as reported'}" for row in group.itertuples()
        ]
        if len(steps) > 1:
            sentences.append(f"`{name}`: accuracy {', '.join(steps)}.")
    if len(changes):
        for (first, second), group in changes.groupby(["first", "second"], sort=False):
            findings = []
            for finding, rows in group.groupby("finding", sort=False):
                under = ", ".join(f"{row.protocol} ({signed(row.difference)})" for row in rows.itertuples())
                findings.append(f"{finding} under {under}")
            sentences.append(f"`{first}` against `{second}`: {'; '.join(findings)}.")
    if len(bias):
        most = bias.loc[bias["added"].idxmax()]
        sentences.append(
            f"Selecting the epoch on the test set would have inflated accuracy by {bias['added'].mean():.3f} on "
            f"average, at most by {most['added']:.3f} (`{most['experiment']}`, {most['protocol']})."
        )
    return sentences


def order_sentence(frame):
    """Whether the order of the models changes from the report's split to unseen speakers. → sentence or "" """
    orders = paired.order_of_models(frame)
    first, last = orders.get("as_reported"), orders.get("speaker_independent")
    if not first or not last or len(first) < 2 or set(first) != set(last):
        return ""
    names = [" > ".join(f"`{name}`" for name in order) for order in (first, last)]
    if first == last:
        return f"The order of the models is the same as reported and on unseen speakers: {names[0]}."
    return f"The order of the models changes: as reported {names[0]}; on unseen speakers {names[1]}."


def comparison_scores(frame):
    """→ DataFrame of text, one row per experiment and protocol."""
    rows = []
    for row in frame.itertuples():
        known = pd.notna(row.low)
        rows.append(
            {
                "protocol": row.protocol,
                "experiment": row.experiment,
                "repetitions": f"{row.n}" + (f" ({row.diverged} diverged)" if row.diverged else ""),
                "fitted on": row.fitted_on,
                "clips tested": row.tested,
                "accuracy": describe(row.accuracy, row.accuracy_std),
                f"{PERCENT} % over repetitions": between(row.repetitions_low, row.repetitions_high),
                f"{PERCENT} % over speakers": between(row.low, row.high)
                if known
                else f"{paired.TOO_FEW} ({row.speakers})",
                "UAR": describe(row.uar, row.uar_std),
                "calibration error": describe(row.calibration_error),
                "Brier": describe(row.brier),
                "epochs": describe(row.epochs, digits=1),
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
                "A − B": f"{row.first} − {row.second}",
                "accuracy A": describe(row.accuracy_first),
                "accuracy B": describe(row.accuracy_second),
                "difference": signed(row.difference),
                "interval over speakers": between(row.low, row.high, sign="+").replace("-", "−"),
                "p": describe(row.p),
                "p corrected": describe(row.p_corrected),
                "clips": row.clips,
                "speakers": row.speakers,
                "finding": row.finding,
            }
        )
    return pd.DataFrame(rows)


def comparison(question, report, description, passes, frame, changes, by_class):
    """The answer of ``compare`` for people. → Markdown"""
    sections = [
        f"# {question}",
        f"{report.title}. {description[0].upper()}{description[1:]}.",
        "Accuracy and UAR: mean ± standard deviation over the repetitions. Intervals over speakers and tests are "
        "cluster-robust (clips of one speaker are alike). Calibration error: mean distance of accuracy from "
        "confidence.",
        as_table(comparison_scores(frame)),
    ]
    bias = paired.selection_bias(passes)
    sentences = comparison_sentences(frame, changes, bias)
    sentences += [sentence] if (sentence := order_sentence(frame)) else []
    if sentences:
        sections += ["## Summary", "\n".join(f"- {sentence}" for sentence in sentences)]
    if len(changes):
        primary = changes.loc[changes["primary"], "protocol"].iloc[0]
        sections += [
            "## Differences on the same clips",
            f"Tests are made under `{primary}` alone, corrected for all its rows together (Holm); the interval there "
            f"excludes 0 exactly where the corrected p is below {1 - statistics.CONFIDENCE:.2f}. Under the other "
            f"protocols differences are described with a plain {PERCENT} % interval.",
            as_table(differences(changes)),
        ]
    if len(by_class):
        sections += [
            "## Difference of the recall of each class",
            by_class.to_markdown(index=False, floatfmt="+.3f"),
        ]
    if len(bias):
        sections += [
            "## Bias from selecting the epoch on test data",
            "Test accuracy of the weights that were tested; of the epoch that is best on the test clips, which nobody "
            "may know; of the epoch with the least validation loss; of the last epoch: means over the trainings whose "
            "test clips were watched (`watched` of `trainings`).",
            bias.to_markdown(index=False, missingval="–", floatfmt=(*[""] * 2, *[".3f"] * 4, "+.3f", ".0f", ".0f")),
        ]
    sections += [
        "## What train and test share",
        "Share of the test examples that have in what the model is fitted to: the same `clip` or an augmented version "
        "of it, identical samples (`content`), the same `speaker`, the same `sentence`.",
        shared(passes),
        "## Model info sheet",
        LEAKAGE,
        info_sheets(passes),
    ]
    ours = {item.facts["experiment"] for item in passes if item.facts["ours"]}
    if ours:
        sections.append(f"Extensions, not in the report: {', '.join(sorted(ours))}.")
    return "\n\n".join(sections) + "\n"
