"""The first page's chart: accuracy of every experiment that the reports list, reported and under each protocol.

Computes where the marks lie; ``chart.html`` draws them as SVG in the colours of the page.
"""

import pandas as pd

from keras_ser.data.protocols import ordered
from keras_ser.output import words

LEFT, WIDTH = 4.0, 92.0  # per cent of the chart: where accuracy 0 lies, and how far it is to 1
HEADING, LABEL, STEP, AXIS = 34, 26, 7, 22  # pixels; STEP: from one protocol's marks down to the next one's
REACH = 8  # of a mark, above and below its middle


def place(accuracy):
    """→ x as SVG takes it"""
    return f"{LEFT + WIDTH * min(max(float(accuracy), 0), 1):.2f}%"


def layout(known, frame):
    """``known``: reports; ``frame``: of :func:`keras_ser.output.tables.accuracies`. → dict ``height, ticks, groups,
    intervals`` (whether there are any)

    A group is a report: ``title, y, chance, rows``; a row: ``label, y, top, bottom, reported, marks``; a mark:
    ``protocol, x, low, high, y, title`` (``low`` is "" where there is no interval). Each protocol of a report has a
    line of its own in every row, so that no mark hides another.
    """
    groups, y = [], AXIS
    for report in known:
        of_report = frame[(frame["report"] == report.name) & (frame["n"] > 0)]
        if of_report.empty:
            continue
        group = {
            "title": report.title.partition(":")[0],
            "y": y + 20,
            "chance": place(1 / len(report.with_clips)),
            "rows": [],
        }
        y += HEADING
        used = ordered(of_report["protocol"])
        for name, lines in of_report.groupby("experiment", sort=False):
            group["rows"].append(_row(name, lines, y, used))
            y = group["rows"][-1]["bottom"]
        groups.append(group)
    ticks = [(place(tenth / 5), f"{tenth / 5:.1f}") for tenth in range(6)]
    intervals = any(mark["low"] for group in groups for row in group["rows"] for mark in row["marks"])
    return {"height": y + AXIS, "ticks": ticks, "groups": groups, "intervals": intervals}


def _row(name, lines, y, used):
    first = y + LABEL
    compared = lines[lines["reported"].notna() & ~lines["verdict"].str.startswith("not comparable")]
    marks = [
        {
            "protocol": line.protocol,
            "x": place(line.mean),
            "low": place(line.ci_low) if pd.notna(line.ci_low) else "",
            "high": place(line.ci_high) if pd.notna(line.ci_low) else "",
            "y": first + STEP * used.index(line.protocol),
            "title": f"{words.describe(line.mean, line.std)} {words.title_of(line.protocol)}",
        }
        for line in lines.itertuples()
    ]
    return {
        "label": words.in_words(name),
        "y": y + 14,
        "top": first - REACH,
        "bottom": first + STEP * (len(used) - 1) + REACH,
        "reported": [(place(value), f"{value:.3f} reported") for value in compared["reported"]],
        "marks": marks,
    }
