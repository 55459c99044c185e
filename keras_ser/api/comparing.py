"""Experiments of a report beside one another: losses, models or protocols, on the same clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from keras_ser.analysis import QUESTIONS
from keras_ser.api import running
from keras_ser.api.settings import Options, asked, listed, whole_number
from keras_ser.data.protocols import possible
from keras_ser.errors import UserError
from keras_ser.reports import extensions
from keras_ser.runs import archive, runner
from keras_ser.runs.planning import Setting


@dataclass(frozen=True)
class Comparison:
    """Scores per experiment and protocol, differences of pairs (:mod:`keras_ser.analysis.paired`), and what was
    written.
    """

    setting: Setting
    table: pd.DataFrame
    differences: pd.DataFrame
    files: list[Path]


def compare(
    question: str,
    report: str,
    *,
    experiments: str | Sequence[str] = (),
    protocols: str | Sequence[str] | None = None,
    seeds: int = 1,
    stored: bool = False,
    jobs: int | None = 1,
    scheduler: str | None = None,
    data: str | Path | None = None,
    corpus: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
    epochs: int | None = None,
    backend: str = "tensorflow",
    out: str | Path = "artifacts",
) -> Comparison:
    """Answer one question by stored runs; those that are missing are run first.

    Args:
        question: ``losses``, ``models`` or ``protocols``.
        experiments: names, or one; none: those that the question is about by itself.
        protocols: names, or one; None: all that the corpus allows.
        seeds, stored, jobs, scheduler: as of :func:`reproduce`.
        report, data, corpus, labels, speaker_from, epochs, backend, out: as of :func:`run`.

    Raises:
        UserError: as :func:`reproduce`.
    """
    from keras_ser.analysis import paired
    from keras_ser.output import comparison, tables, tensorboard
    from keras_ser.output.figures import selection

    if question not in QUESTIONS:
        raise UserError(f"there is no question {question!r}: choose from {', '.join(QUESTIONS)}")
    seeds, jobs = whole_number("seeds", seeds, 1), None if jobs is None else whole_number("jobs", jobs, 1)
    experiments, names = listed(experiments), listed(protocols)
    asked(report, names, [])
    setting = Options(data, corpus, labels, speaker_from, epochs, backend, out=out).setting(report)
    report, manifest = setting.report, setting.material.manifest
    of_question = report if experiments else running.with_clips(setting)
    chosen, pairs = extensions.compared(of_question, question, experiments)
    names = names or possible(manifest, report.split)
    if stored:
        runs = [item for item in running.stored(setting, chosen) if item.facts["protocol"] in names]
    else:
        with running.randomness_of_the_caller():
            runs = runner.run_all(setting, chosen, names, range(seeds), models=False, jobs=jobs, scheduler=scheduler)
    processes = running.processes_that_trained(stored, jobs, scheduler)
    tensorboard.write(running.in_folders(runs), setting.out / "tensorboard", processes)
    whole = running.whole(setting, runs, stored)
    found = paired.compare(whole, pairs, report.labels)
    folder = setting.out / "compare" / question / report.name
    description = f"{setting.material.description}, {len(manifest)} clips"
    text = comparison.whole(QUESTIONS[question].asked, report, description, found)
    tables.write(found.scores, text, folder)
    archive.write(archive.read_all(setting.root, report.name), setting.out / report.name)
    written = [folder / "table.csv", folder / "table.md"]
    written += selection.of_comparison(report, description, found, folder)
    return Comparison(setting, found.scores, found.differences, written)
