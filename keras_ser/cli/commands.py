"""The command line: arguments → one call of :mod:`keras_ser.api`, or of the room where it is done, and what it returns
in print. ``main(argv)`` returns the exit code.

0: done. 2: something the user can put right, said in one line on stderr. 3: done in part (``predict`` named each file
that it skipped). 130: interrupted; the line says whether what was finished is kept.
TensorFlow is imported by the commands that need it, so that ``--help``, ``reports`` and ``show`` answer at once.
"""

import contextlib
import itertools
import logging
import os
import re
import sys
from collections import Counter
from pathlib import Path

from keras_ser import reports
from keras_ser.errors import PartialSuccess, UserError, one_line
from keras_ser.progress import quiet_stderr
from keras_ser.runs.processes import start_tensorflow

EXTRAS = {  # what is not installed with the package alone → the extra that brings it
    **dict.fromkeys(("librosa", "noisereduce", "soxr"), "reference"),
    **dict.fromkeys(("matplotlib", "seaborn"), "figures"),
    **dict.fromkeys(("jinja2", "markdown_it", "PIL", "pooch", "statsmodels", "tensorboard"), "reports"),
    "gradio": "demo",
    "opensmile": "opensmile",
    **dict.fromkeys(("dask", "distributed"), "distributed"),
    "pyarrow": "parquet",
    "shtab": "completion",
}
VERDICTS = {  # ANSI colours
    "reproduced": 32,
    "higher": 33,
    "lower": 33,
    "differs": 31,
    "not decided": 36,
    "not comparable": 90,
}


def started():
    """:mod:`keras_ser.api`, TensorFlow started without its chatter, with one thread per operation.

    Runs and batches share the cores, not operations: a run's last bits depend on how many threads an operation has.
    """
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    start_tensorflow()
    with quiet_stderr():
        from keras_ser import api
    return api


def coloured(text):
    """``text`` with its verdicts in colour where stdout is a terminal that wants it."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    words = re.compile(rf"(?<=\| )({'|'.join(VERDICTS)})\b")
    return words.sub(lambda word: f"\x1b[{VERDICTS[word[0]]}m{word[0]}\x1b[0m", text)


def list_reports(_):
    from keras_ser.reports import description

    for name in (*reports.NAMES, *reports.RECIPES):
        print(f"{name:20} {description.read(name)['title']}")


def show(options):
    from keras_ser.reports import description

    report = description.read(options.report)
    if options.json:
        print(description.as_text(report), end="")
        return
    from tabulate import tabulate

    print(
        f"{report['title']}\n{report['source']}\n\nCorpus: {', '.join(report['corpora'])}. "
        f"Labels: {', '.join(report['labels'])}.\nProtocols: {', '.join(report['protocols'])}.\n"
    )
    rows = [
        (
            item["name"],
            "extension" * item["extension"],
            f"{item['parameters']:,}",
            "×".join(map(str, item["input_shape"])),
        )
        for item in report["experiments"]
    ]
    print(tabulate(rows, ["experiment", "", "parameters", "input"]), end="\n\n")
    figures = report["figures"] if options.figures else [item for item in report["figures"] if not item["label"]]
    columns = ["stated for", "metric", "label", "value", "section", "note"]
    rows = [
        (item["experiment"] or "data", item["metric"], item["label"], item["value"], item["where"], item["note"])
        for item in figures
    ]
    if not options.figures:
        rows = [row[:2] + row[3:] for row in rows]
        columns.remove("label")
    if rows:
        print(tabulate(rows, columns, disable_numparse=True))
        hidden = len(report["figures"]) - len(figures)
        print(f"… and {hidden} figures of single classes: --figures\n" if hidden else "")
    if report["not_stated"]:
        rows = [(item["what"], item["choice"], item["reason"]) for item in report["not_stated"]]
        print(tabulate(rows, ["left open", "we chose", "because"], maxcolwidths=45), end="\n\n")
    if report["differences"]:
        print("Where its text, code and tables disagree:")
        for difference in report["differences"]:
            print(f"- {difference}")


def _settings(options):
    """What the commands that train have in common."""
    names = ("data", "corpus", "labels", "speaker_from", "epochs", "backend", "out")
    names += ("seeds", "stored", "jobs", "scheduler", "protocols")
    return {name: getattr(options, name) for name in names}


def reproduce(options):
    api = started()
    from keras_ser.api.settings import asked

    names = dict.fromkeys(options.reports or reports.NAMES)
    for name in names:  # what the last of them lacks is said before the first is run
        asked(name, options.protocols or (), options.experiments or ())
    for name in names:
        words = {"experiments": options.experiments, "features": options.features, **_settings(options)}
        done = api.reproduce(name, **words, tabulated=_print_table)
        figures = f"{len(done.figures)} figures in {done.files[0].parent / 'figures'}"
        print("", *done.files, figures, done.setting.root / name, f"tensorboard --logdir {done.logs}", sep="\n")
        once = _trained_once(done.whole)
        if options.seeds == 1 and once and not options.stored:
            material = done.setting.material
            of_report = "as_reported" in once and not (material.substitute or material.synthetic)
            print(
                "One repetition does not show the spread over repetitions"
                f"{', nor therefore whether a reported value is reproduced' * of_report}: add --seeds 5."
            )


def _trained_once(whole):
    """The protocols of which a network has one repetition alone among those of a table. → set"""
    count = Counter(
        (item.facts["experiment"], item.facts["protocol"]) for item in whole if item.facts["kind"] == "network"
    )
    return {protocol for (_, protocol), n in count.items() if n == 1}


def _print_table(setting, table):
    from keras_ser.output import document, markdown

    print(f"\n{setting.heading}")
    for metric in ("accuracy", "uar"):
        print(f"\n{metric}\n{coloured(document.as_table(markdown.scores(table, metric)))}", flush=True)


def results(options):
    """Print the table of all reports, or keep a README's in step with it."""
    accuracies = started().results(options.out, options.readme)
    if options.readme is None:
        from keras_ser.output import document, markdown

        print(coloured(document.as_table(markdown.results(accuracies))))


