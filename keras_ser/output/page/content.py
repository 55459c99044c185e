"""What stands in the results page: stored tables, figures and runs → what its templates ask for."""

import datetime
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup

import keras_ser
from keras_ser import corpora, reports
from keras_ser.analysis import QUESTIONS, paired, statistics, summaries
from keras_ser.data.protocols import PROTOCOLS, ordered
from keras_ser.errors import UserError
from keras_ser.output import comparison, markdown, tables, words
from keras_ser.output.figures.style import percent, short
from keras_ser.output.page import chart, clips
from keras_ser.output.page.images import CAPTIONS, image
from keras_ser.progress import bar
from keras_ser.reports import extensions
from keras_ser.runs import archive, passes
from keras_ser.training.metrics import SCORES

FIRST = ("Summary", "Findings", markdown.HEADINGS["accuracy"], markdown.HEADINGS["uar"])  # sections shown unfolded
# Figures without a section of their own.
OTHERS = [name for name in CAPTIONS if name != "protocols_accuracy" and not name.startswith("curves_")]
BENCHMARKS = {  # table of `keras-ser benchmark` → what is measured; the columns of the work and of what it is beside
    "benchmark": ("features", "work", "reference", "{}"),
    "training": ("training step", "model", "listing", "{}"),
    "serving": ("prediction", "model", "call", "librosa, then model.predict: {}"),
}

_MARKDOWN = MarkdownIt("commonmark", {"html": False})


def gather(out, root, *, audio):
    """Everything that the templates ask for. See :func:`keras_ser.output.page.write`.

    → (dict of the first page, list of one dict per report)
    """
    ran = {name: _ran(reports.load(name), out) for name in (*reports.NAMES, *reports.RECIPES)}
    ran = {name: results for name, results in ran.items() if results[2] or name in reports.NAMES}
    kind = next((_kind(whole) for _, _, whole in ran.values() if whole), None)
    if kind is None:
        return None, []
    if kind:  # of other speech than the reports': what was not run on it is no gap
        ran = {name: results for name, results in ran.items() if results[2]}
    about = colophon()
    first = of_all([report for report, _, _ in ran.values()], out)
    with bar(ran.values(), desc="page", unit="report") as progress:  # which ends its line before an error is said
        pages = [of_report(*results, out, root, audio) for results in progress]
    return {**first, **about, "kind": kind}, [{**page, **about} for page in pages]


def _ran(report, out):
    """→ (the report as its runs have it, its table, the passes that this was made of), without runs (the
    report, None, [])

    Raises UserError where the table's runs are not stored.
    """
    folder = out / report.name
    if not (folder / tables.CSV).exists():
        return report, None, []
    table = tables.read(folder / tables.CSV)
    whole = passes.of_table(table, archive.read_all(out / "runs", report.name))
    if not whole:
        raise UserError(f"{folder}: no run of its table is stored; reproduce {report.name} again")
    return report.of_runs(whole[0].facts), table, whole


def _kind(whole):
    """What speech passes were made from, where it is not the report's own: "synthetic", "substitute" or "" """
    facts = whole[0].facts
    return "synthetic" if facts["synthetic"] else "substitute" if facts["substitute"] else ""


def others(out):
    """Folders of results of other speech than the reports' below ``out``."""
    return [*sorted((out / "substitute").glob("*")), *sorted((out / "own").glob("*")), out / "synthetic"]


def colophon():
    """What the page was made by, and when."""
    package = Path(keras_ser.__file__).parent
    command = ["git", "-C", str(package), "log", "-1", "--format=%h", "--", "."]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no Git, or no repository
        commit = ""
    return {"version": keras_ser.__version__, "commit": commit, "date": datetime.date.today().isoformat()}


def of_all(known, out):
    """The first page. → dict"""
    frame = tables.accuracies(known, out)
    frame = frame[frame["n"] > 0]
    return {
        "finding": finding(known, frame),
        "definitions": definitions(frame),
        "few_speakers": statistics.FEW_SPEAKERS,
        "chart": chart.layout([report for report in known if report.name not in reports.RECIPES], frame),
        "cards": [card(report, frame[frame["report"] == report.name], out) for report in known],
        "results": markdown.results(frame) if len(frame) else pd.DataFrame(),
        "speed": speed(out / "benchmark"),
        "recipes": any(report.name in reports.RECIPES for report in known),
        "links": {report.name: f"pages/{report.name}.html" for report in known},
        "corpora": [corpora.get(name) for name in dict.fromkeys(name for report in known for name in report.corpora)],
    }


