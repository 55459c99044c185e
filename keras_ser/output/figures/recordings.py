"""Figures of the clips: how many there are, how long they are, what they look like. Data in, a PNG file out.

The data are those of :mod:`keras_ser.analysis.clips` and :mod:`keras_ser.analysis.examples`: no recording is opened and
no feature computed here.
"""

import numpy as np
from matplotlib.ticker import MaxNLocator

from keras_ser import corpora
from keras_ser.analysis import DB_RANGE
from keras_ser.output.figures import style

FIRST_OCTAVE = 64  # Hz, where spectrograms begin


@style.styled
def class_distribution(counts, title, path):
    """Clips per class, women and men apart. ``counts``: of :func:`keras_ser.analysis.clips.per_class`."""
    figure, ((axes,),) = style.subplots(size=(9, 4.5))
    below = 0
    for color, gender in zip(style.PALETTE, counts, strict=False):
        bars = axes.bar(counts.index, counts[gender], bottom=below, color=color, width=0.75, label=gender)
        below = below + counts[gender]
    axes.bar_label(bars, labels=counts.sum(axis=1), padding=3)
    axes.set_ylabel("clips")
    axes.margins(y=0.1)
    axes.grid(axis="x", visible=False)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    style.headline(figure, "Clips per class", title)
    return style.save(figure, path)


@style.styled
def class_shares(frame, title, path):
    """Share of each class in each corpus (the four-corpora report's rings, with what their title says).

    ``frame``: of :func:`keras_ser.analysis.clips.by_corpus`.
    """
    names, present = frame["corpus"].unique(), frame["label"].unique()
    size = (2.2 + 2.3 * len(names), 1.4 + 0.3 * len(present))
    figure, (line,) = style.subplots(1, len(names), size=size, sharex=True, sharey=True)
    for name, axes in zip(names, line, strict=True):
        rows = frame[frame["corpus"] == name]
        bars = axes.barh(rows["label"], 100 * rows["share"], color=style.PALETTE[0])
        axes.bar_label(bars, labels=[style.percent(share) for share in rows["share"]], padding=3, fontsize=9)
        axes.set_title(f"{style.short(corpora.get(name).title)}, {rows['clips'].iloc[0]} clips", fontsize=10)
        axes.set(xlabel="% of its clips")
        axes.margins(x=0.15)
        axes.grid(axis="y", visible=False)
    line[0].invert_yaxis()
    style.headline(figure, "Share of each class in each corpus", title)
    return style.save(figure, path)


