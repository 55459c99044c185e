"""Every picture. Data in, a PNG file out; the only module that draws.

Each picture names the corpus it was made from. Colours: seaborn's colour-blind palette.
"""

import textwrap

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.signal
import seaborn as sns
import tensorflow as tf
from matplotlib.ticker import MaxNLocator

from keras_ser import audio, corpora
from keras_ser.analysis import reported
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.dsp.cepstrum import mfcc
from keras_ser.dsp.decibel import power_to_db
from keras_ser.dsp.mel import mel_spectrogram
from keras_ser.dsp.scaling import grey_levels
from keras_ser.dsp.spectrum import stft

sns.set_theme(context="notebook", style="whitegrid", palette="colorblind")
PROTOCOL_NAMES = {name: name.replace("_independent", "_\nindependent") for name in PROTOCOLS}
METRIC_NAMES = {"accuracy": "accuracy", "uar": "UAR", "weighted_f1": "weighted F1"}


def _save(figure, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)
    return path


def _pixels(figure):
    """→ uint8 [height, width, 3]"""
    figure.canvas.draw()
    pixels = np.array(figure.canvas.buffer_rgba())[..., :3]
    plt.close(figure)
    return pixels


def class_distribution(manifest, labels, title, path):
    """Clips per class, women and men apart."""
    figure, axes = plt.subplots(figsize=(9, 4.5))
    counts = pd.crosstab(manifest["emotion"], manifest["gender"].replace("", "unknown")).reindex(labels, fill_value=0)
    counts.plot.bar(stacked=True, ax=axes, rot=0, width=0.75)
    axes.bar_label(axes.containers[-1], labels=counts.sum(axis=1), padding=3)
    axes.set(title=f"Clips per class\n{title}", xlabel="", ylabel="clips")
    axes.margins(y=0.1)
    axes.grid(axis="x", visible=False)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(title="", loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return _save(figure, path)


def class_shares(manifest, labels, title, path):
    """Share of each class in each corpus (the four-corpora report's rings, with what their title says)."""
    names = list(dict.fromkeys(manifest["corpus"]))
    present = [label for label in labels if (manifest["emotion"] == label).any()]
    colors = dict(zip(present, sns.color_palette("husl", len(present)), strict=True))
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(5 * columns, 4.4 * rows), squeeze=False, layout="constrained")
    for axes in grid.flat[len(names) :]:
        axes.remove()
    for name, axes in zip(names, grid.flat, strict=False):
        counts = manifest.loc[manifest["corpus"] == name, "emotion"].value_counts().reindex(present).dropna()
        axes.pie(
            counts,
            colors=[colors[label] for label in counts.index],
            startangle=90,
            counterclock=False,
            autopct=lambda share: f"{share:.0f} %" if share >= 4 else "",
            pctdistance=0.79,
            textprops={"fontsize": 9},
            wedgeprops={"width": 0.42, "edgecolor": "white"},
        )
        axes.text(
            0, 0, f"{corpora.get(name).title.partition(' (')[0]}\n{counts.sum():.0f} clips", ha="center", va="center"
        )
    patches = [plt.Rectangle((0, 0), 1, 1, color=colors[label]) for label in present]
    figure.legend(patches, present, loc="outside right center", frameon=False)
    figure.suptitle(f"Share of each class in each corpus\n{title}", fontsize=12)
    return _save(figure, path)