def page(options):
    started()
    from keras_ser import corpora
    from keras_ser.output import page

    path = page.write(options.out, corpora.data_root(options.data), audio=options.audio)
    print(path, f"one page per report in {path.parent / page.PAGES}", sep="\n")


def compare(options):
    api = started()
    done = api.compare(options.question, options.report, experiments=options.experiments or (), **_settings(options))
    from keras_ser.output import comparison, document

    print(f"\n{done.setting.heading}\n\n{document.as_table(comparison.scores(done.table))}")
    if len(done.differences):
        print(f"\n{document.as_table(comparison.differences(done.differences))}")
    print("", *done.files, sep="\n")


def leaks(options):
    shared, undeclared, protocol = started().leaks(options.path, options.protocol)
    print(shared.to_markdown(index=False) if len(shared) else "train and test share nothing")
    if undeclared:
        raise UserError(
            f"LEAK: {options.path}: {', '.join(undeclared)} in both train and test"
            + (f", which {protocol} does not allow" if protocol else "; if intended, name a protocol with --protocol")
        )


def augment(options):
    names = ("out", "seed", "data", "corpus", "labels", "speaker_from")
    material, count = started().augment(options.report, **{name: getattr(options, name) for name in names})
    print(f"{material.description}: {count} files, their table and the splits are in {options.out}")


def corpus_check(options):
    from keras_ser.corpora import CORPORA, data_root
    from keras_ser.corpora.check import check

    root = data_root(options.data)
    words = {"labels": options.labels, "speaker_from": options.speaker_from}
    if options.name in CORPORA and any(words.values()):
        started()
        from keras_ser.api.settings import check_of_own

        check_of_own(**words)
    result = check(options.name, root, **words, cache=options.out / "cache")
    print(result.text())
    if not result.usable:
        raise UserError(f"{options.name} cannot be used: {result.obstacle}")


def corpus_make(options):
    from keras_ser.corpora import get, synthetic

    names = options.name or synthetic.NAMES
    for name in names:  # before the first is made
        get(name)
    for name in names:
        print(synthetic.make(name, options.out / name))


def corpus_download(options):
    from keras_ser.corpora import data_root
    from keras_ser.corpora.download import download

    print(download(options.name, data_root(options.data, new=True)))


def export(options):
    api = started()
    words = {name: getattr(options, name) for name in ("corpus", "labels", "speaker_from")}
    differences = api.export(options.run, options.out, options.data, adapt=options.adapt, **words)
    if None in differences.values():
        from keras_ser.corpora import data_root

        lacking = f"{data_root(options.data)}: no recording of a test clip of this run"
        print(f"{lacking}: the model is not compared with what the run stored (--data DIR, or --corpus)\n")
    _print_differences(differences)
    print(f"\n{options.out}\n{options.out / 'README.md'}")


