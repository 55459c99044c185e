"""How every figure looks and is written. Sets nothing for the process: a style holds while a figure is drawn."""

import functools
import re
import textwrap

import matplotlib
import numpy as np
import seaborn
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from keras_ser import files
from keras_ser.data.protocols import PROTOCOLS

PALETTE = tuple(seaborn.color_palette("colorblind").as_hex())
MARKERS = "os^Dv"  # one per round of the palette
GREYS = ("#252525", "#636363", "#969696", "#c8c8c8")
DPI = 110
CHANCE = {"color": "#6b6b6b", "linestyle": (0, (4, 3)), "linewidth": 1.2}
STYLE = {
    **seaborn.axes_style("whitegrid"),
    **seaborn.plotting_context("notebook", font_scale=0.9),
    "legend.frameon": False,
    "axes.edgecolor": "#b3b3b3",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "savefig.facecolor": "white",
    "text.parse_math": False,  # two dollars, as the name of a folder or a clip may have, would begin a formula
}


def styled(draw):
    """A function that draws in this module's style, and leaves that of the process as it is."""

    @functools.wraps(draw)
    def wrapped(*args, **options):
        with matplotlib.rc_context(STYLE):
            return draw(*args, **options)

    return wrapped


def subplots(rows=1, columns=1, *, size, **options):
    """→ (figure that no window belongs to, its axes [rows, columns])"""
    figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.1)  # inches: titles and legends touch nothing
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def only_outer_axes(grid):
    """Of axes [rows, columns] that share x and y, and have no grid lines, the inner ones say nothing: matplotlib lays
    out and draws their ticks all the same.
    """
    for axes in grid[:-1].flat:
        axes.xaxis.set_visible(False)
    for axes in grid[:, 1:].flat:
        axes.yaxis.set_visible(False)


def save(figure, path):
    """As a PNG, whole or not at all; of few colours where no colour bar says what each of them means. → ``path``"""
    image = Image.fromarray(pixels(figure))
    few = not any(axes.get_label() == "<colorbar>" for axes in figure.axes)
    if few:
        image = image.quantize(256, dither=Image.Dither.NONE)
    with files.replaced(path) as part:
        image.save(part, format="PNG", optimize=few)  # of many colours that takes seconds, and gains a twentieth
    return path


def pixels(figure):
    """→ uint8 [height, width, 3]"""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def short(title):
    """A corpus without what its name stands for: "TESS, 2800 clips"."""
    return re.sub(r" \([^)]*\)", "", title)


def headline(figure, shown, corpus):
    """The two lines above a figure: what is shown, and of which clips."""
    width = int(figure.get_figwidth() * 11)
    lines = [textwrap.fill(line, width) for line in (*shown.split("\n"), short(corpus)) if line]
    figure.suptitle("\n".join(lines), fontsize=12)


def color_of(names):
    """→ dict name → (colour, marker)"""
    n = len(PALETTE)
    return {name: (PALETTE[i % n], MARKERS[i // n % len(MARKERS)]) for i, name in enumerate(names)}


def protocol_label(name):
    """Its title in two lines at most."""
    return textwrap.fill(PROTOCOLS[name].title, 18)


def chance_line(axes, level, *, vertical=False):
    """→ its handles for a legend: none where there is no one level (None)"""
    if level is None:
        return []
    return [(axes.axvline if vertical else axes.axhline)(level, label=f"chance level ({level:.3f})", **CHANCE)]


def ink(shade):
    """Black or white, whichever is easier to read on an RGB colour (WCAG's contrast: at least 4.5 : 1)."""
    linear = [(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4) for part in shade[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"


def percent(share):
    """A share in whole per cent: what is not nothing is not called 0."""
    return "<1" if 0 < share < 0.005 else f"{100 * share:.0f}"
