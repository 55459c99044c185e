"""The command line: arguments → one call. ``main(argv)`` returns the exit code.

0: done. 2: something the user can put right, said in one line on stderr. 130: interrupted; what was finished is kept.
TensorFlow is imported by the commands that need it, so that ``--help`` answers at once.
"""

import contextlib
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from keras_ser import reports
from keras_ser.cli.parser import EMBEDDED_EPOCHS, EMBEDDED_FOLDS, QUESTIONS, arguments
from keras_ser.errors import UserError, one_line

RESULTS_BEGIN, RESULTS_END = "<!-- results -->", "<!-- end of results -->"  # of `results --readme`


def data_root(argument):
    """Where the corpora are: the argument, else $KERAS_SER_DATA, else data/. Raises UserError if told of no folder."""
    named = argument or os.environ.get("KERAS_SER_DATA")
    if named and not Path(named).is_dir():
        raise UserError(f"{named}: no such folder; --data and KERAS_SER_DATA name a directory containing the corpora")
    return Path(named or "data")


def find_corpora(names, root, out):
    """What is under ``root`` of the corpora called ``names``, or bundled synthetic ones where there is nothing of them.

    Real and synthetic speech are never mixed. → (title, manifest)
    """
    from keras_ser import corpora
    from keras_ser.corpora import synthetic

    there = [name for name in names if (root / name).is_dir()]
    missing = [name for name in names if name not in there]
    if not there:
        folders = ", ".join(str(root / name) for name in names)
        what = corpora.titles(names)
        print(f"{folders}: no such folder, so bundled synthetic speech takes the place of {what}", file=sys.stderr)
        root = out / "cache" / "synthetic"
        for name in names:
            synthetic.make(name, root / name)
        return what, corpora.joined(names, root)
    if missing:
        print(f"{root}: {' and '.join(missing)} not found; used are {' and '.join(there)} alone", file=sys.stderr)
    return corpora.titles(there, missing), corpora.joined(there, root)


