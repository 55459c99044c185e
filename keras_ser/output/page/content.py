"""What stands in the results page: stored tables, pictures and runs → what its template asks for.

A *place* is a folder of results: the root of them, one per substitute corpus below it, and that of synthetic speech.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup
from PIL import Image

from keras_ser import corpora, reports
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.output import figures, markdown, tables
from keras_ser.output.page import clips
from keras_ser.output.page.pictures import CAPTIONS, OVERVIEW, embedded, picture
from keras_ser.progress import bar
from keras_ser.runs import archive, passes
from keras_ser.training.metrics import SCORES

QUESTIONS = {"losses": "Losses", "models": "Models", "protocols": "Protocols"}  # of `keras-ser compare`
BENCHMARKS = {"benchmark": "Signals", "training": "Training", "serving": "Exported models"}
FIRST = ("Summary", "Findings", "accuracy", "uar")  # sections of a table.md that are shown before all others
# Sections that stand with the report itself, once, whatever its speech.
OF_THE_REPORT = ("What the report leaves open, and what we chose", "Where its text, code and tables disagree")
# In HTML, these are tables.
DRAWN_AS_TABLES = "confusion_"

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def gather(out, root, *, audio):
    """Everything that ``page.html`` asks for. See :func:`keras_ser.output.page.write`. → dict"""
    known = [reports.load(name) for name in reports.NAMES]
    shown = [of_report(report, out, root, audio) for report in bar(known, desc="page", unit="report")]
    return {
        "overview": overview(known, out),
        "reports": [report for report in shown if report["results"]],
        "benchmarks": [
            (name, title, document(out / "benchmark" / f"{name}.md"))
            for name, title in BENCHMARKS.items()
            if (out / "benchmark" / f"{name}.md").is_file()
        ],
        "protocols": PROTOCOLS,
        "corpora": list(corpora.CORPORA.values()),
    }


def places(out):
    """Folders of results under ``out``. → list of (folder, what its speech is: "", "substitute" or "synthetic")"""
    substitutes = sorted((out / "substitute").iterdir()) if (out / "substitute").is_dir() else []
    return [(out, ""), *((folder, "substitute") for folder in substitutes), (out / "synthetic", "synthetic")]


def overview(known, out):
    """All accuracies, those of synthetic speech only where there are no others. → dict ``table`` (DataFrame) and
    ``chart``
    """
    found = []
    for folder, kind in places(out):
        frame = tables.accuracies(known, folder)
        speech = f"{folder.name} as a substitute" if kind == "substitute" else kind
        if len(frame) and not (kind == "synthetic" and found):
            found.append(frame.assign(speech=speech))
    if not found:
        return {"table": pd.DataFrame(), "chart": None}
    shown = [markdown.results(frame).assign(speech=frame["speech"].iloc[0] or "its own") for frame in found]
    pixels = figures.overview(pd.concat(found, ignore_index=True))
    return {
        "table": pd.concat(shown, ignore_index=True).fillna("–"),
        "chart": {"caption": OVERVIEW, **embedded(Image.fromarray(pixels))},
    }


def of_report(report, out, root, audio):
    """One report, with its results in all places. → dict"""
    results = [
        result(report, folder, kind, out, root, audio)
        for folder, kind in places(out)
        if all((folder / report.name / name).is_file() for name in ("table.csv", "table.md"))
    ]
    return {
        "name": report.name,
        "title": report.title,
        "source": report.source,
        "corpora": corpora.titles(report.corpora),
        "labels": report.labels,
        "stated": stated(report, out / report.name / "table.csv"),
        "not_stated": report.not_stated,
        "differences": report.differences,
        "results": results,
    }


def stated(report, path):
    """Every number that the report prints, beside the one obtained where there is one. → DataFrame of text"""
    ours = {}
    if path.is_file():
        table = tables.read(path)
        table = table[table["protocol"] == "as_reported"]
        ours = {(row.experiment, row.metric, row.label): row for row in table.itertuples()}
    rows = []
    for figure in report.figures:
        row = ours.get((figure.experiment or "data", figure.metric, figure.label))
        count = figure.metric not in SCORES and not isinstance(figure.value, str) and float(figure.value).is_integer()
        rows.append(
            {
                "of": figure.experiment or "data",
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
    return markdown.describe(value, std, digits=1 if count else 3)


def result(report, place, kind, out, root, audio):
    """What one place tells of one report. → dict"""
    folder = place / report.name
    table = tables.read(folder / "table.csv")
    corpus, n_clips = table["corpus"].iloc[0], int(table["clips"].iloc[0])
    of_table = set(table["setup"]) - {""}  # what the table was made of, and nothing else
    runs = [run for run in archive.read_all(place / "runs", report.name) if run.facts["setup"] in of_table]
    found = [item for item in passes.whole(runs) if not item.diverged]
    listed = [item for item in found if not item.facts["ours"]] or found
    made = out / "cache" / "synthetic"  # where `reproduce` puts embedded corpora
    parts = document(folder / "table.md")
    figures = sorted((folder / "figures").glob("*.png"))
    order = [*CAPTIONS]
    figures.sort(key=lambda path: order.index(path.stem) if path.stem in order else len(order))
    anchor = f"{report.name}-{place.name}" if kind else report.name
    return {
        "id": anchor,
        "kind": kind,
        "corpus": corpus,
        "clips": n_clips,
        "lead": parts["lead"],
        "first": [(heading, parts["sections"][heading]) for heading in FIRST if heading in parts["sections"]],
        "further": [
            (heading, html)
            for heading, html in parts["sections"].items()
            if heading not in FIRST and heading not in OF_THE_REPORT
        ],
        "chart": [picture(path) for path in figures if path.stem == "protocols_accuracy"],
        "curves": [picture(path) for path in figures if path.stem.startswith("curves_")],
        "pictures": [
            picture(path)
            for path in figures
            if path.stem != "protocols_accuracy" and not path.stem.startswith(("curves_", DRAWN_AS_TABLES))
        ],
        "matrices": matrices(report, listed),
        "heard": clips.chosen(
            listed,
            names=(place.name,) if kind == "substitute" else report.corpora,
            root=made if kind == "synthetic" and made.is_dir() else root,
            audio=audio,
        ),
        "comparisons": [
            (f"{question}-{anchor}", title, document(path / "table.md"), _pictures(path))
            for question, title in QUESTIONS.items()
            for path in [place / "compare" / question / report.name]
            if (path / "table.md").is_file()
        ],
    }


def _pictures(folder):
    return [picture(path) for path in sorted(folder.glob("*.png"))]


def document(path):
    """A Markdown file as HTML. → dict ``title``, ``lead`` and ``sections`` (heading → what stands below it)"""
    title, _, text = Path(path).read_text(encoding="utf-8").partition("\n")
    lead, *sections = f"\n{text}".split("\n## ")
    pairs = [section.partition("\n")[::2] for section in sections]
    return {
        "title": title.removeprefix("# "),
        "lead": _html(lead),
        "sections": {heading: _html(body) for heading, body in pairs},
    }


def _html(text):
    """Markdown → HTML whose tables may be wider than the page: each in a box of its own that scrolls."""
    html = _MARKDOWN.render(text)
    html = html.replace("<table>", '<div class="scroll" tabindex="0" role="group" aria-label="table"><table>')
    return Markup(firm(html.replace("</table>", "</table></div>")))


def firm(text):
    """A mean and its spread stay in one line."""
    return text.replace(" ± ", "\u00a0±\u00a0")


def matrices(report, found):
    """Confusion matrices of all passes together. → list of (protocol, list of dict ``name, n, clips, rows``)

    A row is (class, list of (count, share of the true class)).
    """
    shown = []
    for protocol in PROTOCOLS:
        of_protocol = []
        for name in (item.name for item in report.experiments):
            group = [item for item in found if (item.facts["experiment"], item.facts["protocol"]) == (name, protocol)]
            if not group:
                continue
            counts = sum(np.array(item.metrics["confusion"]) for item in group)
            shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            rows = [
                (label, list(zip(line.tolist(), share.tolist(), strict=True)))
                for label, line, share in zip(report.labels, counts, shares, strict=True)
                if line.sum()
            ]
            of_protocol.append({"name": name, "n": len(group), "clips": int(counts.sum()), "rows": rows})
        if of_protocol:
            shown.append((protocol, of_protocol))
    return shown