def durations(manifest, labels, title, path):
    """Mean duration by class in each corpus: what the four-corpora report's rings show."""
    present = [label for label in labels if (manifest["emotion"] == label).any()]
    titles = {name: corpora.get(name).title.partition(" (")[0] for name in manifest["corpus"].unique()}
    frame = manifest.assign(seconds=manifest["samples"] / manifest["rate"], corpus=manifest["corpus"].map(titles))
    figure, axes = plt.subplots(figsize=(9, 0.9 + 0.5 * len(present)), layout="constrained")
    sns.barplot(
        frame,
        y="emotion",
        x="seconds",
        hue="corpus",
        order=present,
        errorbar="sd",
        saturation=1,
        err_kws={"linewidth": 1},
        ax=axes,
    )
    axes.set(ylabel="", xlabel="seconds, mean ± standard deviation")
    axes.legend(title="", loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    axes.set_title(f"Duration of the clips by class\n{title}", fontsize=12)
    return _save(figure, path)


def waveforms(manifest, labels, title, path):
    """One clip of each class: the one of median length, all on one scale."""
    present = [label for label in labels if (manifest["emotion"] == label).any()]
    figure, grid = plt.subplots(
        len(present), 1, figsize=(9, 1.3 * len(present)), sharex=True, sharey=True, layout="constrained"
    )
    for label, axes in zip(present, grid, strict=True):
        clip = _median_clip(manifest, label)
        waveform, rate = audio.read(clip["path"])
        axes.plot(np.arange(len(waveform)) / rate, waveform, linewidth=0.4)
        axes.set_title(f"{label}: {clip['clip']}", fontsize=10, loc="left", pad=4)
    grid[-1].set_xlabel("seconds")
    figure.suptitle(f"One clip per class, all on one scale\n{title}", fontsize=12)
    return _save(figure, path)


def clips(manifest, labels, title, path):
    """Waveform, spectrogram and MFCC of one clip of each class: the one of median length."""
    present = [label for label in labels if (manifest["emotion"] == label).any()]
    figure, grid = plt.subplots(
        len(present), 3, figsize=(13, 1.7 * len(present)), sharex=True, sharey="col", layout="constrained"
    )
    longest = 0
    for label, (wave, spectrum, cepstrum) in zip(present, grid, strict=True):
        clip = _median_clip(manifest, label)
        waveform, rate = audio.read(clip["path"])
        seconds = len(waveform) / rate
        wave.plot(np.arange(len(waveform)) / rate, waveform, linewidth=0.4)
        wave.set_title(f"{label}: {clip['clip']}", fontsize=10, loc="left", pad=4)
        longest = max(longest, seconds)
        _spectrogram(waveform, rate, spectrum)
        coefficients = mfcc(waveform[None], sample_rate=rate)[0].numpy().T  # [20, frames]
        # Without the first, the level, which would drown the others.
        cepstrum.imshow(coefficients[1:], aspect="auto", origin="lower", cmap="magma", extent=(0, seconds, 0.5, 19.5))
        cepstrum.set_ylabel("coefficient", fontsize=9)
        for axes in (spectrum, cepstrum):
            axes.grid(visible=False)
    for axes, words in zip(grid[0, 1:], ("spectrogram, dB", "MFCC 1 to 19"), strict=True):
        axes.set_title(words, fontsize=10, loc="left", pad=4)
    for axes in grid[-1]:
        axes.set(xlabel="seconds", xlim=(0, longest))
    figure.suptitle(f"One clip per class: waveform, spectrogram, MFCC\n{title}", fontsize=12)
    return _save(figure, path)


def mel_pictures(manifest, labels, title, path):
    """The spectral-features report's lists a and e: mel spectrogram and 8-bit picture of one clip of each class, of the
    first speaker (who is in train there) and of the last (who is in test).
    """
    present = [label for label in labels if (manifest["emotion"] == label).any()]
    speakers = sorted(manifest["speaker"].unique())[:: max(1, manifest["speaker"].nunique() - 1)][:2]
    figure, grid = plt.subplots(
        len(present), 4, figsize=(13, 2.3 * len(present)), squeeze=False, layout="constrained", sharex=True, sharey=True
    )
    for label, line in zip(present, grid, strict=True):
        for speaker, (spectrum, picture) in zip(speakers, (line[:2], line[2:]), strict=False):
            chosen = manifest[manifest["speaker"] == speaker]
            if not (chosen["emotion"] == label).any():
                continue
            clip = _median_clip(chosen, label)
            waveform, rate = audio.read(clip["path"])
            options = {"n_fft": 16384, "hop_length": int(0.015 * rate), "n_mels": 3401}
            mel = mel_spectrogram(waveform[None], sample_rate=rate, power=1.0, **options)[:, :200]  # [1, frames, 3401]
            extent = (0, mel.shape[1] * 0.015, 0, 3401)
            db = power_to_db(mel**2, ref="max")[0].numpy().T
            spectrum.imshow(db, aspect="auto", origin="lower", cmap="magma", extent=extent)
            grey = grey_levels(tf.math.log(tf.transpose(mel, (0, 2, 1)) + 1e-9))[0]
            picture.imshow(grey, aspect="auto", origin="lower", cmap="gray", vmin=0, vmax=255, extent=extent)
            spectrum.set_title(f"{label}, speaker {speaker}", fontsize=10, loc="left", pad=4)
            picture.set_title(f"{clip['clip']}, 8 bits", fontsize=9, loc="left", pad=4)
    for axes in grid.flat:
        axes.grid(visible=False)
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    for axes in grid[:, 0]:
        axes.set_ylabel("mel row")
    figure.suptitle(
        f"Mel spectrogram (dB) and the image that the 2D CNN gets, before it is resized\n{title}", fontsize=12
    )
    return _save(figure, path)


def chirp(manifest, labels, title, path):
    """The TESS report's example (section 3): a tone that rises by octaves, as waveform and spectrogram."""
    rate, seconds = 22050, 2.0
    t = np.arange(int(rate * seconds)) / rate
    waveform = scipy.signal.chirp(t, 110, seconds, 7040, method="logarithmic").astype(np.float32)
    figure, (wave, spectrum) = plt.subplots(2, 1, figsize=(9, 5), sharex=True, layout="constrained")
    wave.plot(t, waveform, linewidth=0.4)
    wave.set(ylabel="amplitude", xlim=(0, seconds))
    _spectrogram(waveform, rate, spectrum)
    spectrum.grid(visible=False)
    spectrum.set_xlabel("seconds")
    figure.suptitle("A chirp from 110 to 7040 Hz, six octaves in two seconds: waveform and spectrogram", fontsize=12)
    return _save(figure, path)


def _median_clip(manifest, label):
    clips = manifest[manifest["emotion"] == label].sort_values("samples")
    return clips.iloc[len(clips) // 2]


def _spectrogram(waveform, rate, axes, n_fft=1024, hop_length=128):
    """Power in dB below its maximum, frequency in octaves."""
    power = tf.abs(stft(waveform[None], n_fft=n_fft, hop_length=hop_length)) ** 2  # [1, frames, bins]
    db = power_to_db(power, ref="max")[0].numpy().T
    time = np.arange(db.shape[1]) * hop_length / rate
    axes.pcolormesh(time, np.arange(db.shape[0]) * rate / n_fft, db, cmap="magma", shading="nearest", rasterized=True)
    axes.set_yscale("log", base=2)
    axes.set(ylim=(64, rate / 2), ylabel="Hz")
    axes.set_yticks([128, 512, 2048, 8192], ["128", "512", "2048", "8192"])


def curves(passes, experiments, title, path):
    """Loss and accuracy by epoch, train and validation; one thin line per training."""
    names = [name for name in experiments if any(item.facts["experiment"] == name for item in passes)]
    figure, grid = plt.subplots(
        2, len(names), figsize=(3.6 * len(names), 6), sharex="col", squeeze=False, layout="constrained"
    )
    train, validation = sns.color_palette()[:2]
    for column, name in zip(grid.T, names, strict=True):
        for history in (part for item in passes if item.facts["experiment"] == name for part in item.histories()):
            history = history[history["fit"] == 1]  # of a network that is refitted, the fit that validation watches
            for axes, metric in zip(column, ("loss", "accuracy"), strict=True):
                axes.plot(history["epoch"], history[metric], color=train, linewidth=1, alpha=0.7)
                axes.plot(history["epoch"], history[f"val_{metric}"], color=validation, linewidth=1, alpha=0.7)
        column[0].set_title(name.replace("/", "\n"), fontsize=10)
        column[1].set(ylim=(0, 1.03), xlabel="epoch")
        column[1].xaxis.set_major_locator(MaxNLocator(integer=True))
    grid[0, 0].set_ylabel("loss")
    grid[1, 0].set_ylabel("accuracy")
    lines = [plt.Line2D([], [], color=train), plt.Line2D([], [], color=validation)]
    grid[1, -1].legend(lines, ["train", "validation"], loc="lower right", frameon=True)
    figure.suptitle(f"Learning curves, one line per training\n{title}", fontsize=12)
    return _save(figure, path)


def confusion_matrices(passes, experiments, labels, title, path):
    """Clips by true and predicted class, summed over the repetitions; colour is the share of the true class."""
    finished = [item for item in passes if not item.diverged]
    names = [name for name in experiments if any(item.facts["experiment"] == name for item in finished)]
    columns = min(2 if len(names) <= 4 else 3, len(names))
    rows = -(-len(names) // columns)
    side = max(5.4, 0.5 * len(labels) + 1.5)
    figure, grid = plt.subplots(
        rows, columns, figsize=(side * columns, (side + 0.2) * rows), squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(names) :]:
        axes.remove()
    figure.get_layout_engine().set(h_pad=0.12)
    for name, axes in zip(names, grid.flat, strict=False):
        chosen = [item for item in finished if item.facts["experiment"] == name]
        matrix = sum(np.array(item.metrics["confusion"]) for item in chosen)
        clips = matrix.sum(axis=1, keepdims=True)
        share = np.divide(matrix, clips, out=np.zeros(matrix.shape), where=clips > 0)
        name = f"{name}, {len(chosen)} repetition{'s' if len(chosen) > 1 else ''}"
        _matrix(axes, share, labels, name, annot=matrix, fmt="d")
    figure.suptitle(f"Confusion matrices, test examples of all repetitions\n{title}", fontsize=12)
    return _save(figure, path)


def _matrix(axes, share, labels, name, *, annot, fmt, said="predicted"):
    """One confusion matrix: ``share`` of the true class [labels, labels] as colour, ``annot`` as numbers."""
    options = {"cmap": "Blues", "vmin": 0, "vmax": 1, "square": True, "cbar": False, "linewidths": 0.5}
    sns.heatmap(share, annot=annot, fmt=fmt, xticklabels=labels, yticklabels=labels, ax=axes, **options)
    axes.set_title(name, fontsize=11)
    axes.set(xlabel=said, ylabel="true")
    axes.tick_params(axis="x", rotation=45 if len(labels) < 10 else 90)
    axes.tick_params(axis="y", rotation=0)


def confusion_picture(matrix, labels):
    """One confusion matrix, clips by true and predicted class. → uint8 [height, width, 3]"""
    side = max(5.4, 0.5 * len(labels) + 1.5)
    figure, axes = plt.subplots(figsize=(side, side), layout="constrained")
    _matrix(
        axes, matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1), labels, "test clips", annot=matrix, fmt="d"
    )
    return _pixels(figure)


def listeners(matrix, passes, experiments, labels, title, path):
    """What human listeners chose, ``matrix`` [labels, labels] of votes, beside what the models predicted: shares of the
    true class.
    """
    matrices = {"human listeners": matrix}
    for name in experiments:
        chosen = [np.array(item.metrics["confusion"]) for item in passes if item.facts["experiment"] == name]
        if chosen:
            matrices[name] = sum(chosen)
    columns = min(3, len(matrices))
    rows = -(-len(matrices) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(4.6 * columns, 4.9 * rows), squeeze=False, layout="constrained")
    for axes in grid.flat[len(matrices) :]:
        axes.remove()
    for (name, counts), axes in zip(matrices.items(), grid.flat, strict=False):
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        name = f"{name}: accuracy {np.trace(counts) / counts.sum():.3f}"
        _matrix(axes, share, labels, name, annot=True, fmt=".2f", said="heard" if counts is matrix else "predicted")
    figure.suptitle(title, fontsize=12)
    return _save(figure, path)


def splits(frame, title, path):
    """Accuracy and weighted F1 on train, validation and test, one experiment beside the other: mean and standard
    deviation over the repetitions. ``frame``: of :func:`keras_ser.analysis.reported.splits`.
    """
    order = [name for name in PROTOCOLS if name in set(frame["protocol"])]
    high = 0.8 + 0.55 * frame["experiment"].nunique()  # of a protocol
    figure, grid = plt.subplots(
        len(order),
        2,
        figsize=(11, 1.2 + high * len(order)),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for protocol, line in zip(order, grid, strict=True):
        for metric, axes in zip(("accuracy", "weighted_f1"), line, strict=True):
            chosen = frame[(frame["protocol"] == protocol) & (frame["metric"] == metric)]
            sns.barplot(
                chosen,
                y="experiment",
                x="value",
                hue="split",
                errorbar="sd",
                ax=axes,
                legend=False,
                saturation=1,
                capsize=0.15,
                err_kws={"linewidth": 1},
            )
            axes.set(title=f"{METRIC_NAMES[metric]}, {protocol}", xlabel="", ylabel="", xlim=(0, 1.03))
            axes.title.set_fontsize(11)
            axes.tick_params(axis="y", labelsize=10)
    patches = [plt.Rectangle((0, 0), 1, 1, color=color) for color in sns.color_palette(n_colors=3)]
    figure.legend(patches, frame["split"].unique(), loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(f"Train, validation and test, mean ± standard deviation over repetitions\n{title}", fontsize=12)
    return _save(figure, path)


def protocols(table, metric, title, path):
    """Obtained under each protocol (mean and 95 % confidence interval) beside reported, under the report's own."""
    frame = table[(table["metric"] == metric) & (table["experiment"] != "data")]
    order = [name for name in PROTOCOLS if name in set(frame["protocol"])]
    experiments = list(dict.fromkeys(frame["experiment"]))
    wide = max(2.6, 0.3 * len(experiments))  # of a protocol
    figure, axes = plt.subplots(figsize=(max(7.4, 2.2 + wide * len(order)), 5), layout="constrained")
    palette = sns.color_palette()
    for place, name in enumerate(experiments):
        rows = frame[frame["experiment"] == name].set_index("protocol")
        color = palette[place % len(palette)]
        x = np.arange(len(order)) + (place - (len(experiments) - 1) / 2) * min(0.15, 0.8 / len(experiments))
        mean = rows["mean"].reindex(order).astype(float)
        ends = rows[["ci_low", "ci_high"]].reindex(order).astype(float)
        reach = [(mean - ends["ci_low"]).clip(0).fillna(0), (ends["ci_high"] - mean).clip(0).fillna(0)]
        axes.errorbar(x, mean, yerr=reach, fmt="o", color=color, capsize=4, label=name)
        axes.plot(
            x, rows["reported"].reindex(order).astype(float), linestyle="", marker="_", markersize=14, color=color
        )
    if frame["reported"].notna().any():
        axes.plot([], [], linestyle="", marker="_", markersize=14, color="grey", label="reported")
    axes.set_xticks(range(len(order)), [PROTOCOL_NAMES[name] for name in order])
    axes.set(ylim=(0, 1.03), ylabel=METRIC_NAMES[metric], xlim=(-0.5, len(order) - 0.5))
    axes.grid(axis="x", visible=False)
    over = [name for name in ("speakers", "repetitions") if name in set(frame["interval_over"])]
    if len(over) == 2:
        over = ["speakers where every clip is tested once, else over repetitions"]
    what = f"{METRIC_NAMES[metric]} by protocol, mean".capitalize().replace("Uar", "UAR")
    what += f" and 95 % interval over {over[0]}" if over else ""
    axes.set_title(f"{textwrap.fill(what, 70)}\n{textwrap.fill(title, 70)}", fontsize=12)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=10)
    return _save(figure, path)


def overview(table):
    """Accuracy of every experiment of every report: reported, under its own protocol, on unseen speakers; pale where
    the speech is not the report's.

    ``table``: of :func:`~keras_ser.output.tables.accuracies`, with a column ``speech``, which says what it is where
    it is not the report's, else "".

    → uint8 [height, width, 3]
    """
    rows = list(dict.fromkeys(table[["report", "speech", "experiment"]].itertuples(index=False, name=None)))
    figure, axes = plt.subplots(figsize=(11, 1.2 + 0.3 * len(rows)), layout="constrained")
    blue, orange = sns.color_palette()[0], sns.color_palette()[3]
    for y, (report, speech, experiment) in enumerate(rows):
        chosen = (table["report"] == report) & (table["speech"] == speech) & (table["experiment"] == experiment)
        own = table[chosen].set_index("protocol")
        others = speech or own["verdict"].str.startswith("not comparable").any()
        pale = 0.35 if others else 1.0
        lines = (("as_reported", blue, True, -0.13), ("speaker_independent", orange, False, 0.13))
        for protocol, color, filled, beside in lines:
            if protocol in own.index:
                line = own.loc[protocol]
                place = y + beside  # so that no interval hides the other
                if pd.notna(line["ci_low"]):
                    ends = np.clip([line["ci_low"], line["ci_high"]], 0, 1)
                    axes.plot(ends, [place, place], color=color, linewidth=2, alpha=pale)
                face = color if filled else "white"
                axes.plot(line["mean"], place, "o", color=color, markerfacecolor=face, markersize=7, alpha=pale)
        reported = own["reported"].dropna()
        if len(reported):
            axes.plot(reported.iloc[0], y, "|", color="black", markersize=15, markeredgewidth=2, alpha=pale)
    reports = [f"{report}, {speech}" if speech else report for report, speech, _ in rows]
    axes.set_yticks(
        range(len(rows)),
        [
            f"{name}:  {experiment}" if place == 0 or name != reports[place - 1] else experiment
            for place, (name, (*_, experiment)) in enumerate(zip(reports, rows, strict=True))
        ],
        fontsize=10,
    )
    for place in range(1, len(rows)):
        if reports[place] != reports[place - 1]:
            axes.axhline(place - 0.5, color="grey", linewidth=0.8)
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlim=(0, 1.02), xlabel="accuracy")
    axes.grid(axis="y", visible=False)
    lines = [
        plt.Line2D([], [], marker="|", color="black", linestyle="", markersize=12, markeredgewidth=2),
        plt.Line2D([], [], marker="o", color=blue),
        plt.Line2D([], [], marker="o", color=orange, markerfacecolor="white"),
    ]
    words = ["reported", "our re-implementation, the report's split", "our re-implementation, unseen speakers"]
    figure.legend(lines, words, loc="outside upper center", ncols=3, frameon=False, fontsize=10)
    return _pixels(figure)


def class_counts(table, labels, title, path):
    """True positives, false positives and false negatives per class: reported and obtained."""
    frame = table[table["metric"].isin(reported.COUNTS) & table["reported"].notna()]
    experiments = list(dict.fromkeys(frame["experiment"]))
    kinds = {"tp": "true positives", "fp": "false positives", "fn": "false negatives"}
    figure, grid = plt.subplots(
        len(experiments),
        3,
        figsize=(13, 3.4 * len(experiments)),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    places = np.arange(len(labels))
    obtained, printed = sns.color_palette()[:2]
    for name, line in zip(experiments, grid, strict=True):
        rows = frame[frame["experiment"] == name].set_index(["metric", "label"])
        for (kind, words), axes in zip(kinds.items(), line, strict=True):
            values = rows.loc[[(kind, label) for label in labels]]
            axes.errorbar(
                values["mean"].astype(float),
                places,
                xerr=values["std"].astype(float).fillna(0),
                fmt="o",
                capsize=3,
                color=obtained,
                label="obtained, mean ± standard deviation",
            )
            axes.plot(values["reported"].astype(float), places, "x", color=printed, markersize=8, label="reported")
            axes.set_title(f"{name}\n{words}", fontsize=10)
            axes.set_xlim(left=0)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        line[0].set_yticks(places, labels)
    for axes in grid[-1]:
        axes.set_xlabel("test examples")
    grid[0, 0].invert_yaxis()
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(f"Counts per class, protocol as_reported\n{title}", fontsize=12)
    return _save(figure, path)


def differences(frame, title, path):
    """Accuracy of one experiment minus that of another on the same clips, with its interval over speakers.

    ``frame``: of :func:`keras_ser.analysis.paired.differences`.
    """
    order = [name for name in PROTOCOLS if name in set(frame["protocol"])]
    pairs = list(dict.fromkeys(zip(frame["first"], frame["second"], strict=True)))
    figure, axes = plt.subplots(
        figsize=(9, 1.6 + 0.28 * len(order) * len(pairs) + 0.3 * len(pairs)), layout="constrained"
    )
    colors = dict(zip(order, sns.color_palette(n_colors=len(order)), strict=True))
    for place, pair in enumerate(pairs):
        for step, protocol in enumerate(order):
            rows = frame[(frame["first"] == pair[0]) & (frame["second"] == pair[1]) & (frame["protocol"] == protocol)]
            for row in rows.itertuples():
                y = place + (step - (len(order) - 1) / 2) * 0.7 / len(order)
                if pd.notna(row.low):
                    axes.plot([row.low, row.high], [y, y], color=colors[protocol], linewidth=2)
                axes.plot(row.difference, y, "o", color=colors[protocol])
    axes.axvline(0, color="grey", linewidth=1)
    axes.set_yticks(range(len(pairs)), [f"{first}\n− {second}" for first, second in pairs])
    words = "accuracy of A − accuracy of B, with its interval over speakers\n(← B better · A better →)"
    axes.set(ylim=(len(pairs) - 0.5, -0.5), xlabel=words)
    axes.grid(axis="y", visible=False)
    lines = [plt.Line2D([], [], marker="o", color=colors[name]) for name in order]
    figure.legend(lines, order, loc="outside lower center", ncols=3, frameon=False, fontsize=10)
    figure.suptitle(f"Differences of accuracy on the same clips\n{textwrap.fill(title, 70)}", fontsize=12)
    return _save(figure, path)


def reliability(clips, title, path):
    """Accuracy against confidence, a line per experiment that gives probabilities, a panel per protocol; on the
    diagonal a model is as often right as it says. ``clips``: of :func:`keras_ser.analysis.paired.tested`.
    """
    clips = clips[clips["probabilities"]]
    order = [name for name in PROTOCOLS if name in set(clips["protocol"])]
    columns = min(3, len(order))
    rows = -(-len(order) // columns)
    size = (4 * columns + 0.5, 4.3 * rows + 1.2)
    figure, grid = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.12)  # inches: panels are square, and would else touch the title
    for axes in grid.flat[len(order) :]:
        axes.remove()
    names = list(dict.fromkeys(clips["experiment"]))
    colors = dict(zip(names, sns.color_palette(n_colors=len(names)), strict=True))
    for protocol, axes in zip(order, grid.flat, strict=False):
        axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
        for name in names:
            own = clips[(clips["protocol"] == protocol) & (clips["experiment"] == name)]
            bins = own.groupby(pd.cut(own["confidence"], np.linspace(0, 1, 11)), observed=True)
            points = bins[["confidence", "correct"]].mean()[bins.size() >= 10]
            options = {"marker": "o", "markersize": 4, "color": colors[name], "clip_on": False}
            axes.plot(points["confidence"], points["correct"], **options)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", aspect="equal")
        axes.set_title(protocol, fontsize=11)
    for axes in grid[:, 0]:
        axes.set_ylabel("accuracy")
    lines = [plt.Line2D([], [], marker="o", color=colors[name]) for name in names]
    figure.legend(lines, names, loc="outside lower center", ncols=columns, frameon=False, fontsize=10)
    title = textwrap.fill(title, 40 * columns)
    figure.suptitle(f"Confidence and accuracy (bins of 10 clips and more)\n{title}", fontsize=12)
    return _save(figure, path)


def ladder(frame, shared, title, path):
    """Accuracy under each protocol, from the report's own to the strictest, over what its train and test share.

    ``frame``: of :func:`keras_ser.analysis.paired.scores`; ``shared``: of :func:`keras_ser.analysis.reported.shared`.
    """
    order = list(shared["protocol"])
    figure, (scores, shares) = plt.subplots(
        2, 1, figsize=(max(7.4, 2.5 + 1.9 * len(order)), 7.5), sharex=True, height_ratios=(3, 2), layout="constrained"
    )
    names = list(dict.fromkeys(frame["experiment"]))
    for place, (name, color) in enumerate(zip(names, sns.color_palette(n_colors=len(names)), strict=True)):
        rows = frame[frame["experiment"] == name].set_index("protocol").reindex(order)
        x = np.arange(len(order)) + (place - (len(names) - 1) / 2) * min(0.12, 0.6 / len(names))
        scores.plot(x, rows["accuracy"].astype(float), marker="o", color=color, label=name, linewidth=1)
        scores.vlines(x, rows["low"].astype(float), rows["high"].astype(float), color=color, linewidth=2)
    scores.set(ylim=(0, 1.03), ylabel="accuracy, 95 % interval over speakers")
    scores.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=10)
    parts = shared.set_index("protocol")[["clip", "content", "speaker", "sentence"]]
    parts = parts.rename(columns={"content": "identical samples"})
    # Not in the colours of the experiments above.
    parts.plot.bar(ax=shares, rot=0, width=0.75, color=sns.color_palette("Greys_r", parts.shape[1] + 1)[:-1])
    shares.set(ylabel="share of test examples\nwith the same in train", xlabel="", ylim=(0, 1.03))
    shares.set_xticks(range(len(order)), [PROTOCOL_NAMES[name] for name in order])
    shares.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=10)
    for axes in (scores, shares):
        axes.grid(axis="x", visible=False)
    figure.suptitle(f"Accuracy under increasingly strict splits\n{textwrap.fill(title, 70)}", fontsize=12)
    return _save(figure, path)


def timeline(table, labels, title, path):
    """Probabilities along a recording: columns ``start``, ``end`` (seconds) and one per label, one row per window."""
    figure, axes = plt.subplots(figsize=(10, 4.5), layout="constrained")
    middle = (table["start"] + table["end"]) / 2
    for color, label in zip(sns.color_palette("colorblind", len(labels)), labels, strict=True):
        axes.plot(middle, table[label], marker="o", markersize=4, color=color, label=label)
    axes.set(ylim=(0, 1), xlim=(0, table["end"].max()), xlabel="seconds (middle of the window)", ylabel="probability")
    axes.set_title(f"{title}: windows of {(table['end'] - table['start']).max():.1f} s", fontsize=12)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return _save(figure, path)


def recording(waveform, rate, size=(9, 4.5)):
    """Waveform and mel spectrogram of one recording. ``size``: in hundreds of pixels. → uint8 [height, width, 3]"""
    seconds = len(waveform) / rate
    figure, (wave, spectrum) = plt.subplots(2, 1, figsize=size, sharex=True, layout="constrained")
    wave.plot(np.arange(len(waveform)) / rate, waveform, linewidth=0.4)
    wave.set(ylabel="amplitude", xlim=(0, seconds))
    power = mel_spectrogram(waveform[None], sample_rate=rate)  # [1, frames, n_mels]
    db = power_to_db(power, ref="max")[0].numpy().T
    spectrum.imshow(db, aspect="auto", origin="lower", cmap="magma", extent=(0, seconds, 0, len(db)))
    spectrum.grid(visible=False)
    spectrum.set(ylabel="mel band", xlabel="seconds")
    return _pixels(figure)


PICTURES = {
    picture.__name__: picture
    for picture in (class_distribution, class_shares, durations, waveforms, clips, chirp, mel_pictures)
}

# How the names of figures of runs begin.
OF_RUNS = ("curves_", "confusion_", "splits", "sides", "listeners", "protocols_", "class_counts")


def all_of_report(report, material, passes, table, folder):
    """The pictures of one report into ``folder``; results of experiments that are ours only where there are no others.

    → list of paths.
    """
    title = f"{material.description}, {len(material.manifest)} clips"
    ran = {item.facts["experiment"] for item in passes}
    experiments = [experiment for experiment in report.experiments if experiment.name in ran]
    names = [experiment.name for experiment in experiments if not experiment.extension]
    names = names or [experiment.name for experiment in experiments]
    passes = [item for item in passes if item.facts["experiment"] in names]
    table = table[table["experiment"].isin(names)]
    paths = [
        PICTURES[name](material.manifest, report.labels, title, folder / f"{name}.png") for name in report.clip_figures
    ]
    for protocol in PROTOCOLS:
        chosen = [item for item in passes if item.facts["protocol"] == protocol]
        trained = [item for item in chosen if item.facts["kind"] == "network"]
        if trained:
            paths.append(curves(trained, names, f"{protocol}: {title}", folder / f"curves_{protocol}.png"))
        if any(not item.diverged for item in chosen):
            matrices = folder / f"confusion_{protocol}.png"
            paths.append(confusion_matrices(chosen, names, report.labels, f"{protocol}: {title}", matrices))
    by_split = reported.splits(passes)
    if len(by_split):
        paths.append(splits(by_split, title, folder / "splits.png"))
    honest = [item for item in passes if item.facts["protocol"] == "speaker_independent" and not item.diverged]
    if honest and reported.votes(report) is not None:
        votes = reported.listeners_matrix(report)
        paths.append(
            listeners(
                votes,
                honest,
                names,
                report.labels,
                f"Human listeners ({corpora.titles(report.corpora)}, {votes.sum()} votes)\n"
                f"and models, speaker_independent: {title}",
                folder / "listeners.png",
            )
        )
    for metric in ("accuracy", "uar"):
        paths.append(protocols(table, metric, title, folder / f"protocols_{metric}.png"))
    counted = table.loc[table["metric"] == "tp", "reported"].notna().any()
    if counted and not reported.obstacle(report, passes[0].facts):
        paths.append(class_counts(table, report.labels, title, folder / "class_counts.png"))
    for left in set(folder.glob("*.png")) - set(paths):
        if left.stem.startswith(OF_RUNS):  # that were stored before
            left.unlink()
    return paths
