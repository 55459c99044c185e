"""Tables from stored runs: each reported figure beside ours, under each protocol. Never trains.

A table has the columns of ``COLUMNS``. ``mean`` and ``std`` (n - 1 in the denominator) are over the ``n`` seeds whose
training did not diverge (of the most confusing class: the commonest label); ``diverged`` counts the others. ``ci_low``
and ``ci_high`` are the 95 % confidence interval of the mean (Student's t). The verdict asks whether the reported value
lies in the 95 % *prediction* interval of one more seed, which is wider: mean ± t · std · √(1 + 1/n).
"""

import statistics
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from keras_ser import corpora
from keras_ser.analysis.statistics import FEW_SPEAKERS
from keras_ser.data.protocols import PROTOCOLS, SIDES, SpeakerSplit
from keras_ser.errors import UserError
from keras_ser.training.metrics import SCORES

COLUMNS = (
    "report",
    "experiment",
    "protocol",
    "metric",
    "reported",
    "mean",
    "std",
    "n",
    "ci_low",
    "ci_high",
    "verdict",
    "corpus",
    "clips",
    "diverged",
)
CONFIDENCE = 0.95
NOT_STATED = "not stated"
NEW_IN_TEST = {  # what a protocol's test clips have that train has not
    "clip_disjoint": "with no copy of a test clip in train",
    "sentence_independent": "on new sentences",
    "speaker_independent": "on new speakers",
    "speaker_sentence_independent": "on new speakers and new sentences",
}
WHOLE = 0.99  # share of a corpus's clips that counts as all of it: published copies lack some, one clip is silent


def intervals(values):
    """Confidence interval of the mean and prediction interval of one more value, by Student's t.

    → ((low, high), (low, high)); None for both with fewer than two values.
    """
    n = len(values)
    if n < 2:
        return None, None
    mean, std = np.mean(values), np.std(values, ddof=1)
    t = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)
    of_mean, of_next = t * std / np.sqrt(n), t * std * np.sqrt(1 + 1 / n)
    return (mean - of_mean, mean + of_mean), (mean - of_next, mean + of_next)


def obstacle(report, facts):
    """Why no score of a run can be set beside the report's: it heard other clips. "" where it can."""
    if facts["synthetic"]:
        return "synthetic speech"
    if is_stand_in(report, facts["corpus"]):
        return "stand-in corpus"
    whole = sum(_whole(report, corpora.get(name)) for name in report.corpora)
    return "" if facts["clips"] >= WHOLE * whole else f"{facts['clips']} of {whole} clips"


def is_stand_in(report, title):
    """Whether speech called ``title`` is of other corpora than the report's, all of them or some."""
    names = report.corpora
    found = [part for size in range(1, len(names) + 1) for part in combinations(names, size)]
    return title not in {corpora.titles(part, [name for name in names if name not in part]) for part in found}


def _whole(report, corpus):
    """How many clips a report uses of the whole ``corpus``."""
    if report.classes:
        return corpus.n_clips
    clips = sum(clips for emotion, clips in corpus.counts.items() if emotion in report.labels)
    return clips * (len(report.speakers) or corpus.n_speakers) // corpus.n_speakers


def verdict(reported, values, *, rounding=0.0, obstacle="", diverged=0):
    """What our values say about a reported one (printed to within ``rounding``), in words. ``obstacle``: why they
    cannot say anything.
    """
    if reported is None:
        return NOT_STATED
    if obstacle:
        return f"not comparable ({obstacle})"
    if not len(values):
        return "not comparable (every run diverged)" if diverged else "not comparable (no run)"
    if isinstance(reported, str):
        return "reproduced" if reported in values else "differs"
    _, prediction = intervals(values)
    if prediction is None:
        return "not comparable (one seed has no spread)"
    low, high = prediction
    if low - rounding <= reported <= high + rounding:
        return "reproduced"
    return "higher" if np.mean(values) > reported else "lower"