@style.styled
def durations(frame, title, path):
    """Mean duration by class in each corpus: what the four-corpora report's rings show.

    ``frame``: of :func:`keras_ser.analysis.clips.by_corpus`.
    """
    names, present = frame["corpus"].unique(), frame["label"].unique()
    height = 0.8 / len(names)
    figure, ((axes,),) = style.subplots(size=(9, 1.5 + (0.2 + 0.13 * len(names)) * len(present)))
    for place, (name, color) in enumerate(zip(names, style.PALETTE, strict=False)):
        rows = frame[frame["corpus"] == name]
        y = [row + (place - (len(names) - 1) / 2) * height for row in range(len(present))]
        axes.barh(
            y,
            rows["seconds"],
            height,
            xerr=rows["deviation"],
            color=color,
            error_kw={"linewidth": 1},
            label=style.short(corpora.get(name).title),
        )
    axes.set_yticks(range(len(present)), present)
    axes.invert_yaxis()
    axes.set(xlabel="seconds, mean ± standard deviation", xlim=(0, None))
    axes.grid(axis="y", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    style.headline(figure, "Duration of the clips by class", title)
    return style.save(figure, path)


@style.styled
def waveforms(chosen, title, path):
    """One clip of each class: the one of median length, all on one scale.

    ``chosen``: of :func:`keras_ser.analysis.examples.of_each_class`.
    """
    figure, grid = style.subplots(len(chosen), 1, size=(9, 1.3 * len(chosen)), sharex=True, sharey=True)
    for example, (axes,) in zip(chosen, grid, strict=True):
        _waveform(example.waveform, example.rate, axes)
        axes.set_title(f"{example.label}: {example.clip}", fontsize=10, loc="left", pad=4)
    grid[-1, 0].set(xlabel="seconds", xlim=(0, max(example.seconds for example in chosen)))
    figure.supylabel("amplitude", fontsize=11)
    style.headline(figure, "One clip per class, all on one scale", title)
    return style.save(figure, path)


@style.styled
def clips(described, title, path):
    """Waveform, spectrogram and MFCC of one clip of each class: the one of median length.

    ``described``: of :func:`keras_ser.analysis.examples.described`.
    """
    shown, reach = described
    figure, grid = style.subplots(len(shown), 3, size=(13, 1.7 * len(shown) + 1), sharex=True, sharey="col")
    for (example, spectrogram, coefficients), (wave, spectrum, cepstrum) in zip(shown, grid, strict=True):
        _waveform(example.waveform, example.rate, wave)
        wave.set_title(f"{example.label}: {example.clip}", fontsize=10, loc="left", pad=4)
        wave.set_ylabel("amplitude", fontsize=9)
        power = _spectrogram(spectrogram, example.rate, spectrum)
        extent = (0, example.seconds, 0.5, 19.5)
        options = {"aspect": "auto", "origin": "lower", "cmap": "RdBu_r", "vmin": -reach, "vmax": reach}
        values = cepstrum.imshow(coefficients, extent=extent, **options)
        cepstrum.set_ylabel("coefficient", fontsize=9)
        cepstrum.set_yticks([1, 5, 10, 15])
        cepstrum.grid(visible=False)
    for axes in grid[-1]:
        axes.set(xlabel="seconds", xlim=(0, max(example.seconds for example, *_ in shown)))
    for column in (1, 2):
        style.only_outer_axes(grid[:, column : column + 1])
    grid[0, 1].set_title("spectrogram", fontsize=10, loc="left", pad=4)
    grid[0, 2].set_title("MFCC 1 to 19", fontsize=10, loc="left", pad=4)
    _scale(figure, power, grid[:, 1], "dB below the clip's maximum")
    _scale(figure, values, grid[:, 2], "value of the coefficient", extend="both")
    style.headline(figure, "One clip per class: waveform, spectrogram, MFCC", title)
    return style.save(figure, path)


@style.styled
def mel_images(shown, title, path):
    """The spectral-features report's lists a and e: mel spectrogram and 8-bit image of one clip of each class, of the
    first speaker (who is in train there) and of the last (who is in test).

    ``shown``: of :func:`keras_ser.analysis.examples.in_images`.
    """
    figure, grid = style.subplots(len(shown), 4, size=(13, 2.3 * len(shown) + 1), sharex=True, sharey=True)
    for of_label, line in zip(shown.values(), grid, strict=True):
        for of_speaker, (spectrum, image) in zip(of_label, (line[:2], line[2:]), strict=False):
            if of_speaker is None:
                continue
            example, db, grey, seconds = of_speaker
            options = {"aspect": "auto", "origin": "lower", "extent": (0, seconds, 0, len(db))}
            power = spectrum.imshow(db, cmap="magma", vmin=-DB_RANGE, vmax=0, **options)
            levels = image.imshow(grey, cmap="gray", vmin=0, vmax=255, **options)
            spectrum.set_title(f"{example.label}, speaker {example.speaker}", fontsize=10, loc="left", pad=4)
            image.set_title(example.clip, fontsize=9, loc="left", pad=4)
    for axes in grid.flat:
        axes.grid(visible=False)
        if not axes.images:
            axes.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    for axes in grid[:, 0]:
        axes.set_ylabel("mel band")
    style.only_outer_axes(grid)
    _scale(figure, power, grid[:, :2], "dB below the clip's maximum")
    _scale(figure, levels, grid[:, 2:], "grey level")
    style.headline(figure, "Mel spectrogram and the image that the 2D CNN gets, before it is resized", title)
    return style.save(figure, path)


@style.styled
def chirp(tone, title, path):
    """The TESS report's example (section 3): a tone that rises by octaves, as waveform and spectrogram.

    ``tone``: waveform, its rate and its spectrogram. ``title`` names clips, of which it is none.
    """
    waveform, rate, spectrogram = tone
    figure, ((wave,), (spectrum,)) = style.subplots(2, 1, size=(9, 5), sharex=True)
    _waveform(waveform, rate, wave)
    wave.set(ylabel="amplitude", xlim=(0, len(waveform) / rate))
    power = _spectrogram(spectrogram, rate, spectrum)
    spectrum.set_xlabel("seconds")
    figure.colorbar(power, ax=spectrum, label="dB below maximum")
    style.headline(figure, "A chirp from 110 to 7040 Hz, six octaves in two seconds", "")
    return style.save(figure, path)


@style.styled
def recording(waveform, rate, db, size=(9, 4.5)):
    """Waveform and mel spectrogram of one recording, of which ``db`` is the latter. → uint8 [height, width, 3]

    ``db``: of :func:`keras_ser.analysis.examples.mel_bands`; ``size``: in inches.
    """
    seconds = len(waveform) / rate
    figure, ((wave,), (spectrum,)) = style.subplots(2, 1, size=size, sharex=True)
    _waveform(waveform, rate, wave)
    wave.set(ylabel="amplitude", xlim=(0, seconds))
    options = {"aspect": "auto", "origin": "lower", "cmap": "magma", "vmin": -DB_RANGE, "vmax": 0}
    power = spectrum.imshow(db, extent=(0, seconds, 0, len(db)), **options)
    spectrum.grid(visible=False)
    spectrum.set(ylabel="mel band", xlabel="seconds")
    figure.colorbar(power, ax=spectrum, label="dB below maximum")
    return style.pixels(figure)


@style.styled
def timeline(table, labels, title, path):
    """Probabilities along a recording: columns ``start``, ``end`` (seconds) and one per label, one row per window."""
    figure, ((axes,),) = style.subplots(size=(10, 4.5))
    middle = (table["start"] + table["end"]) / 2
    for label, (color, marker) in style.color_of(labels).items():
        axes.plot(middle, table[label], marker=marker, markersize=4, color=color, label=label)
    axes.set(ylim=(0, 1), xlim=(0, table["end"].max()), xlabel="seconds (middle of the window)", ylabel="probability")
    style.chance_line(axes, 1 / len(labels))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    window = (table["end"] - table["start"]).max()
    style.headline(figure, f"Probability of each class in windows of {window:.1f} s\n{title}", "")
    return style.save(figure, path)


def _waveform(waveform, rate, axes):
    axes.plot(np.arange(len(waveform)) / rate, waveform, linewidth=0.4, color=style.PALETTE[0])


def _spectrogram(spectrogram, rate, axes):
    """Power in dB below its maximum, frequency in octaves. → what a colour bar explains"""
    time, frequency, db = spectrogram
    options = {"cmap": "magma", "vmin": -DB_RANGE, "vmax": 0, "shading": "nearest", "rasterized": True}
    power = axes.pcolormesh(time, frequency, db, **options)
    axes.set_yscale("log", base=2)
    axes.set(ylim=(FIRST_OCTAVE, rate / 2))
    axes.set_ylabel("Hz", fontsize=9)
    axes.set_yticks([128, 512, 2048, 8192], ["128", "512", "2048", "8192"])
    axes.grid(visible=False)
    return power


def _scale(figure, drawn, axes, label, **options):
    """One colour bar below some columns of axes."""
    place = {"location": "bottom", "fraction": 0.03, "pad": 0.01, "aspect": 40, "shrink": 0.8}
    figure.colorbar(drawn, ax=list(axes.flat), label=label, **place, **options)