def verify(options):
    started()
    from keras_ser.serving import verify

    _print_differences(verify.verify(options.folder))


def _print_differences(differences):
    """What a self-test found."""
    from tabulate import tabulate

    rows = [(name, f"{difference:.1e}") for name, difference in differences.items() if difference is not None]
    print(tabulate(rows, ["compared", "greatest difference"]))


def calibrate(options):
    api = started()
    calibration = api.calibrate(options.run, options.out)
    print(
        f"temperature {calibration['temperature']:.3f}, fitted to {calibration['clips']} clips of unseen speakers\n"
        f"expected calibration error {calibration['error_before']:.3f} before, {calibration['error_after']:.3f} after "
        f"(each fold by the temperature of the others)\n\n{options.out}"
    )


def evaluate(options):
    _check_writable(options.output, options.figure)
    api = started()
    from tabulate import tabulate

    words = {name: getattr(options, name) for name in ("data", "labels", "speaker_from", "adapt", "all_classes")}
    evaluation = api.evaluate(options.corpus, options.model, **words)
    for label, clips in evaluation.unknown.items():
        print(f"excluded: {clips} clips of {label}, which the model does not know")
    try:
        if options.output:
            _write_csv(evaluation.predictions, options.output)
        if options.figure:
            evaluation.draw(os.path.basename(os.path.abspath(options.corpus)), options.figure)
    finally:  # shown too where the disk does not take them
        for table in (evaluation.scores, evaluation.classes):
            known = table.astype(object).where(table.notna(), None)  # a NaN would be printed as one
            known = known.replace({"speakers": 0}, "unknown")
            print(f"\n{tabulate(known, table.columns, showindex=False, floatfmt='.3f', missingval='–')}")


def robustness(options):
    _check_writable(options.output)
    api = started()
    from tabulate import tabulate

    words = {name: getattr(options, name) for name in ("data", "labels", "speaker_from", "adapt")}
    table = api.robustness(options.model, options.corpus, **words, n_clips=options.clips)
    try:
        if options.output:
            _write_csv(table, options.output)
    finally:  # shown too where the disk does not take it
        print(tabulate(table, table.columns, showindex=False, floatfmt=".3f"))


def _check_writable(*paths):
    """Raises UserError where one of the files (None: not asked for) cannot be written, before hours are spent on it."""
    from keras_ser import files

    for path in filter(None, paths):
        files.check_writable(path)


def _write_csv(table, path):
    from keras_ser import files

    with files.replaced(path) as part:
        # A file's name need not be text.
        table.to_csv(part, index=False, float_format="%.6g", errors="backslashreplace")


def predict(options):
    _check_writable(options.output)
    started()
    from keras_ser.serving import answers, formats, parts

    if options.timeline:
        formats.check_timelines(options.timeline)
    _without_model(options)
    _check_predict(options, parts.FORMATS)
    form = formats.Form(options.format, options.top, options.window, options.hop)
    with answers.recordings(options.paths, options.files_from) as paths:
        if options.parts:
            words = {"n_files": options.per_part or parts.FILES, "jobs": options.jobs, "scheduler": options.scheduler}
            done = answers.write_parts(options.model, paths, options.parts, form, **words)
            _print_parts(options.parts, done)
        else:
            words = {name: getattr(options, name) for name in ("adapt", "output", "timeline")}
            answered, failed = answers.write(options.model, paths, form, **words)
            if failed:
                raise PartialSuccess(f"{answered} file{'s' * (answered != 1)} predicted, {failed} skipped (see above)")


def _without_model(options):
    """What stands first is a recording if it is no model, and is there, alone or called like one: the package's model
    then answers.
    """
    from keras_ser.audio import SUFFIXES
    from keras_ser.runs import store
    from keras_ser.serving.predict import SHIPPED, is_model

    if options.model and not is_model(options.model):
        store.check_has_no_folds(options.model)
        alone = not (options.paths or options.files_from)
        if alone or options.model.suffix.lower() in SUFFIXES or os.path.exists(options.model):
            options.paths.insert(0, options.model)
            options.model = None
    options.model = options.model or SHIPPED