def definitions(frame):
    """The protocols in the column ``protocol`` of ``frame``. → list of (name, title, definition)"""
    used = [PROTOCOLS[name] for name in ordered(frame["protocol"])]
    return [(protocol.name, protocol.title, protocol.definition) for protocol in used]


def speed(folder):
    """How many times as fast as what they replace features, training and prediction are. → DataFrame of text

    ``folder``: of the tables that ``benchmark`` wrote.
    """
    rows = []
    for name, (what, column, reference, phrase) in BENCHMARKS.items():
        if (folder / f"{name}.csv").is_file():
            frame = tables.read(folder / f"{name}.csv", [column, reference, "ratio", "ratio_min", "ratio_max"])
            rows += [
                {
                    "what": what,
                    "of": _model(row[column]),
                    "compared with": phrase.format(row[reference]),
                    "times as fast": f"{row['ratio']:.1f} ({words.between(row['ratio_min'], row['ratio_max'], 1)})",
                }
                for row in frame.to_dict("records")
            ]
    return pd.DataFrame(rows)


def _model(text):
    """ "tess_mfcc cnn_lstm" → "tess_mfcc: CNN-LSTM"; other work as it is"""
    report, _, experiment = text.partition(" ")
    return f"{report}: {words.in_words(experiment)}" if report in reports.NAMES else text


def finding(known, frame):
    """The accuracy of one experiment from its report to unseen speakers: of the first that was run under all three
    protocols and may be compared. → sentence, "" where there is none
    """
    for report in known:
        for name, lines in frame[frame["report"] == report.name].groupby("experiment", sort=False):
            rows = {line.protocol: line for line in lines.itertuples()}
            if not {"as_reported", "clip_disjoint", "speaker_independent"} <= set(rows):
                continue
            as_reported = rows["as_reported"]
            if pd.isna(as_reported.reported) or as_reported.verdict.startswith("not comparable"):
                continue
            obtained = {protocol: words.describe(line.mean, line.std) for protocol, line in rows.items()}
            corpus = short(corpora.titles(report.corpora))
            return (
                f"For the {words.in_words(name).partition(',')[0]} on {corpus} an accuracy of "
                f"{as_reported.reported:.3f} is reported; we obtain {obtained['as_reported']} with the report's own "
                f"split, {obtained['clip_disjoint']} with no augmented version of a test clip in the training set, and "
                f"{obtained['speaker_independent']} on unseen speakers, where chance level is "
                f"{1 / len(report.with_clips):.3f}."
            )
    return ""


def card(report, frame, out):
    """One report on the first page. ``frame``: accuracies of its experiments. → dict"""
    by_corpus = {}  # where the corpora know different classes: an accuracy on one is none on all
    for name in report.corpora if report.classes_by_corpus else ():
        rows = tables.accuracies([report], out, name)
        if len(rows):
            by_corpus[f", {short(corpora.get(name).title)}"] = rows
    return {
        "name": report.name,
        "title": report.title,
        "source": report.source,
        "corpus": short(corpora.titles(report.corpora)),
        "verdict": verdict(report, frame),
        "scores": [
            (f"{PROTOCOLS[protocol].title}{where}", words.span(rows.loc[rows["protocol"] == protocol, "mean"]))
            for protocol in ordered(frame["protocol"])
            for where, rows in (by_corpus or {"": frame}).items()
            if (rows["protocol"] == protocol).any()
        ],
    }


def verdict(report, frame):
    """What became of the accuracies that a report prints. → sentence"""
    if frame.empty:
        return f"Not run here yet: `keras-ser reproduce {report.name} --data DIR --seeds 3`"
    if report.name in reports.RECIPES:
        return "Our own: no paper prints a figure that it could be set beside."
    verdicts = frame.loc[(frame["protocol"] == "as_reported") & frame["reported"].notna(), "verdict"]
    if verdicts.empty:
        return "The report prints no accuracy; its experiments were run and tested."
    blocked = verdicts[verdicts.str.startswith("not comparable")]
    if len(blocked):
        return f"N{blocked.iloc[0][1:]}."
    meanings = {
        "reproduced": "reproduced",
        "higher": "lower than obtained",
        "lower": "higher than obtained",
        "not decided": "not decided by so few repetitions",
    }
    counted = [(n, meanings[word]) for word, n in verdicts.str.partition(" (")[0].value_counts().items()]
    missing = verdicts.str.extract(r"(without [^)]*)", expand=False).dropna().unique()  # of the report's clips
    caveat = f" ({'; '.join(missing)})" if len(missing) else ""
    if len(counted) == 1:
        ((n, meaning),) = counted
        what = "The reported accuracy is" if n == 1 else f"All {n} reported accuracies are"
        return f"{what} {meaning}{caveat}."
    parts = [f"{n} {'is' if n == 1 else 'are'} {meaning}" for n, meaning in counted]
    return f"Of {len(verdicts)} reported accuracies {', '.join(parts)}{caveat}."