def value(run, metric):
    """One figure of a run that did not diverge: a score, parameters, most_confusing_class, tp_, fp_ or fn_<label>."""
    if metric == "parameters":
        return run.facts["parameters"]
    for known in (run.metrics, run.metrics.get("further", {})):
        if metric in known:
            return known[metric]
    count, _, label = metric.partition("_")
    return next(row[count] for row in run.metrics["classes"] if row["label"] == label)


def table(report, runs):
    """Reported against obtained. ``runs``: stored runs of one setup. → DataFrame of COLUMNS.

    For each experiment and protocol: the scores, reported or not; counts a class only under ``as_reported``, whose
    number of test clips is the report's. The rows of experiment "data" compare the sizes of the sides.
    """
    rows = [*_data_rows(report, runs)]
    for experiment in report.experiments:
        reported = {figure.metric: figure for figure in report.figures if figure.experiment == experiment.name}
        for protocol in PROTOCOLS:
            group = [
                run for run in runs if (run.facts["experiment"], run.facts["protocol"]) == (experiment.name, protocol)
            ]
            if not group:
                continue
            finished = [run for run in group if not run.diverged]
            diverged = len(group) - len(finished)
            further = {name: None for run in finished for name in run.metrics.get("further", {})}
            for metric in (*SCORES, *further, *(name for name in reported if name not in SCORES)):
                figure = reported.get(metric)
                if figure and not figure.comparable and protocol != "as_reported":
                    continue
                # A test side without clips of a corpus has no score on them.
                scored = [run for run in finished if metric not in further or metric in run.metrics["further"]]
                values = [value(run, metric) for run in scored]
                rows.append(_row(report, group[0].facts, experiment.name, protocol, metric, figure, values, diverged))
    return pd.DataFrame(rows, columns=COLUMNS)


def _data_rows(report, runs):
    """Clips, examples and sides under ``as_reported``, against the report's."""
    runs = [run for run in runs if run.facts["protocol"] == "as_reported"]
    for figure in report.figures:
        if figure.experiment == "" and runs:
            values = {_size(report, run.facts, figure.metric) for run in runs}
            yield {
                **_row(report, runs[0].facts, "data", "as_reported", figure.metric, figure, sorted(values), 0),
                "n": len({run.facts["seed"] for run in runs}),
                "verdict": _size_verdict(figure.value, values, obstacle(report, runs[0].facts)),
            }


def _size(report, facts, metric):
    by_corpus = {**dict.fromkeys(report.corpora, 0), **facts.get("clips_by_corpus", {})}
    sizes = {"clips": facts["clips"], "examples": sum(facts["examples"].values()), **facts["examples"]}
    return {**sizes, **by_corpus}[metric]


def _size_verdict(reported, values, obstacle=""):
    if obstacle:
        return verdict(reported, [], obstacle=obstacle)
    (value,) = values
    return "reproduced" if value == reported else "higher" if value > reported else "lower"


def _row(report, facts, experiment, protocol, metric, figure, values, diverged):
    if metric == "most_confusing_class":
        mean, std, of_mean = (statistics.mode(values) if values else None), None, None
    else:
        mean = np.mean(values) if values else None
        std = np.std(values, ddof=1) if len(values) > 1 else None
        of_mean, _ = intervals(values)
    low, high = of_mean or (None, None)
    reported, rounding = (figure.value, figure.rounding) if figure else (None, 0.0)
    if metric == "parameters" and values:
        said = _size_verdict(reported, set(values))
    else:
        said = verdict(reported, values, rounding=rounding, obstacle=obstacle(report, facts), diverged=diverged)
    return {
        "report": report.name,
        "experiment": experiment,
        "protocol": protocol,
        "metric": metric,
        "reported": reported,
        "mean": mean,
        "std": std,
        "n": len(values),
        "ci_low": low,
        "ci_high": high,
        "verdict": said,
        "corpus": facts["corpus"],
        "clips": facts["clips"],
        "diverged": diverged,
    }