@contextlib.contextmanager
def quiet_stderr():
    """Keep back what TensorFlow and its converter print before and without being told; show it if something breaks."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        terminal = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except (UserError, KeyboardInterrupt):
            raise
        except BaseException:
            kept.seek(0)
            os.write(terminal, kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)


def load(name):
    """The report called ``name``, TensorFlow started without its chatter."""
    if name in reports.NAMES:
        with quiet_stderr():
            import tensorflow as tf

            tf.config.list_physical_devices()
            # Every run builds a model of its own, which TensorFlow takes for needless retracing.
            tf.get_logger().setLevel("ERROR")
    return reports.load(name)


def list_reports(_):
    for name in reports.NAMES:
        print(f"{name:20} {load(name).title}")


def show(options):
    report = load(options.report)
    models = {item.name: item.model(len(report.labels)) for item in report.experiments}
    if options.json:
        print(json.dumps(as_json(report, models), indent=1))
        return
    from tabulate import tabulate

    print(
        f"{report.title}\n{report.source}\n\nCorpus: {', '.join(report.corpora)}. Labels: {', '.join(report.labels)}.\n"
        f"Protocols: {', '.join(report.protocols)}.\n"
    )
    rows = [
        (
            item.name,
            "extension" if item.ours else "",
            f"{models[item.name].count_params():,}",
            "×".join(map(str, models[item.name].input_shape[1:])),
        )
        for item in report.experiments
    ]
    print(tabulate(rows, ["experiment", "", "parameters", "input"]), end="\n\n")
    stated = [(item.experiment or "data", item.metric, item.value, item.where, item.note) for item in report.figures]
    print(tabulate(stated, ["stated for", "metric", "value", "section", "note"]), end="\n\n")
    left_open = [(item.what, item.choice, item.reason) for item in report.not_stated]
    print(tabulate(left_open, ["left open", "we chose", "because"], maxcolwidths=45), end="\n\n")
    print("Where its text, code and tables disagree:")
    for difference in report.differences:
        print(f"- {difference}")


def as_json(report, models):
    """A report for programs."""
    return {
        "name": report.name,
        "title": report.title,
        "source": report.source,
        "corpora": report.corpora,
        "labels": report.labels,
        "protocols": report.protocols,
        "experiments": [
            {
                "name": item.name,
                "front_end": item.front_end.name,
                "sample_rate": item.front_end.sample_rate,
                "loss": item.loss,
                "ours": item.ours,
                "note": item.note,
                "input_shape": models[item.name].input_shape[1:],
                "parameters": models[item.name].count_params(),
                "trainable_parameters": sum(int(weight.numpy().size) for weight in models[item.name].trainable_weights),
            }
            for item in report.experiments
        ],
        "figures": [vars(item) for item in report.figures],
        "not_stated": [vars(item) for item in report.not_stated],
        "differences": report.differences,
    }


def reproduce(options):
    chosen = options.reports or list(reports.NAMES)
    root = data_root(options.data)
    for name in dict.fromkeys(chosen):
        reproduce_one(load(name), root, options)


def prepare(report, root, options):
    """What a report is run on: → (material, folder of its results, how many epochs at most)"""
    from keras_ser import corpora
    from keras_ser.corpora import folders
    from keras_ser.runs import runner

    substitute = options.corpus if report.corpora != (options.corpus,) else None
    if substitute:
        if substitute not in corpora.CORPORA and Path(substitute).is_dir():
            manifest, what = folders.manifest(substitute), f"the folder {Path(substitute).resolve().name}"
            substitute = Path(substitute).resolve().name
        else:
            manifest, what = corpora.manifest(substitute, root), corpora.get(substitute).title
        title = f"{what} in place of {corpora.titles(report.corpora)}"
    else:
        title, manifest = find_corpora(report.corpora, root, options.out)
    material = runner.gather(report, title, manifest)
    for line in material.excluded:
        print(f"excluded: {line}", file=sys.stderr)
    epochs = options.epochs or (EMBEDDED_EPOCHS if material.synthetic else None)
    # Figures from synthetic speech, or of a substitute corpus, never lie where those of the report's own recordings do.
    out = options.out / "substitute" / substitute if substitute else options.out
    out = out / "synthetic" if material.synthetic else out
    return material, out, epochs


def sized(report, material):
    """The report with the sizes that it finds from its data; on synthetic speech with few folds."""
    report = report.fitted(material.manifest)
    if material.synthetic:
        report = replace(report, split=replace(report.split, n_folds=EMBEDDED_FOLDS))
    return report


def run(report, material, experiments, protocol_names, out, epochs, options, **which):
    """Run what is missing. → list of store.Run"""
    from keras_ser.runs import runner

    return runner.run_all(
        report,
        material,
        root=out / "runs",
        cache_root=options.out / "cache" / "features",
        experiments=experiments,
        protocol_names=protocol_names,
        repetitions=range(options.seeds),
        backend=options.backend,
        epochs=epochs,
        **which,
    )


def reproduce_one(report, root, options):
    """Run one report, write its table and figures, and say where they are."""
    from keras_ser.analysis import reported
    from keras_ser.data import protocols
    from keras_ser.output import document, figures, markdown, tables, tensorboard
    from keras_ser.runs import archive, passes, runner

    protocol_names = options.protocols or list(report.protocols)
    for protocol in protocol_names:
        protocols.get(protocol)
    if options.experiments == ["all"]:
        experiments = list(report.experiments)
    elif options.experiments:
        experiments = [report.experiment(name) for name in options.experiments]
    else:
        experiments = [item for item in report.experiments if not item.ours]

    material, out, epochs = prepare(report, root, options)
    report = sized(report, material)
    experiments = [report.experiment(item.name) for item in experiments]
    if not options.stored:
        run(report, material, experiments, protocol_names, out, epochs, options)
    stored, others = runner.stored(report, material, root=out / "runs", backend=options.backend, epochs=epochs)
    whole = passes.whole(stored)
    if not whole:
        raise UserError(
            f"{out / 'runs' / report.name}: no whole repetition of {material.description} is stored: leave out --stored"
        )
    say_excluded(report, stored, others, whole)
    frame = reported.table(report, whole)
    folder = out / report.name
    tables.write(frame, markdown.report_table(report, frame, whole), folder)
    archive.write(archive.read_all(out / "runs", report.name), folder)
    paths = figures.of_report(report, material, whole, frame, folder / "figures")
    logs = tensorboard.write(stored, out / "tensorboard")

    say_what(report, material, epochs)
    for metric in ("accuracy", "uar"):
        print(f"\n{metric}\n{document.as_table(markdown.scores(frame, metric))}")
    written = [folder / "table.csv", folder / "table.md", f"{len(paths)} figures in {folder / 'figures'}"]
    print("", *written, out / "runs" / report.name, f"tensorboard --logdir {logs}", sep="\n")


def results(options):
    """Print the table of all reports, or keep a README's in step with it."""
    from keras_ser.output import document, markdown, tables

    found = tables.accuracies([load(name) for name in reports.NAMES], options.out)
    if found.empty:
        raise UserError(f"{options.out}: no table of any report is there: reproduce one first")
    text = document.as_table(markdown.results(found))
    if options.readme is None:
        print(text)
        return
    before, begin, rest = options.readme.read_text().partition(RESULTS_BEGIN)
    _, end, after = rest.partition(RESULTS_END)
    if not (begin and end):
        raise UserError(f"{options.readme}: has no lines {RESULTS_BEGIN} and {RESULTS_END} to write between")
    options.readme.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def page(options):
    load(reports.NAMES[0])
    from keras_ser.output import page

    path = page.write(options.out, data_root(options.data), audio=options.audio)
    print(path, f"one page per report in {path.parent / page.PAGES}", sep="\n")