def of_report(report, table, whole, out, root, audio):
    """The page of one report: of :func:`_ran`. → dict"""
    body = {"result": None, "sections": markdown.of_the_report(report)}
    if whole:
        result, sections = _result(report, table, whole, out, root, audio)
        body = {"result": result, "sections": sections}
    return {
        "name": report.name,
        "title": report.title,
        "source": report.source,
        "corpora": corpora.titles(report.corpora),
        "labels": report.labels,
        "chance": markdown.chance(report, whole),
        "stated": stated(report, table),
        **body,
    }


def stated(report, table):
    """Every number that the report prints, beside the one obtained where there is one. → DataFrame of text

    ``table``: of the report's results, None where there are none.
    """
    obtained = {}
    if table is not None:
        table = table[table["protocol"] == "as_reported"]
        obtained = {(row.experiment, row.metric, row.label): row for row in table.itertuples()}
    rows = []
    for figure in report.figures:
        row = obtained.get((figure.experiment or "data", figure.metric, figure.label))
        count = figure.metric not in SCORES and not isinstance(figure.value, str) and float(figure.value).is_integer()
        rows.append(
            {
                "experiment": figure.experiment or "data",
                "metric": f"{figure.metric} {figure.label}".strip(),
                "reported": _number(figure.value, count=count),
                "obtained": "–" if row is None else _number(row.mean, row.std, count=count),
                "verdict": "–" if row is None else row.verdict,
                "section": figure.where,
                "note": figure.note,
            }
        )
    return pd.DataFrame(rows)


def _number(value, std=None, *, count):
    """``count``: of clips or parameters, else a score."""
    if isinstance(value, str) or pd.isna(value):
        return value if isinstance(value, str) else "–"
    if count and float(value).is_integer() and (std is None or pd.isna(std) or std == 0):
        return f"{value:.0f}"
    return words.describe(value, std, digits=1 if count else 3)


def _result(report, table, whole, out, root, audio):
    """→ (dict of what was run and drawn, sections of its document)"""
    folder, page = out / report.name, out / "pages"
    finished = [item for item in whole if not item.diverged]
    listed = [item for item in finished if not item.facts["extension"]] or finished
    document = markdown.report_table(report, table, whole)
    facts = whole[0].facts
    made = out.parent / "cache" / "synthetic"  # where `reproduce` puts bundled synthetic speech
    hear = (made if facts["synthetic"] and made.is_dir() else root) if audio else None
    result = {
        "kind": _kind(whole),
        "corpus": facts["corpus"],
        "clips": facts["clips"],
        "lead": document.lead,
        "definitions": definitions(table),
        "first": [item for item in document.sections if item.heading in FIRST],
        "chart": _images(folder / "figures", page, ["protocols_accuracy"]),
        "curves": _images(folder / "figures", page, [f"curves_{name}" for name in PROTOCOLS]),
        "images": _images(folder / "figures", page, OTHERS),
        "matrices": matrices(report, listed),
        "predictions": clips.chosen(listed, hear),
        "comparisons": [
            (question, QUESTIONS[question].heading, *_comparison(report, question, whole, compared, out, page))
            for question, compared in _compared(report, out).items()
        ],
    }
    return result, [item for item in document.sections if item.heading not in FIRST]


def _images(folder, page, names):
    """Those figures of these names that are there. → list of dict"""
    return [image(folder / f"{name}.png", page) for name in names if (folder / f"{name}.png").is_file()]


