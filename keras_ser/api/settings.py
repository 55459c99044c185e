"""What a report is run on and with: the arguments that ``run``, ``reproduce``, ``compare`` and ``augment`` have in
common, and the clips that they name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path

import pandas as pd

from keras_ser import corpora, files, reports
from keras_ser.corpora import own
from keras_ser.data import BACKENDS, PIPELINES, protocols
from keras_ser.errors import UserError
from keras_ser.progress import log
from keras_ser.reports.specification import Experiment, Report
from keras_ser.runs import SYNTHETIC_EPOCHS, SYNTHETIC_FOLDS, planning
from keras_ser.runs.planning import Setting

MOST_EXCLUDED = 20  # files that are named
OF_CORPORA = "a corpus is a name, or a table (CSV file) or directory of recordings of your own"


@dataclass(frozen=True)
class Options:
    """Arguments of :func:`keras_ser.api.run` from ``data`` on, as one object to hand on."""

    data: str | Path | None = None
    corpus: str | Path | None = None
    labels: Mapping[str, str] | None = None
    speaker_from: str | None = None
    epochs: int | None = None
    backend: str = "tensorflow"
    features: str = "cached"
    out: str | Path = "artifacts"

    def setting(self, name) -> Setting:
        """The clips that the report called ``name`` is run on, and with what."""
        if self.corpus is not None:
            files.check_is_path(self.corpus, OF_CORPORA)
        epochs = None if self.epochs is None else whole_number("epochs", self.epochs, 1)
        if self.backend not in BACKENDS:
            raise UserError(f"backends are {', '.join(BACKENDS)}, not {self.backend!r}")
        if self.features not in PIPELINES:
            raise UserError(f"features are {', '.join(PIPELINES)}, not {self.features!r}")
        if self.features != "cached" and self.backend != "tensorflow":
            raise UserError(f"{self.features} features are computed by TensorFlow, while training: leave out --backend")
        report, root, out = reports.load(name), corpora.data_root(self.data), Path(self.out)
        cache, results, corpus = out / "cache", out, None if self.corpus is None else str(self.corpus)
        of_own = {"labels": self.labels, "speaker_from": self.speaker_from}
        is_own = own.is_own(corpus)
        if not is_own:
            check_of_own(**of_own)
        if is_own:
            title, place, manifest = own.read(corpus, **of_own, data_root=root)
            report, results = _for_classes_of(report, manifest), out / "own" / place
        elif corpus is not None and report.corpora != (corpus,):
            title, manifest = corpora.get(corpus).title, corpora.manifest(corpus, root)
            results = out / "substitute" / corpus
        else:
            title, manifest = corpora.available(report.corpora, root, cache / "synthetic")
        if results != out:
            title = f"{title} in place of {corpora.titles(report.corpora)}"
        if self.features != "cached":
            results = results / self.features
        material = planning.gather(report, title, manifest, cache)
        warn_of_excluded(material.excluded)
        if material.synthetic:
            report = replace(report, split=replace(report.split, n_folds=SYNTHETIC_FOLDS))
            results, epochs = results / "synthetic", epochs or SYNTHETIC_EPOCHS
        return Setting(report, material, results, cache / "features", epochs, self.backend, self.features)


def setting(
    report: str,
    *,
    data: str | Path | None = None,
    corpus: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
    epochs: int | None = None,
    backend: str = "tensorflow",
    features: str = "cached",
    out: str | Path = "artifacts",
) -> Setting:
    """What :func:`run` would run a report on: for trainings of your own.

    Args:
        report: name of a report.
        data, corpus, labels, speaker_from, epochs, backend, features, out: as of :func:`run`.

    Returns: ``report``, for the classes of the clips; ``material``, whose ``manifest`` are the clips; ``cache``, the
    folder of computed features; ``out``, that of results. Those of synthetic speech, of a substitute corpus or of
    streamed features never lie where those of the report's own recordings do.

    Raises:
        UserError: as :func:`run`.
    """
    return Options(data, corpus, labels, speaker_from, epochs, backend, features, out).setting(report)


def asked(name, protocol_names, experiments) -> tuple[list[Experiment], list[str]]:
    """Experiments and names of protocols that are asked for. Raises UserError before anything is read."""
    report = reports.load(name)
    for protocol in protocol_names:
        protocols.get(protocol)
    chosen = [report.experiment(item) for item in experiments] if experiments else list(report.listed)
    return chosen, protocol_names or list(report.protocols)


def whole_number(name, value, least, most=None):
    """The argument ``name`` as an int, which records hold as JSON (they take no NumPy number). Raises UserError if it
    is no whole number of at least ``least``, or greater than ``most`` (None: as great as one likes).
    """
    if not (isinstance(value, Integral) and value >= least):
        raise UserError(f"{name} must be a whole number of at least {least}, not {value!r}")
    if most is not None and value > most:
        raise UserError(f"{name} must be at most {most}, not {value}")
    return int(value)


def check_of_own(labels, speaker_from):
    """Raises UserError if an argument is given that says something of a user's own recordings, and there are none."""
    if labels or speaker_from:
        raise UserError(
            "labels and speaker_from (--labels, --speaker-from) are of recordings of your own: name their table or "
            "directory as the corpus"
        )


def listed(names: str | Sequence[str] | None) -> Sequence[str]:
    """The names that are asked for, each once, of which one may stand alone; none: whatever there is."""
    return [names] if isinstance(names, str) else list(dict.fromkeys(names or ()))


def warn_of_excluded(lines: Sequence[str]) -> None:
    """Of files that are not used, and why."""
    for line in lines[:MOST_EXCLUDED]:
        log.warning("excluded: %s", line)
    if len(lines) > MOST_EXCLUDED:
        log.warning("excluded: %d more files like these", len(lines) - MOST_EXCLUDED)


def _for_classes_of(report: Report, manifest: pd.DataFrame) -> Report:
    """The report for the classes of a user's own recordings, in its own order where it has them."""
    if report.classes:
        manifest = manifest.assign(emotion=report.classes(manifest))
        if (unknown := int((manifest["emotion"] == "").sum())) > 0:
            raise UserError(
                f"{report.name} predicts gender and emotion: {unknown} of {len(manifest)} clips have no gender"
            )
    emotions = set(manifest["emotion"])
    labels = (*(label for label in report.labels if label in emotions), *sorted(emotions - set(report.labels)))
    return report.of_classes(labels)