def say_what(report, material, epochs):
    """What the figures that follow were made from."""
    from keras_ser import corpora

    print(f"\n{report.title}\n{material.description}, {len(material.manifest)} clips")
    if material.synthetic:
        n_epochs = f"{epochs} epoch{'s' * (epochs != 1)}"
        print(f"SYNTHETIC speech, at most {n_epochs}: a smoke test; the numbers mean nothing.")
    if material.substitute:
        print(f"SUBSTITUTE corpus: not comparable with the report, which used {corpora.titles(report.corpora)}.")


def say_excluded(report, stored, others, whole):
    """Which stored runs are in no table, and why."""
    if others:
        print(
            f"{report.name}: {len(others)} stored runs excluded: they were made otherwise than they would be today "
            "(other clips, code, model, training or splits)",
            file=sys.stderr,
        )
    single = len(stored) - sum(len(item.runs) for item in whole)
    if single:
        print(f"{report.name}: {single} stored runs excluded: their repetition lacks folds", file=sys.stderr)


def compare(options):
    """Answer one question by stored runs; those that are missing are run first."""
    report = load(options.report)
    from keras_ser.analysis import paired
    from keras_ser.data import protocols
    from keras_ser.output import document, figures, markdown, tables, tensorboard
    from keras_ser.reports import extensions
    from keras_ser.runs import archive, passes, runner

    for protocol in options.protocols or ():
        protocols.get(protocol)
    material, out, epochs = prepare(report, data_root(options.data), options)
    report = sized(report, material)
    experiments, pairs = extensions.compared(report, options.question, options.experiments or ())
    chosen = options.protocols or protocols.possible(material.manifest, report.split)
    if options.stored:
        which = {"root": out / "runs", "backend": options.backend, "epochs": epochs, "experiments": experiments}
        found, others = runner.stored(report, material, **which)
        ran = [item for item in found if item.facts["protocol"] in chosen]
    else:
        ran, others = run(report, material, experiments, chosen, out, epochs, options, models=False), []
    tensorboard.write(ran, out / "tensorboard")
    whole = passes.whole(ran)
    if not whole:
        raise UserError(f"{out / 'runs' / report.name}: no whole repetition is stored: leave out --stored")
    say_excluded(report, ran, others, whole)
    clips = paired.tested(whole)
    frame, changes = paired.scores(whole, clips), paired.differences(clips, pairs, whole)
    classes = paired.by_class(clips, pairs, report.labels)
    folder = out / "compare" / options.question / report.name
    description = f"{material.description}, {len(material.manifest)} clips"
    text = markdown.comparison(QUESTIONS[options.question][0], report, description, whole, frame, changes, classes)
    tables.write(frame, text, folder)
    archive.write(archive.read_all(out / "runs", report.name), out / report.name)
    pictures = figures.of_comparison(report, description, whole, frame, changes, clips, folder)

    say_what(report, material, epochs)
    print(f"\n{document.as_table(markdown.comparison_scores(frame))}")
    if len(changes):
        print(f"\n{document.as_table(markdown.differences(changes))}")
    print("", folder / "table.csv", folder / "table.md", *pictures, sep="\n")


def leaks(options):
    from keras_ser.data import leakage, protocols
    from keras_ser.runs import store

    if options.protocol:
        protocols.get(options.protocol)
    if options.path.is_dir():
        run = store.read(options.path)
        if run is None:
            raise UserError(f"{options.path}: no run is stored there (a run is a folder …/seed-<k> with run.json)")
        found, protocol = leakage.of_counts(run.facts["shared"]), options.protocol or run.facts["protocol"]
    else:
        found, protocol = leakage.of_table(leakage.read(options.path)), options.protocol
    undeclared = leakage.undeclared(found, protocol)
    print(found.to_markdown(index=False) if len(found) else "train and test share nothing")
    if undeclared:
        raise UserError(
            f"LEAK: {options.path}: {', '.join(undeclared)} in both train and test"
            + (f", which {protocol} does not allow" if protocol else "; if intended, name a protocol with --protocol")
        )


