"""A report's table and figures, reported beside obtained; and the accuracies of all reports as one table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from keras_ser import files, reports
from keras_ser.api import running
from keras_ser.api.settings import Options, asked, listed, whole_number
from keras_ser.data import protocols
from keras_ser.errors import UserError
from keras_ser.progress import log
from keras_ser.runs import archive, runner
from keras_ser.runs.passes import Pass
from keras_ser.runs.planning import Setting

RESULTS_BEGIN, RESULTS_END = "<!-- results -->", "<!-- end of results -->"  # of a README, as comments of Markdown


@dataclass(frozen=True)
class Reproduction:
    """A report's table (columns: :data:`keras_ser.analysis.reported.COLUMNS`), the repetitions that it was made from,
    and what was written: ``files``, the table as CSV and Markdown; ``figures``, each a file; ``logs``, the folder of
    TensorBoard's.
    """

    setting: Setting
    table: pd.DataFrame
    whole: list[Pass]
    files: list[Path]
    figures: list[Path]
    logs: Path


def reproduce(
    report: str,
    *,
    experiments: str | Sequence[str] | None = None,
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
    features: str = "cached",
    out: str | Path = "artifacts",
    tabulated: Callable[[Setting, pd.DataFrame], None] | None = None,
) -> Reproduction:
    """Run a report and write its table and figures.

    Args:
        experiments: names, or one; None: those that the report lists and that have clips. Extensions are run when they
            are named.
        protocols: names, or one; None: those of the report.
        seeds: repetitions of each protocol, seeds 0 … ``seeds`` - 1.
        stored: train nothing. With it and without, the table is of all runs that are stored, whatever is named.
        jobs: how many runs are trained at a time, each by a process of its own if there are several; None: one per
            core, or one where there is a GPU.
        scheduler: address of a Dask cluster that trains the runs in place of processes of this machine.
        tabulated: is called as soon as the table is written, before figures are drawn.
        report, data, corpus, labels, speaker_from, epochs, backend, features, out: as of :func:`run`.

    Raises:
        UserError: as :func:`run`; no whole repetition is stored; the disk does not take the results.
    """
    from keras_ser.analysis import reported
    from keras_ser.output import markdown, tables, tensorboard
    from keras_ser.output.figures import selection

    seeds, jobs = whole_number("seeds", seeds, 1), None if jobs is None else whole_number("jobs", jobs, 1)
    experiments, protocols = listed(experiments), listed(protocols)
    chosen, names = asked(report, protocols, experiments)
    setting = Options(data, corpus, labels, speaker_from, epochs, backend, features, out).setting(report)
    if not protocols and setting.material.substitute:  # others than the report's may not know their speakers
        names = _without_impossible(names, setting)
    if not stored:
        chosen = chosen if experiments else running.with_clips(setting).listed
        with running.randomness_of_the_caller():
            runner.run_all(setting, chosen, names, range(seeds), jobs=jobs, scheduler=scheduler)
    runs = running.stored(setting)
    whole = running.whole(setting, runs, stored)
    table = reported.table(setting.report, whole)
    folder = setting.out / setting.report.name
    tables.write(table, markdown.report_table(setting.report, table, whole), folder)
    archive.write(archive.read_all(setting.root, setting.report.name), folder)
    if tabulated:
        tabulated(setting, table)
    drawn_by = running.processes_that_trained(stored, jobs, scheduler)
    figures = selection.of_report(setting.report, setting.material, whole, table, folder / "figures", drawn_by)
    logs = tensorboard.write(running.in_folders(runs), setting.out / "tensorboard", drawn_by)
    return Reproduction(setting, table, whole, [folder / "table.csv", folder / "table.md"], figures, logs)


def _without_impossible(names, setting):
    """Of these protocols those that the clips allow, with a warning; all where they allow none, to hear why."""
    possible = protocols.possible(setting.material.manifest, setting.report.split)
    impossible = [name for name in names if name not in possible]
    if impossible and len(impossible) < len(names):
        log.warning("%s: %s not possible on these clips", setting.report.name, ", ".join(impossible))
        return [name for name in names if name in possible]
    return names


def results(out: str | Path = "artifacts", readme: str | Path | None = None) -> pd.DataFrame:
    """The accuracies of the five reports so far, reported and obtained, one row per experiment and protocol.

    Args:
        out: directory of the results.
        readme: a Markdown file, between whose lines ``<!-- results -->`` and ``<!-- end of results -->`` they are
            written as a table.

    Raises:
        UserError: there is no table of any of them; ``readme`` lacks the two lines, cannot be read or written.
    """
    from keras_ser.output import document, markdown, tables

    accuracies = tables.accuracies([reports.load(name) for name in reports.NAMES], Path(out))
    if accuracies.empty:
        raise UserError(f"{out}: no table of any of the five reports is there: reproduce one first")
    if readme is not None:
        with files.reading(readme, "a Markdown file is needed"), open(readme, encoding="utf-8", newline="") as file:
            before, begin, rest = file.read().partition(RESULTS_BEGIN)  # its line ends stay
        _, end, after = rest.partition(RESULTS_END)
        if not (begin and end):
            raise UserError(f"{readme}: has no lines {RESULTS_BEGIN} and {RESULTS_END} to write between")
        table = document.as_table(markdown.results(accuracies))
        between = f"\n{table}\n".replace("\n", "\r\n" if rest.startswith("\r\n") else "\n")
        with files.replaced(readme) as part:
            part.write_text(f"{before}{begin}{between}{end}{after}", encoding="utf-8", newline="")
    return accuracies
