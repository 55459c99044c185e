"""The first page's chart: accuracy of every experiment that the reports list, reported and under each protocol.

Computes where the marks lie; ``chart.html`` draws them as SVG in the colours of the page.
"""

import pandas as pd

from keras_ser.output import words

LEFT, WIDTH = 4.0, 92.0  # per cent of the chart: where accuracy 0 lies, and how far it is to 1
HEADING, ROW, AXIS = 34, 46, 22  # pixels
BESIDE = {  # protocol → pixels below the middle of the strip, so that no mark hides another
    "as_reported": -8,
    "clip_disjoint": -3,
    "sentence_independent": 3,
    "speaker_independent": 8,
    "corpus_independent": 8,
    "speaker_sentence_independent": 8,
}


def place(accuracy):
    """→ x as SVG takes it"""
    return f"{LEFT + WIDTH * min(max(float(accuracy), 0), 1):.2f}%"


def layout(known, frame):
    """``frame``: of :func:`keras_ser.output.tables.accuracies`. → dict ``height, ticks, groups``

    A group is a report: ``title, y, chance, rows``; a row: ``label, y, middle, reported, marks``; a mark:
    ``protocol, x, low, high, y, title`` (``low`` is "" where there is no interval).
    """
    groups, y = [], AXIS
    for report in known:
        of_report = frame[(frame["report"] == report.name) & (frame["n"] > 0)]
        if of_report.empty:
            continue
        group = {
            "title": report.title.partition(":")[0],
            "y": y + 20,
            "chance": place(1 / len(report.labels)),
            "rows": [],
        }
        y += HEADING
        for name, lines in of_report.groupby("experiment", sort=False):
            group["rows"].append(_row(name, lines, y))
            y += ROW
        groups.append(group)
    ticks = [(place(tenth / 5), f"{tenth / 5:.1f}") for tenth in range(6)]
    return {"height": y + AXIS, "ticks": ticks, "groups": groups}


def _row(name, lines, y):
    middle = y + 31
    compared = lines[lines["reported"].notna() & ~lines["verdict"].str.startswith("not comparable")]
    marks = [
        {
            "protocol": line.protocol,
            "x": place(line.mean),
            "low": place(line.ci_low) if pd.notna(line.ci_low) else "",
            "high": place(line.ci_high) if pd.notna(line.ci_low) else "",
            "y": middle + BESIDE[line.protocol],
            "title": f"{words.describe(line.mean, line.std)} {words.title_of(line.protocol)}",
        }
        for line in lines.itertuples()
    ]
    reported = [(place(value), f"{value:.3f} reported") for value in compared["reported"]]
    return {"label": words.in_words(name), "y": y + 14, "middle": middle, "reported": reported, "marks": marks}