def augment(options):
    report = load(options.report)
    from keras_ser.data import augmented_audio
    from keras_ser.runs import runner

    material = runner.gather(report, *find_corpora(report.corpora, data_root(options.data), options.out))
    count = augmented_audio.write(report, material.manifest, options.out, options.seed)
    print(f"{material.description}: {count} files, their table and the splits are in {options.out}")


def corpus_check(options):
    from keras_ser.corpora.check import check

    result = check(options.name, data_root(options.data))
    print(result.text())
    if not result.usable:
        raise UserError(f"{options.name} cannot be used: {result.obstacle}")


def corpus_make(options):
    from keras_ser.corpora import synthetic

    for name in options.name or synthetic.NAMES:
        print(synthetic.make(name, options.out / name))


def corpus_download(options):
    from keras_ser.corpora.download import download

    print(download(options.name, options.data or Path(os.environ.get("KERAS_SER_DATA") or "data")))


def export(options):
    load(reports.NAMES[0])
    from keras_ser.serving import export

    run, root = export.open_run(options.run), data_root(options.data)
    stored = export.stored_clips(run, root)
    if stored.empty:
        lacking = f"{root}: no recording of a test clip of this run"
        if options.data:
            raise UserError(f"{lacking}; without --data the model is exported uncompared with what the run stored")
        print(f"{lacking}: the model is not compared with what the run stored (--data DIR)\n")
    with quiet_stderr():  # TensorFlow Lite's converter reports as an error what the model card says in words
        differences = export.export(run, options.out, stored)
    say_differences(differences)
    print(f"\n{options.out}\n{options.out / 'README.md'}")


def verify(options):
    load(reports.NAMES[0])
    from keras_ser.serving import export

    say_differences(export.verify(options.model))


def say_differences(differences):
    """What a self-test found."""
    from tabulate import tabulate

    rows = [(name, f"{difference:.1e}") for name, difference in differences.items()]
    print(tabulate(rows, ["self-test", "greatest difference of a probability"]))


def predict(options):
    load(reports.NAMES[0])
    from keras_ser.serving import predict

    predictor = predict.load(options.model)
    line = predict.FORMATS[options.format]
    if options.format == "csv":
        print(predict.csv_header(predictor.labels))
    found = predict.predict(predictor, predict.recordings(options.paths), window_s=options.window, hop_s=options.hop)
    answered = failed = 0
    for prediction in found:
        if isinstance(prediction, UserError):
            failed += 1
            print(f"skipped: {prediction}", file=sys.stderr)
            continue
        answered += 1
        print(line(prediction), flush=True)
        if options.timeline:
            predict.write_timeline(prediction, options.timeline)
    if not answered and not failed:
        raise UserError(f"{', '.join(map(str, options.paths))}: no audio file is there")
    if failed:
        raise UserError(f"{failed} of {answered + failed} files could not be used, the rest is done")


def demo(options):
    load(reports.NAMES[0])
    from keras_ser.serving import demo, predict

    demo.gradio()  # before the model is loaded: it may be missing
    demo.serve(predict.load(options.model), port=options.port)


def benchmark(options):
    load(reports.NAMES[0])
    from keras_ser.benchmark import serving, signal, training
    from keras_ser.serving import export

    runs = [export.open_run(folder) for folder in options.serving or ()]
    corpus = "tess" if options.training else "emodb"
    title, manifest = find_corpora([corpus], data_root(options.data), options.out)
    kind = "bundled synthetic speech in place of " if manifest["synthetic"].any() else ""
    step = max(1, len(manifest) // options.clips)
    paths = list(manifest["path"][::step][: options.clips])
    folder = options.out / "benchmark"
    settings = {"corpus": kind + title, "rounds": options.rounds}
    if runs:
        name, table = "serving", serving.run(runs, paths, folder, **settings)
    elif options.training:
        name, table = "training", training.run(paths, folder, **settings)
    else:
        name, table = "benchmark", signal.run(paths, folder, **settings)
    print(f"{table.to_markdown(index=False, floatfmt='.2f')}\n\n{folder / name}.csv\n{folder / name}.md")


def main(argv=None):
    """Run one command. → exit code."""
    options = arguments().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a file's name need not be text
    code = carry_out(options)
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would try again as it ends
        if code == 0 and not isinstance(error, BrokenPipeError):  # `| head` has read enough
            print(f"keras-ser: standard output: {error.strerror}", file=sys.stderr)
            return 2
    return code


def carry_out(options):
    """Call the command's function. → exit code."""
    try:
        globals()[options.function](options)
    except BrokenPipeError:
        return 0
    except UserError as error:
        print(f"keras-ser: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"keras-ser: {one_line(f'{where}{error.strerror or error}')}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nkeras-ser: interrupted; what was finished is kept, run the same command to go on",
            file=sys.stderr,
        )
        return 130
    return 0