def _compared(report, out):
    """What was compared. → dict question → set of (experiment, protocol)

    The steps between protocols stand in every other comparison too: alone they stand where there is no other of the
    same runs.
    """
    compared = {}
    for question in QUESTIONS:
        path = out / "compare" / question / report.name / "table.csv"
        if path.exists():
            columns = ["experiment", "protocol"]
            compared[question] = set(tables.read(path, columns)[columns].itertuples(index=False, name=None))
    if any(compared.get("protocols", set()) <= compared[other] for other in compared if other != "protocols"):
        compared.pop("protocols", None)
    return compared


def _comparison(report, question, whole, compared, out, page):
    """→ (its Document, list of images)"""
    folder = out / "compare" / question / report.name
    chosen = _passes_of(compared, whole, out)
    if not any(not item.diverged for item in chosen):
        raise UserError(f"{folder}: no run of its table is stored; compare {question} {report.name} again")
    names = list(dict.fromkeys(item.facts["experiment"] for item in chosen))
    _, pairs = extensions.compared(report, question, names)
    corpus = f"{chosen[0].facts['corpus']}, {chosen[0].facts['clips']} clips"
    found = paired.compare(chosen, pairs, report.labels)
    document = comparison.whole(QUESTIONS[question].heading, report, corpus, found)
    # What stands with the report's own tables is not said again.
    kept = tuple(item for item in document.sections if item.heading not in markdown.WITH_EVERY_RESULT)
    return replace(document, sections=kept), _images(folder, page, CAPTIONS)


def _passes_of(compared, whole, out):
    """The passes of a comparison: those of the report's table (``whole``), and of the same clips those of experiments
    that it does not list (an SVM, another loss). → list, in the order of an archive
    """

    def place(item):
        return item.facts["experiment"], item.facts["protocol"]

    facts = whole[0].facts
    beside = compared - set(map(place, whole))
    runs = [
        run
        for run in archive.read_all(out / "runs", facts["report"])
        if place(run) in beside and run.facts["decided_by"].get("manifest") == facts["decided_by"].get("manifest")
    ]
    chosen = [*(item for item in whole if place(item) in compared), *passes.whole(runs)]
    return sorted(chosen, key=lambda item: archive.key(item.runs[0]))


def matrices(report, finished):
    """Confusion matrices of all passes together, after those that the report prints of the same experiment. → list of
    (title of the protocol, list of dict ``name, title, uar, repetitions, rows``); a row is (class, its examples, list
    of (share of the true class, the same in words)). What is printed has no ``repetitions``.
    """
    confusions, printed = summaries.confusions(finished), summaries.printed(report, finished)
    shown = []
    for protocol in PROTOCOLS:
        beside = printed if protocol == "as_reported" else {}
        of_protocol = []
        for item in sorted(report.experiments, key=lambda item: item.name not in beside):  # pairs first, in rows of two
            obtained = confusions.get((item.name, protocol))
            if obtained and item.name in beside:
                of_protocol.append(_matrix(item.name, beside[item.name], report.labels))
            if obtained:
                of_protocol.append(_matrix(item.name, obtained, report.labels))
        if of_protocol:
            shown.append((PROTOCOLS[protocol].title, of_protocol))
    return shown


def _matrix(name, matrix, labels):
    return {
        "name": name,
        "title": words.in_words(name),
        "uar": f"{matrix.uar:.3f}",
        "repetitions": matrix.repetitions,
        "rows": [
            (label, int(counts.sum()), [(share, percent(share)) for share in shares])
            for label, counts, shares in zip(labels, matrix.counts, matrix.shares, strict=True)
            if counts.sum()
        ],
    }


def prose(text):
    """Markdown → HTML"""
    return Markup(firm(_MARKDOWN.render(text)))


def inline(text):
    """A cell or a sentence: Markdown → HTML without paragraphs."""
    return Markup(firm(_MARKDOWN.renderInline(str(text))))


def cell(value, column):
    """A cell of a table: experiments and protocols in words, an experiment's name beside them."""
    if column == "experiment" and value != "data":
        return Markup(f'{words.in_words(value)} <code class="name">{broken(value)}</code>')
    if column == "protocol" and value in PROTOCOLS:
        return words.title_of(value)
    return inline(value)


def broken(name):
    """A name that may be broken between its parts, in HTML."""
    return Markup(name.replace("/", "/<wbr>"))


def firm(text):
    """A mean and its spread stay in one line, and a number and its unit."""
    return text.replace(" ± ", "\u00a0±\u00a0").replace("n = ", "n\u00a0=\u00a0").replace(" %", "\u00a0%")


def slug(heading):
    """A heading as the name of its place in the page."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")