def _check_predict(options, of_parts):
    """Raises UserError where options of ``predict`` contradict one another. Sets what is not given."""
    if not options.paths and not options.files_from:
        raise UserError("no recordings are named: give files or directories, or a list with --files-from")
    alone = [name for name in ("jobs", "scheduler", "per_part") if getattr(options, name)]
    if alone and not options.parts:
        raise UserError(f"--{alone[0].replace('_', '-')} is for answers in parts: name their directory with --parts")
    exclusive = [name for name in ("output", "timeline", "adapt") if getattr(options, name)]
    if exclusive and options.parts:
        raise UserError(f"--{exclusive[0]} and --parts exclude one another")
    options.format = options.format or ("jsonl" if options.parts else "table")
    if options.parts and options.format not in of_parts:
        raise UserError(f"parts are written as {' or '.join(of_parts)}, not as {options.format}")
    if options.format == "parquet" and not options.parts:
        raise UserError("parquet is written in parts: name their directory with --parts")


def _print_parts(folder, done):
    there = f"{done.before} of them were there; " if done.before else ""
    failed = f", {done.failed} more could not be used: their rows say why" if done.failed else ""
    print(f"{folder}: {done.parts} parts, {there}{done.rates.total()} files predicted{failed}")


def demo(options):
    api = started()
    from keras_ser.serving import demo, predict

    demo.gradio()  # before the model is loaded: it may be missing
    demo.serve(api.load(options.model or predict.SHIPPED), port=options.port)


def benchmark(options):
    started()
    from keras_ser.benchmark import run

    words = {"training": options.training, "exports": options.serving or ()}
    words |= {"n_clips": options.clips, "rounds": options.rounds}
    table, written = run(options.out, options.data, **words)
    print(table.to_markdown(index=False, floatfmt=".2f"), "", *written, sep="\n")


def print_completion(parser, shell, _):
    """Of commands, options, reports and files."""
    import shtab

    parsers = [parser]
    for action in itertools.chain.from_iterable(command._actions for command in parsers):
        if isinstance(action.choices, dict):
            parsers += action.choices.values()  # of its commands
        elif action.metavar == "REPORT":
            action.choices = (*reports.NAMES, *reports.RECIPES)
        elif action.type is Path or "DIR" in (action.metavar or ""):
            action.complete = shtab.FILE
    print(shtab.complete(parser, shell))


def main(argv=None):
    """Run one command. → exit code."""
    from keras_ser.cli.parser import arguments  # which names the functions above

    parser = arguments()
    options = parser.parse_args(argv)
    if options.func is None:
        parser.print_help()
        return 0
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever called
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - until the process ends
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):  # a StringIO by which a program reads the output takes any text
            stream.reconfigure(errors="backslashreplace")  # a file's name need not be text
    code = carry_out(options)
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would try again as it ends
        if code == 0 and not isinstance(error, BrokenPipeError):  # `| head` has read enough
            return _complain(f"standard output: {error.strerror}")
    return code


def carry_out(options):
    """Call the command's function. → exit code."""
    from keras_ser.progress import on_stderr

    try:
        with on_stderr(logging.WARNING if options.quiet else logging.INFO):
            options.func(options)
    except BrokenPipeError:
        return 0
    except UserError as error:
        return _complain(error, error.exit_code)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        extra = "demo" if options.func is demo else EXTRAS[error.name]  # which brings all that it needs
        return _complain(f"{error.name} is not installed, which this command needs: pip install 'keras-ser[{extra}]'")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(one_line(f"{where}{error.strerror or error}"))
    except KeyboardInterrupt:
        if sys.stderr.isatty():  # a terminal shows ^C at the end of what stands there
            print(file=sys.stderr)
        return _complain(f"interrupted; {_after_interruption(options)}", code=130)
    except MemoryError:
        return _complain("memory does not suffice: close other programs, or give it less at a time")
    return 0


def _after_interruption(options):
    """What is left of the command's work, and how to go on."""
    if options.func in (evaluate, robustness, export, calibrate, verify, leaks, benchmark):
        return "nothing was written: run the same command to begin again"
    if options.func is predict and not options.parts:
        kept = f"{options.output} is as it was before" if options.output else "the answers end here"
        # Answers in parts are by a model that is not adapted.
        return kept if options.adapt else f"{kept}: use --parts to be able to go on"
    if options.func in (reproduce, compare, predict, corpus_check, corpus_download, corpus_make):
        return "what was finished is kept, run the same command to go on"
    return "run the same command to begin again"


def _complain(line, code=2):
    """Say what went wrong, where anybody can hear it. → exit code"""
    with contextlib.suppress(OSError):
        print(f"keras-ser: {line}", file=sys.stderr)
    return code
