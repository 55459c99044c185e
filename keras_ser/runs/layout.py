"""Where runs lie: ``<root>/<report>/<experiment>/<protocol>/seed-<k>[/fold-<f>]/``.

``seed-<k>`` is a repetition of a protocol; a protocol with folds trains once per fold.
"""

from pathlib import Path


def run_folder(root, report, experiment, protocol, repetition, fold=None):
    """Where a run is or will be. ``fold`` None: the protocol has no folds."""
    folder = Path(root) / report / experiment / protocol / f"seed-{repetition}"
    return folder if fold is None else folder / f"fold-{fold}"


def place(root, facts):
    """Where the run of these ``facts`` (run.json) is below ``root``."""
    return run_folder(root, *(facts[name] for name in ("report", "experiment", "protocol", "seed", "fold")))


def root_of(folder, facts):
    """The root below which the run of these ``facts`` lies in ``folder``."""
    return Path(folder).parents[len(place("", facts).parts) - 1]