def shared(runs):
    """What train and test share under each protocol: share of the test examples, mean over the runs. → DataFrame."""
    facts = pd.DataFrame([{"protocol": run.facts["protocol"], **run.facts["shared"]} for run in runs])
    properties = [name for name in facts.columns if name not in ("protocol", "test")]
    facts[properties] = facts[properties].div(facts["test"], axis=0)
    order = [protocol for protocol in PROTOCOLS if protocol in set(facts["protocol"])]
    return facts.groupby("protocol").mean().loc[order].reset_index()


def over_clips(frame, runs):
    """Accuracy under ``as_reported`` with its interval over the test clips, best first. → DataFrame"""
    rows = []
    for line in frame[(frame["metric"] == "accuracy") & (frame["protocol"] == "as_reported")].itertuples():
        clips = next(
            run.metrics["test"]
            for run in runs
            if not run.diverged and (run.facts["experiment"], run.facts["protocol"]) == (line.experiment, line.protocol)
        )
        interval = stats.binomtest(round(line.mean * clips), clips).proportion_ci(CONFIDENCE, method="wilson")
        rows.append((line.experiment, line.mean, interval.low, interval.high, clips))
    table = pd.DataFrame(rows, columns=["experiment", "accuracy", "low", "high", "test clips"])
    return table.sort_values("accuracy", ascending=False)


def by_test_speakers(runs, metric="accuracy"):
    """A score under ``speaker_independent``, mean over the runs. → DataFrame, one row an experiment, one column a group
    of test speakers
    """
    rows = [
        {
            "test speakers": ", ".join(run.facts["test_speakers"]),
            "experiment": run.facts["experiment"],
            metric: run.metrics[metric],
        }
        for run in runs
        if run.facts["protocol"] == "speaker_independent" and not run.diverged
    ]
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame(rows).pivot_table(index="experiment", columns="test speakers", values=metric, sort=False)
    return table.sort_index(axis="columns").rename_axis(columns=None).reset_index()


def too_few_speakers(runs):
    """A sentence on what so few test speakers allow to say, "" where there are enough of them."""
    tested = {name for run in runs if "speaker" in run.facts["protocol"] for name in run.facts["test_speakers"]}
    if not tested or len(tested) >= FEW_SPEAKERS:
        return ""
    said = "1 speaker was" if len(tested) == 1 else f"{len(tested)} speakers were"
    return f"{said} tested in all: too few to claim anything about people at large."


def sides(runs, metrics=("accuracy", "weighted_f1")):
    """Scores on train, validation and test of the runs that have them. → DataFrame ``experiment, protocol, seed, side,
    metric, value``
    """
    rows = [
        {
            **{name: run.facts[name] for name in ("experiment", "protocol", "seed")},
            "side": side,
            "metric": metric,
            "value": (run.metrics if side == "test" else run.metrics[side])[metric],
        }
        for run in runs
        # An SVM has learnt its validation, and so has a network that was fitted again.
        if not run.diverged and "train" in run.metrics and run.facts["epochs_run"] and "refit" not in run.facts
        for side in SIDES
        for metric in metrics
    ]
    return pd.DataFrame(rows, columns=["experiment", "protocol", "seed", "side", "metric", "value"])


def sides_for_people(frame):
    """One row an experiment and protocol: mean ± std of accuracy and weighted F1 on each side."""
    rows = []
    for (experiment, protocol), group in frame.groupby(["experiment", "protocol"], sort=False):
        row = {"experiment": experiment, "protocol": protocol, "seeds": group["seed"].nunique()}
        for (metric, side), values in group.groupby(["metric", "side"], sort=False)["value"]:
            row[f"{metric}, {side}"] = describe(values.mean(), values.std())
        rows.append(row)
    return pd.DataFrame(rows)


def listeners_matrix(report):
    """Votes of the corpus's listeners by intended (rows) and heard (columns) emotion. → int [labels, labels]"""
    votes = report.listeners()
    return votes.groupby("emotion")[list(report.labels)].sum().loc[list(report.labels)].to_numpy()


