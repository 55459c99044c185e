"""Figures of what the models do: curves, confusion, accuracy by protocol, differences. Numbers in, a PNG file out.

The numbers are those of :mod:`keras_ser.analysis`. ``chance``: the accuracy of answers by chance, drawn as a line.
"""

import numpy as np
import pandas as pd
import seaborn
from matplotlib import colormaps
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from keras_ser.analysis import reported
from keras_ser.analysis.statistics import CONFIDENCE, FEW_SPEAKERS
from keras_ser.analysis.summaries import Confusion
from keras_ser.data.protocols import PROTOCOLS, SPLITS, ordered
from keras_ser.output.figures import style
from keras_ser.output.words import METRICS, repetitions

COUNT_NAMES = {"tp": "true positives", "fp": "false positives", "fn": "false negatives"}
DWARFED = 5  # a loss that begins this many times above its median is drawn on a logarithmic axis
TRAIN, VALIDATION = style.PALETTE[0], style.PALETTE[1]
REPORTED = {"linestyle": "", "marker": "_", "markersize": 15, "markeredgewidth": 2}


@style.styled
def curves(trainings, subject, chance, title, path):
    """Loss and accuracy by epoch, train and validation, where there is one; one thin line per training, a dot on the
    epoch that was tested.

    ``trainings``: of :func:`keras_ser.analysis.summaries.curves`.
    """
    columns = min(4, len(trainings))
    bands = -(-len(trainings) // columns)
    size = (max(7, 3.6 * columns), 5.6 * bands + 0.6)
    figure, grid = style.subplots(2 * bands, columns, size=size)
    validated = dotted = False
    for place, (name, of_name) in enumerate(trainings.items()):
        loss, accuracy = grid[2 * (place // columns) : 2 * (place // columns) + 2, place % columns]
        for history, tested in of_name:
            watched = "val_loss" in history
            validated, dotted = validated or watched, dotted or (watched and tested is not None)
            for axes, metric in ((loss, "loss"), (accuracy, "accuracy")):
                for column, color in ((metric, TRAIN), (f"val_{metric}", VALIDATION))[: 1 + watched]:
                    marker = "." if len(history) == 1 else None
                    axes.plot(history["epoch"], history[column], color=color, linewidth=1, alpha=0.6, marker=marker)
                if watched and tested is not None:
                    value = history.set_index("epoch").at[tested, f"val_{metric}"]
                    axes.plot(tested, value, "o", color="black", markersize=4, zorder=3, clip_on=False)
        _epochs((loss, accuracy), int(max(history["epoch"].max() for history, _ in of_name)))
        losses = pd.concat([history.filter(["loss", "val_loss"]) for history, _ in of_name]).stack()
        if losses.max() > DWARFED * losses.median() and losses.min() > 0:
            _logarithmic(loss)
        level = style.chance_line(accuracy, chance)
        accuracy.set(ylim=(0, 1.03), xlabel="epoch")
        loss.set_title(name.replace("/", "\n"), fontsize=10)
        if place % columns == 0:
            loss.set_ylabel("loss")
            accuracy.set_ylabel("accuracy")
    for axes in _unused(grid, len(trainings), columns):
        axes.remove()
    lines = [Line2D([], [], color=TRAIN, label="train"), *level]
    if validated:
        lines.insert(1, Line2D([], [], color=VALIDATION, label="validation"))
    if dotted:
        lines.append(Line2D([], [], color="black", marker="o", markersize=4, linestyle="", label="epoch tested"))
    figure.legend(handles=lines, loc="outside lower center", ncols=4)
    style.headline(figure, f"Learning curves, {subject}: one line per training", title)
    return style.save(figure, path)


def _logarithmic(axes):
    """Ticks at powers of ten, and where fewer than two of these decades are in sight at 1, 2 and 5 times them; as
    numbers: those of Matplotlib are formulas, which no text of ours may be.
    """
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _unused(grid, n, columns):
    """The axes of panels (loss over accuracy) beyond the first ``n``."""
    panels = [grid[2 * (place // columns) + row, place % columns] for place in range(n) for row in (0, 1)]
    return [axes for axes in grid.flat if axes not in panels]


def _epochs(pair, n):
    """Ticks from epoch 1 to epoch ``n``."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 10**9) if n / step <= 6)
    ticks = [1, *(tick for tick in range(step, n + 1, step) if tick > 1)]
    for axes in pair:
        axes.set(xlim=(1, n) if n > 1 else (0.5, 1.5), xticks=ticks)


@style.styled
def confusion_matrices(matrices, labels, subject, title, path, printed=None):
    """Test examples of all repetitions by true and predicted class, in % of the true class.

    ``matrices``: name → :class:`~keras_ser.analysis.summaries.Confusion`; ``printed``: the same of the report, each
    drawn left of the one that is obtained.
    """
    panels, printed = {}, printed or {}
    for name, matrix in sorted(matrices.items(), key=lambda item: item[0] not in printed):
        if name in printed:
            panels[f"{name}, printed in the report\n{_uar(printed[name])}"] = printed[name]
        panels[f"{name}\n{_uar(matrix)}"] = matrix
    figure = _matrices(panels, labels, columns=2 if printed else None)
    style.headline(figure, f"Confusion matrices in % of the true class, {subject}", title)
    return style.save(figure, path)


def _uar(matrix):
    """That of a table, which the shares below it, of all repetitions, need not have."""
    n = matrix.repetitions
    return f"UAR {matrix.uar:.3f}" + (f", {'mean of ' * (n > 1)}{repetitions(n)}" if n else "")


@style.styled
def confusion_image(counts, labels):
    """One confusion matrix, ``counts`` [labels, labels] by true and predicted class. → uint8 [height, width, 3]"""
    matrix = Confusion(np.asarray(counts))
    return style.pixels(_matrices({f"% of the true class\n{_uar(matrix)}": matrix}, labels))


@style.styled
def listeners(votes, matrices, labels, subject, title, path):
    """What human listeners chose, ``votes`` [labels, labels], beside what the models predicted."""
    matrices = {"human listeners": Confusion(votes), **matrices}
    panels = {f"{name}\n{_uar(matrix)}": matrix for name, matrix in matrices.items()}
    figure = _matrices(panels, labels, first_axis="chosen by the listeners")
    style.headline(figure, f"Listeners (audio only) and models in % of the true class, {subject}", title)
    return style.save(figure, path)


def _matrices(panels, labels, first_axis="predicted", columns=None):
    """``panels``: caption → Confusion, ``columns`` side by side; ``first_axis``: what the columns of the first are."""
    columns = columns or min(2 if len(panels) <= 4 else 3, len(panels))
    rows = -(-len(panels) // columns)
    side = max(4.6, 0.5 * len(labels) + 1.4)
    figure, grid = style.subplots(rows, columns, size=((side + 0.6) * columns, side * rows + 0.8))
    for place, (axes, (caption, matrix)) in enumerate(zip(grid.flat, panels.items(), strict=False)):
        shares, clips = matrix.shares, matrix.counts.sum(axis=1)
        texts = [[style.percent(share) if n else "" for share in row] for row, n in zip(shares, clips, strict=True)]
        rows_called = [f"{label} ({n})" for label, n in zip(labels, clips, strict=True)]
        names = {"xticklabels": labels, "yticklabels": rows_called}
        seaborn.heatmap(shares, annot=texts, fmt="", cmap="Blues", vmin=0, vmax=1, cbar=False, ax=axes, **names)
        for text, share in zip(axes.texts, shares.flat, strict=True):
            text.set(color=style.ink(colormaps["Blues"](share)), fontsize=10)
        axes.tick_params(left=False, bottom=False)
        axes.set_xticks(axes.get_xticks(), labels, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(axes.get_yticks(), rows_called, rotation=0)
        axes.set(xlabel=first_axis if place == 0 else "predicted", ylabel="true (examples)")
        axes.set_title(caption, fontsize=11)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    return figure


@style.styled
def splits(frame, chance, title, path):
    """Accuracy and weighted F1 on train, validation and test: mean and standard deviation over the repetitions.

    ``frame``: of :func:`keras_ser.analysis.summaries.split_means`.
    """
    order = ordered(frame["protocol"])
    names = list(dict.fromkeys(frame["experiment"]))
    colors = dict(zip(SPLITS, style.PALETTE, strict=False))
    size = (11, 1.4 + (0.8 + 0.55 * len(names)) * len(order))
    figure, grid = style.subplots(len(order), 2, size=size, sharex=True, sharey=True)
    for protocol, line in zip(order, grid, strict=True):
        for metric, axes in zip(("accuracy", "weighted_f1"), line, strict=True):
            chosen = frame[(frame["protocol"] == protocol) & (frame["metric"] == metric)]
            for place, split in enumerate(SPLITS):
                rows = chosen[chosen["split"] == split].set_index("experiment").reindex(names)
                y = np.arange(len(names)) + (place - 1) * 0.26
                axes.barh(y, rows["mean"], 0.26, xerr=rows["std"], color=colors[split], error_kw={"linewidth": 1})
            for place, name in enumerate(names):
                if name not in set(chosen["experiment"]):
                    axes.text(0.5, place, "not recorded", ha="center", va="center", color="#666666", fontsize=10)
            if metric == "accuracy":
                level = style.chance_line(axes, chance, vertical=True)
            axes.set_title(f"{METRICS[metric]}, {PROTOCOLS[protocol].title}", fontsize=11)
            axes.set(xlim=(0, 1.03), yticks=range(len(names)))
            axes.set_yticklabels(names)
            axes.grid(axis="y", visible=False)
    grid[0, 0].invert_yaxis()
    patches = [Patch(color=colors[split], label=split) for split in SPLITS]
    figure.legend(handles=[*patches, *level], loc="outside lower center", ncols=4)
    spread = ", mean ± standard deviation over repetitions" if frame["std"].notna().any() else ""
    style.headline(figure, f"Scores on train, validation and test{spread}", title)
    return style.save(figure, path)


@style.styled
def protocols(table, metric, chance, title, path, parts=None):
    """Obtained under each protocol (mean and 95 % confidence interval) beside reported, under the report's own.

    ``table``: of :func:`keras_ser.analysis.reported.table`. What is not compared has no reported value here.
    ``parts``: what is drawn in place of ``metric``, each in a panel: its name in the table → what stands above it.
    """
    parts = parts or {metric: ""}
    frame = table[table["metric"].isin(parts) & (table["experiment"] != "data") & (table["n"] > 0)]
    order = ordered(frame["protocol"])
    colors = style.color_of(dict.fromkeys(frame["experiment"]))
    # Inches, of a panel with all its protocols.
    wide = len(order) * max(2.2, 0.3 * max(frame.groupby("metric")["experiment"].nunique(), default=0))
    wide = max(wide, 0.08 * max(len(line) for caption in parts.values() for line in caption.split("\n")))
    figure, (panels,) = style.subplots(1, len(parts), size=(max(7.4, 3 + wide * len(parts)), 5), sharey=True)
    compared = frame["reported"].notna() & ~frame["verdict"].str.startswith("not comparable")
    frame = frame.assign(stated=frame["reported"].where(compared))
    handles = {}
    for (part, caption), axes in zip(parts.items(), panels, strict=True):
        by_name = dict(iter(frame[frame["metric"] == part].groupby("experiment", sort=False)))
        for place, (name, rows) in enumerate(by_name.items()):
            color, marker = colors[name]
            rows = rows.set_index("protocol").reindex(order)
            x = np.arange(len(order)) + (place - (len(by_name) - 1) / 2) * min(0.15, 0.8 / len(by_name))
            mean, low, high, stated = (rows[key].to_numpy(float) for key in ("mean", "ci_low", "ci_high", "stated"))
            reach = np.clip([mean - low, high - mean], 0, None)
            reach = None if np.isnan(reach).all() else reach
            handles[name] = axes.errorbar(x, mean, yerr=reach, fmt=marker, color=color, capsize=4, label=name)
            axes.plot(x, stated, color=color, **REPORTED)
        level = style.chance_line(axes, chance)
        axes.set_xticks(range(len(order)), [style.protocol_label(name) for name in order])
        axes.set(ylim=(0, 1.03), xlim=(-0.5, max(1, len(order)) - 0.5))
        axes.set_title(caption, fontsize=11)
        axes.grid(axis="x", visible=False)
    dashes = [Line2D([], [], color="#777777", label="reported", **REPORTED)] if compared.any() else []
    panels[0].set_ylabel(METRICS[metric])
    panels[-1].legend(handles=[*handles.values(), *dashes, *level], loc="upper left", bbox_to_anchor=(1, 1))
    over = [name for name in ("speakers", "repetitions") if name in set(frame["interval_over"])]
    if len(over) == 2:
        over = [f"speakers (cross-validated, {FEW_SPEAKERS} or more), else repetitions"]
    shown = f"{METRICS[metric][0].upper()}{METRICS[metric][1:]} by protocol"
    style.headline(figure, f"{shown}\nbars: 95 % interval over {over[0]}" if over else shown, title)
    return style.save(figure, path)


@style.styled
def class_counts(table, labels, title, path):
    """True positives, false positives and false negatives per class: reported and obtained."""
    frame = table[table["metric"].isin(reported.COUNTS) & table["reported"].notna() & (table["n"] > 0)]
    experiments = list(dict.fromkeys(frame["experiment"]))
    size = (13, 3.2 * len(experiments) + 1)
    figure, grid = style.subplots(len(experiments), 3, size=size, sharey=True)
    places = np.arange(len(labels))
    for name, line in zip(experiments, grid, strict=True):
        rows = frame[frame["experiment"] == name].set_index(["metric", "label"])
        for (kind, words), axes in zip(COUNT_NAMES.items(), line, strict=True):
            values = rows.loc[[(kind, label) for label in labels]]
            obtained = axes.errorbar(
                values["mean"].astype(float),
                places,
                xerr=values["std"].astype(float),
                fmt="o",
                capsize=3,
                color=style.PALETTE[0],
                label="obtained, mean ± standard deviation",
            )
            (printed,) = axes.plot(
                values["reported"].astype(float), places, "x", color=style.PALETTE[1], markersize=8, label="reported"
            )
            axes.set_title(f"{name}\n{words}", fontsize=10)
            axes.set_xlim(left=0)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        line[0].set_yticks(places, labels)
    for axes in grid[-1]:
        axes.set_xlabel("test examples")
    grid[0, 0].invert_yaxis()
    figure.legend(handles=[obtained, printed], loc="outside lower center", ncols=2)
    style.headline(figure, "Counts per class, the report's own split", title)
    return style.save(figure, path)


@style.styled
def differences(frame, title, path):
    """Accuracy of one experiment minus that of another on the same clips, with its interval over speakers.

    ``frame``: of :func:`keras_ser.analysis.paired.differences`.
    """
    order = ordered(frame["protocol"])
    pairs = list(dict.fromkeys(zip(frame["first"], frame["second"], strict=True)))
    size = (9, 1.8 + (0.22 * len(order) + 0.3) * len(pairs))
    figure, ((axes,),) = style.subplots(size=size)
    colors = style.color_of(order)
    for place, pair in enumerate(pairs):
        for step, protocol in enumerate(order):
            rows = frame[(frame["first"] == pair[0]) & (frame["second"] == pair[1]) & (frame["protocol"] == protocol)]
            for row in rows.itertuples():
                y = place + (step - (len(order) - 1) / 2) * 0.7 / len(order)
                if pd.notna(row.low):
                    axes.plot([row.low, row.high], [y, y], color=colors[protocol][0], linewidth=2)
                axes.plot(row.difference, y, "o", color=colors[protocol][0])
    axes.axvline(0, color="#777777", linewidth=1)
    reach = 1.05 * max(abs(edge) for edge in axes.get_xlim())
    axes.set_yticks(range(len(pairs)), [f"A {first}\nB {second}" for first, second in pairs])
    axes.set(ylim=(len(pairs) - 0.5, -0.5), xlim=(-reach, reach), xlabel="← B better · A better →")
    for place in range(1, len(pairs)):
        axes.axhline(place - 0.5, color="#dddddd", linewidth=0.8)
    axes.grid(axis="y", visible=False)
    lines = [Line2D([], [], marker="o", color=colors[name][0], label=PROTOCOLS[name].title) for name in order]
    figure.legend(handles=lines, loc="outside lower center", ncols=3)
    levels = frame.loc[frame["low"].notna(), "level"]
    interval = "\nlines: 95 % interval over speakers" if len(levels) else ""
    interval += ", wider where corrected for several tests" if (levels > CONFIDENCE).any() else ""
    style.headline(figure, f"Accuracy difference A − B on the same clips{interval}", title)
    return style.save(figure, path)


@style.styled
def reliability(bins, title, path):
    """Accuracy against confidence, a line per experiment, a panel per protocol; on the diagonal a model is as often
    right as it says. ``bins``: of :func:`keras_ser.analysis.summaries.reliability`.
    """
    order = ordered(bins["protocol"])
    columns = min(3, len(order))
    rows = -(-len(order) // columns)
    size = (max(6.5, 4 * columns + 0.5), 4 * rows + 1.4)
    figure, grid = style.subplots(rows, columns, size=size, sharey=True)
    colors = style.color_of(dict.fromkeys(bins["experiment"]))
    for protocol, axes in zip(order, grid.flat, strict=False):
        axes.plot([0, 1], [0, 1], color="#777777", linewidth=1)
        for name, (color, marker) in colors.items():
            points = bins[(bins["protocol"] == protocol) & (bins["experiment"] == name)]
            options = {"marker": marker, "markersize": 4, "color": color, "clip_on": False}
            axes.plot(points["confidence"], points["correct"], **options)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence")
        axes.set_title(PROTOCOLS[protocol].title, fontsize=11)
    for axes in grid.flat[len(order) :]:
        axes.remove()
    for axes in grid[:, 0]:
        axes.set_ylabel("accuracy")
    lines = [Line2D([], [], marker=marker, color=color, label=name) for name, (color, marker) in colors.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=min(3, columns))
    style.headline(figure, "Accuracy by confidence (bins of 10 clips and more)", title)
    return style.save(figure, path)


@style.styled
def ladder(frame, shared, chance, title, path):
    """Accuracy under each protocol, from the report's own to the strictest, over what its train and test share.

    ``frame``: of :func:`keras_ser.analysis.paired.scores`; ``shared``: of :func:`keras_ser.analysis.reported.shared`.
    """
    order = list(shared["protocol"])
    size = (max(8.6, 4.2 + 1.5 * len(order)), 7.5)
    figure, ((scores,), (shares,)) = style.subplots(2, 1, size=size, sharex=True, height_ratios=(3, 2))
    colors = style.color_of(dict.fromkeys(frame["experiment"]))
    for place, (name, (color, marker)) in enumerate(colors.items()):
        rows = frame[frame["experiment"] == name].set_index("protocol").reindex(order)
        x = np.arange(len(order)) + (place - (len(colors) - 1) / 2) * min(0.12, 0.6 / len(colors))
        # Between protocols that a model was not tested under nothing is drawn.
        scores.plot(x, rows["accuracy"].to_numpy(float), marker=marker, color=color, label=name, linewidth=1)
        scores.vlines(x, rows["low"].to_numpy(float), rows["high"].to_numpy(float), color=color, linewidth=2)
    style.chance_line(scores, chance)
    scores.set(ylim=(0, 1.03), ylabel="accuracy")
    scores.legend(loc="upper left", bbox_to_anchor=(1, 1))
    parts = shared.set_index("protocol")[["clip", "audio_hash", "speaker", "sentence"]]
    for place, (column, grey) in enumerate(zip(parts, style.GREYS, strict=True)):
        name = {"audio_hash": "identical samples"}.get(column, column)
        shares.bar(np.arange(len(order)) + (place - 1.5) * 0.19, 100 * parts[column], 0.19, color=grey, label=name)
    shares.set(ylabel="% of test examples\nwith the same in train", ylim=(0, 103))
    shares.set_xticks(range(len(order)), [style.protocol_label(name) for name in order])
    shares.legend(loc="upper left", bbox_to_anchor=(1, 1))
    for axes in (scores, shares):
        axes.grid(axis="x", visible=False)
    interval = " (bars: 95 % interval over speakers)" if frame["low"].notna().any() else ""
    style.headline(figure, f"Accuracy under increasingly strict splits{interval}", title)
    return style.save(figure, path)
