"""Where runs lie: ``<root>/<report>/<experiment>/<protocol>/seed-<k>[/fold-<f>]/``.

``seed-<k>`` is a repetition of a protocol; a protocol with folds trains once per fold.
"""

from pathlib import Path


def run_folder(root, report, experiment, protocol, repetition, fold=None):
    """Where a run is or will be. ``fold`` None: the protocol has no folds."""
    folder = Path(root) / report / experiment / protocol / f"seed-{repetition}"
    return folder if fold is None else folder / f"fold-{fold}"
