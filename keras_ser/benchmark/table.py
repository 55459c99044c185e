"""What the benchmarks share: timing, their tables on disk, and what they were measured on."""

import os
import platform
import time
from importlib.metadata import version
from math import ceil
from pathlib import Path

import tensorflow as tf

from keras_ser import files

SETTLE_S = 0.1  # BLAS threads wait busily for more work after a call, and would slow down what is timed next
TURN_S = 0.5  # how long one of the two in a round is repeated


def seconds(function, settle=True):
    """How long one call takes; ``settle``: after a pause, so that the threads of another library come to rest."""
    if settle:
        time.sleep(SETTLE_S)
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def turn(function):
    """Mean time of a call among calls that follow each other for ``TURN_S`` or more, after one that is not timed:
    caches, threads and clock are then those of a long run.
    """
    once = seconds(function)
    calls = ceil(TURN_S / once)
    return seconds(lambda: [function() for _ in range(calls)], settle=False) / calls


def write(out_dir, name, table, text):
    """``<name>.csv`` and ``<name>.md``. Raises UserError where the disk does not take them."""
    with files.replaced(Path(out_dir, f"{name}.csv")) as part:
        table.to_csv(part, index=False, float_format="%.4g")
    with files.replaced(Path(out_dir, f"{name}.md")) as part:
        part.write_text(text, encoding="utf-8")


def cells(table):
    """A table as Markdown."""
    return table.astype(object).where(table.notna(), None).to_markdown(index=False, floatfmt=".3g")


def machine():
    """What it was measured on."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "librosa", "noisereduce", "numpy"))
    gpus = len(tf.config.list_physical_devices("GPU"))
    machine = f"{os.cpu_count()} CPU cores ({platform.machine()}), {gpus} GPU"
    return f"{machine}; Python {platform.python_version()}, {versions}."