def listeners_for_people(report, runs):
    """Recall a class: of the corpus's listeners, and of ours (mean over the seeds). → DataFrame, one row a class"""
    matrix = listeners_matrix(report)
    heard = np.diag(matrix) / matrix.sum(axis=1)
    columns = {"listeners": [*heard, np.diag(matrix).sum() / matrix.sum()]}
    groups = {}
    for run in runs:
        if not run.diverged:
            groups.setdefault((run.facts["experiment"], run.facts["protocol"]), []).append(run)
    for (experiment, protocol), group in groups.items():
        recalls = [[row["recall"] for row in run.metrics["classes"]] for run in group]
        means = pd.DataFrame(recalls, dtype=float).mean().to_list()
        columns[f"{experiment} {protocol}"] = [*means, np.mean([run.metrics["accuracy"] for run in group])]
    return pd.DataFrame(columns, index=pd.Index([*report.labels, "all clips"], name="class")).reset_index()


def describe(value, std=None, digits=3):
    """A mean with its spread for people: 0.907 ± 0.011."""
    if value is None or pd.isna(value):
        return "–"
    spread = "" if std is None or pd.isna(std) else f" ± {std:.{digits}f}"
    return f"{value:.{digits}f}{spread}"


def scores_for_people(frame, metric):
    """One row an experiment: reported, then ours under each protocol with the verdict on the reported figure."""
    frame = frame[(frame["metric"] == metric) & (frame["experiment"] != "data")]
    rows = []
    for experiment, group in frame.groupby("experiment", sort=False):
        reported = group["reported"].dropna()
        row = {"experiment": experiment, "reported": f"{reported.iloc[0]:.4f}" if len(reported) else "–"}
        for line in group.itertuples():
            lost = f", {line.diverged} diverged" if line.diverged else ""
            said = "" if line.verdict == NOT_STATED else f" {line.verdict}"
            row[line.protocol] = f"{describe(line.mean, line.std)} (n = {line.n}{lost}){said}"
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def in_words(report, frame):
    """A sentence or two an experiment of the report: its accuracy beside ours, under each protocol. → list of str"""
    said = []
    listed = [item.name for item in report.experiments if not item.ours]
    frame = frame[(frame["metric"] == "accuracy") & frame["experiment"].isin(listed) & (frame["n"] > 0)]
    for name, group in frame.groupby("experiment", sort=False):
        rows = {line.protocol: line for line in group.itertuples()}
        own = rows.pop("as_reported", None)
        sentences = [f"`{name}`:"]
        if own is not None:
            ours = f"{describe(own.mean, own.std)} over {own.n} seed{'s' * (own.n > 1)}"
            reported = "" if pd.isna(own.reported) else f"{float(own.reported):.3f}"
            sentences.append(
                {
                    NOT_STATED: f"{ours} under the report's own protocol.",
                    "reproduced": f"the report's {reported} is reproduced, ours is {ours}.",
                    "higher": f"ours is higher than the report's {reported}: {ours}.",
                    "lower": f"ours is lower than the report's {reported}: {ours}.",
                }.get(own.verdict, f"{ours}, {own.verdict} with the report's {reported}.")
            )
        left = [f"{describe(line.mean, line.std)} {NEW_IN_TEST[protocol]}" for protocol, line in rows.items()]
        if left:
            sentences.append(f"{'' if own is None else 'Tested otherwise: '}{', '.join(left)}.")
        said.append(" ".join(sentences))
    return said


def further_for_people(frame):
    """Scores of one report alone, one row an experiment and protocol. → DataFrame, empty where there are none."""
    named = frame["metric"].isin(SCORES) | frame["metric"].str.startswith(("tp_", "fp_", "fn_"))
    frame = frame[~named & frame["reported"].isna() & (frame["experiment"] != "data")]
    rows = [
        {
            "experiment": experiment,
            "protocol": protocol,
            **{line.metric: describe(line.mean, line.std) for line in group.itertuples()},
        }
        for (experiment, protocol), group in frame.groupby(["experiment", "protocol"], sort=False)
    ]
    return pd.DataFrame(rows).fillna("–")


def classes_for_people(frame, report):
    """True and false positives and false negatives a class, reported and ours. → DataFrame, one row a class."""
    columns = {}
    frame = frame[frame["metric"].str.startswith(("tp_", "fp_", "fn_"))]
    for experiment, group in frame.groupby("experiment", sort=False):
        group = group.set_index("metric")
        for count in ("tp", "fp", "fn"):
            columns[f"{experiment} {count.upper()}"] = [
                f"{group.at[f'{count}_{label}', 'reported']:.0f} / "
                + describe(group.at[f"{count}_{label}", "mean"], digits=1)
                for label in report.labels
            ]
    return pd.DataFrame(columns, index=pd.Index(report.labels, name="class")).reset_index()


def markdown(report, frame, runs):
    """The table for people, as Markdown."""
    facts = runs[0].facts
    seeds = sorted({run.facts["seed"] for run in runs})
    luck = (
        "Under `as_reported` the test speakers are those of the report with every seed; under other protocols the test "
        "side differs from seed to seed, and the spread holds the luck of the split too."
        if isinstance(report.split, SpeakerSplit)
        else "Every test side differs from seed to seed, so the spread holds the luck of the split too."
    )
    parts = [
        f"# {report.title}",
        f"{report.source}.",
        f"Ours: {facts['corpus']}, {facts['clips']} clips, seeds {', '.join(map(str, seeds))}, features computed "
        f"{'in the graph' if facts['features'] == 'in_graph' else 'by librosa and noisereduce'}, at most "
        f"{max(run.facts['epochs'] for run in runs)} epochs, on {facts['device']}.",
        "Mean ± standard deviation over the seeds. A verdict compares the reported figure with the 95 % prediction "
        f"interval of our seeds: `reproduced` inside it, `lower` or `higher` where ours lie below or above. {luck}",
    ]
    said = in_words(report, frame)
    if said:
        words = [*said, f"Guessing among its {len(report.labels)} classes gives {1 / len(report.labels):.3f}."]
        parts += ["## In words", "\n".join(f"- {sentence}" for sentence in words)]
    for metric in SCORES:
        parts += [f"## {metric}", scores_for_people(frame, metric).to_markdown(index=False)]
    ran = {run.facts["experiment"] for run in runs}
    ours = [(item.name, item.note) for item in report.experiments if item.ours and item.name in ran]
    if ours:
        ours = pd.DataFrame(ours, columns=["experiment", "what differs"])
        parts += ["## Experiments that are ours", ours.to_markdown(index=False)]
    by_speaker = by_test_speakers(runs)
    if len(by_speaker):
        parts += ["## Accuracy by test speakers, protocol speaker_independent", too_few_speakers(runs)]
        parts.append(by_speaker.to_markdown(index=False, floatfmt=".3f"))
    further = further_for_people(frame)
    if len(further):
        parts += ["## Further scores", further.to_markdown(index=False)]
    by_side = sides(runs)
    if len(by_side):
        parts += ["## Train, validation, test", sides_for_people(by_side).to_markdown(index=False)]
    if report.listeners:
        parts += [
            "## Beside human listeners",
            f"Recall a class. The listeners' column counts {listeners_matrix(report).sum()} single votes on the "
            f"{len(report.listeners())} clips of {corpora.titles(report.corpora)}, sound alone; ours are means over "
            "the seeds, on the clips named above.",
            listeners_for_people(report, runs).to_markdown(index=False, floatfmt=".3f"),
        ]
    by_clips = over_clips(frame, runs) if isinstance(report.split, SpeakerSplit) else ()
    if len(by_clips):
        parts += [
            "## Interval over clips, protocol as_reported",
            "95 % interval (Wilson) of the mean accuracy, as if the test clips were independent; those of one speaker "
            "are not, so it is rather too narrow.",
            by_clips.to_markdown(index=False, floatfmt=".3f"),
        ]
    answer = report.conclusion(frame, runs) if report.conclusion else ""
    if answer:
        parts += ["## What it answers", answer]
    parts += [
        "## What train and test share",
        "Share of the test examples that have in train: the same clip or a copy of it (`clip`), something made from "
        "identical samples (`content`), the same `speaker`, the same `sentence`.",
        shared(runs).to_markdown(index=False, floatfmt=("", ".0f", *[".3f"] * 4)),
    ]
    data = frame[frame["experiment"] == "data"]
    if len(data):
        parts += [
            "## Data",
            data[["metric", "reported", "mean", "verdict"]].to_markdown(index=False, floatfmt=".0f"),
        ]
    others = frame[~frame["metric"].isin(SCORES) & (frame["experiment"] != "data")]
    others = others[~others["metric"].str.startswith(("tp_", "fp_", "fn_")) & others["reported"].notna()]
    if len(others):
        columns = ["experiment", "metric", "reported", "mean", "n", "verdict"]
        parts += ["## Other figures, protocol as_reported", others[columns].to_markdown(index=False, floatfmt=".10g")]
    classes = classes_for_people(frame, report)
    if len(classes.columns) > 1 and not obstacle(report, facts):
        parts += [
            "## True and false positives, false negatives",
            "As reported / ours (mean over the seeds, protocol `as_reported`).",
            classes.to_markdown(index=False),
        ]
    parts += [
        "## What the report leaves open, and what we chose",
        pd.DataFrame(
            [(item.what, item.choice, item.reason) for item in report.not_stated],
            columns=["open", "chosen", "because"],
        ).to_markdown(index=False),
        "## Where its text, code and tables disagree",
        "\n".join(f"- {difference}" for difference in report.differences),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def accuracies(reports, out):
    """Rows of the accuracy of every experiment that a report lists, of all ``reports`` whose table is under the folder
    ``out``. → DataFrame with the columns of a table
    """
    parts = []
    for report in reports:
        path = out / report.name / "table.csv"
        if path.is_file():
            frame = read(path)
            listed = [item.name for item in report.experiments if not item.ours]
            parts.append(frame[(frame["metric"] == "accuracy") & frame["experiment"].isin(listed)])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def summary(frame):
    """``frame``: of :func:`accuracies`. → DataFrame of text, one row an experiment of a report

    Of each, under its own protocol and with new speakers; between them, where train and test share no clip or word.
    """
    between = ("clip_disjoint", "sentence_independent")
    rows = []
    for (report, name), group in frame.groupby(["report", "experiment"], sort=False):
        of = group.set_index("protocol")
        score = {protocol: describe(of.at[protocol, "mean"], of.at[protocol, "std"]) for protocol in of.index}
        reported = group["reported"].dropna()
        rows.append(
            {
                "report": report,
                "experiment": name,
                "reported": f"{float(reported.iloc[0]):.3f}" if len(reported) else "–",
                "as reported": score.get("as_reported", "–"),
                "verdict": of["verdict"].get("as_reported", "–").replace(NOT_STATED, "–"),
                "new clips or sentences": next((score[protocol] for protocol in between if protocol in score), "–"),
                "new speakers": score.get("speaker_independent", "–"),
                "seeds": int(group["n"].max()),
                "clips": int(group["clips"].max()),
            }
        )
    return pd.DataFrame(rows)


def read(path):
    """A table that :func:`write` wrote. → DataFrame; numbers are numbers beside a figure that is a label.

    Raises: UserError where it is damaged.
    """
    try:
        frame = pd.read_csv(path)
        if missing := set(COLUMNS) - set(frame):
            raise ValueError(f"no column {', '.join(sorted(missing))}")
    except ValueError as error:
        raise UserError(f"{path}: the table cannot be read ({error}); delete it and reproduce again") from error
    for column in ("reported", "mean"):
        numbers = pd.to_numeric(frame[column], errors="coerce")
        frame[column] = numbers.astype(object).where(numbers.notna(), frame[column])
    return frame


def write(frame, text, folder):
    """``table.csv`` and ``table.md`` into ``folder``, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("table.csv", frame.to_csv(index=False, float_format="%.6g")), ("table.md", text)):
        part = folder / f".{name}.part"
        part.write_text(content)
        part.replace(folder / name)
