"""The command line: arguments → one call. ``main(argv)`` returns the exit code.

0: done. 2: something the user can put right, said in one line on stderr. 130: interrupted; what was finished is kept.
TensorFlow is imported by the commands that need it, so that ``--help`` answers at once.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

from keras_ser import reports
from keras_ser.errors import UserError

# How long to train on embedded corpora unless --epochs says so: enough to see every part work within minutes.
EMBEDDED_EPOCHS = 3

RESULTS_BEGIN, RESULTS_END = "<!-- results -->", "<!-- end of results -->"  # of `results --readme`

QUESTIONS = {  # of `compare`: what is asked, and what is compared unless experiments are named
    "losses": ("Mean squared error against cross-entropy.", "the report's, each with both losses"),
    "models": ("The report's architectures and an SVM.", "one a model of the report, and svm"),
    "protocols": ("Each step from the report's split to new speakers and sentences.", "those of the report"),
}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def positive(text):
    """A whole number of at least 1."""
    value = int(text) if text.isascii() and text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 is needed, not {text!r}")
    return value


def seconds(text):
    """A length of time above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"a number of seconds above 0 is needed, not {text!r}")
    return value


def names(text):
    """Names with commas between them."""
    return [name for name in text.split(",") if name]


def arguments():
    """The parser of all commands."""
    parser = Parser(prog="keras-ser", description="Five speech emotion recognition reports, reproduced in Keras.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(function, name, summary, **kwargs):
        added = commands.add_parser(name, help=summary, description=summary, **kwargs)
        added.set_defaults(function=function)
        return added

    def with_data(added):
        added.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            help="folder with one folder a corpus (default: $KERAS_SER_DATA, else data/)",
        )

    command(list_reports, "reports", "List the reports.")

    added = command(show, "show", "What a report states, leaves open, and what we chose.")
    added.add_argument("report", choices=reports.NAMES, metavar="REPORT", help=", ".join(reports.NAMES))
    added.add_argument("--json", action="store_true", help="for programs")

    def with_runs(added):
        with_data(added)
        added.add_argument("--out", type=Path, default=Path("artifacts"), metavar="DIR", help="default: artifacts")
        added.add_argument("--seeds", type=positive, default=1, metavar="N", help="seeds 0 … N-1 (default: 1)")
        added.add_argument(
            "--corpus",
            metavar="NAME",
            help="a stand-in, cut down to the report's emotions: another corpus, or a folder with one folder a class",
        )
        added.add_argument(
            "--features", choices=("in_graph", "reference"), default="in_graph", help="default: in_graph"
        )
        added.add_argument(
            "--epochs",
            type=positive,
            metavar="N",
            help=f"at most N (default: the report's; {EMBEDDED_EPOCHS} on embedded corpora)",
        )

    added = command(reproduce, "reproduce", "Run reports and write their tables and pictures.")
    added.add_argument("reports", nargs="*", metavar="REPORT", help=f"default: all ({', '.join(reports.NAMES)})")
    with_runs(added)
    added.add_argument(
        "--protocols",
        type=names,
        metavar="A,B",
        help="default: those of the report (keras-ser show REPORT)",
    )
    added.add_argument("--experiments", type=names, metavar="X,Y", help="default: those of the report; all: ours too")
    added.add_argument("--stored", action="store_true", help="train nothing: tables and pictures of what is stored")

    added = command(results, "results", "All accuracies so far, reported and ours, in one table.")
    added.add_argument("--out", type=Path, default=Path("artifacts"), metavar="DIR", help="default: artifacts")
    added.add_argument("--readme", type=Path, metavar="FILE", help="write it between the marks in this Markdown file")

    added = command(page, "page", "Write the results page: everything that is stored, in one HTML file.")
    with_data(added)
    added.add_argument("--out", type=Path, default=Path("artifacts"), metavar="DIR", help="default: artifacts")
    added.add_argument("--audio", action="store_true", help="with recordings of people to play: mind their licences")

    questions = command(None, "compare", "Set losses, models or protocols side by side on the same clips.")
    questions = questions.add_subparsers(required=True, metavar="QUESTION")
    for question, (summary, which) in QUESTIONS.items():
        added = questions.add_parser(question, help=summary, description=f"{summary} Runs that are missing are run.")
        added.set_defaults(function=compare, question=question)
        added.add_argument("report", choices=reports.NAMES, metavar="REPORT", help=", ".join(reports.NAMES))
        with_runs(added)
        added.add_argument("--protocols", type=names, metavar="A,B", help="default: all that the corpus allows")
        added.add_argument("--experiments", type=names, metavar="X,Y", help=f"default: {which}")

    added = command(leaks, "leaks", "What train and test share that their protocol does not declare.")
    added.add_argument(
        "path",
        type=Path,
        metavar="RUN|CSV",
        help="folder of a run, or a table with the columns side and any of clip, content, speaker, sentence",
    )
    added.add_argument("--protocol", metavar="NAME", help="what a table may share (default: nothing)")

    added = command(augment, "augment", "Write a report's augmented audio as WAV and its splits as CSV.")
    added.add_argument("report", choices=reports.NAMES, metavar="REPORT", help=", ".join(reports.NAMES))
    with_data(added)
    added.add_argument("--out", type=Path, required=True, metavar="DIR")
    added.add_argument("--seed", type=int, default=0, metavar="K", help="default: 0")

    corpus = command(None, "corpus", "Make, check or download a corpus.")
    actions = corpus.add_subparsers(required=True, metavar="ACTION")
    summary = "Count and check every clip of a corpus."
    added = actions.add_parser("check", help=summary, description=summary)
    added.set_defaults(function=corpus_check)
    added.add_argument("name", metavar="NAME", help="emodb, ravdess, tess, savee or crema_d")
    with_data(added)
    summary = "Write embedded corpora: synthetic speech with a corpus's file names and rates."
    added = actions.add_parser("make", help=summary, description=summary)
    added.set_defaults(function=corpus_make)
    added.add_argument("name", nargs="*", metavar="NAME", help="default: all five")
    added.add_argument("--out", type=Path, required=True, metavar="DIR")
    summary = "Download a public corpus from its home."
    added = actions.add_parser("download", help=summary, description=summary)
    added.set_defaults(function=corpus_download)
    added.add_argument("name", metavar="NAME", help="emodb, ravdess, crema_d or tess")
    with_data(added)

    added = command(export, "export", "Write a stored run as a SavedModel: raw audio in, probabilities out.")
    added.add_argument("run", type=Path, metavar="RUN", help="folder of a run: …/seed-<k>")
    added.add_argument("--out", type=Path, required=True, metavar="DIR")

    added = command(verify, "verify", "Repeat the self-test of an exported model.")
    added.add_argument("model", type=Path, metavar="DIR")

    added = command(predict, "predict", "Emotions of recordings by an exported model or a stored run.")
    added.add_argument("model", type=Path, metavar="MODEL", help="exported folder, folder of a run, or its model.keras")
    added.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="files, and folders to search")
    added.add_argument("--format", choices=("table", "csv", "jsonl"), default="table", help="default: table")
    added.add_argument("--window", type=seconds, metavar="S", help="answer in windows (default: if longer than 15 s)")
    added.add_argument("--hop", type=seconds, metavar="S", help="from window to window (default: half a window)")
    added.add_argument("--timeline", type=Path, metavar="DIR", help="write windows as CSV and picture, a file each")

    added = command(demo, "demo", "Serve a page to this machine on which to try a model with one's own voice.")
    added.add_argument("model", type=Path, metavar="MODEL", help="exported folder, folder of a run, or its model.keras")
    added.add_argument("--port", type=positive, default=7860, metavar="N", help="default: 7860")

    added = command(benchmark, "benchmark", "Time the graph against librosa and noisereduce on the same clips.")
    with_data(added)
    added.add_argument("--out", type=Path, default=Path("artifacts"), metavar="DIR", help="default: artifacts")
    kind = added.add_mutually_exclusive_group()
    kind.add_argument("--training", action="store_true", help="time training beside the reports' listings instead")
    kind.add_argument("--serving", type=Path, nargs="+", metavar="RUN", help="time the exports of runs instead")
    added.add_argument("--clips", type=positive, default=64, metavar="N", help="default: 64")
    added.add_argument("--rounds", type=positive, default=5, metavar="N", help="default: 5")
    return parser


def data_root(argument):
    """Where the corpora are: the argument, else $KERAS_SER_DATA, else data/. Raises UserError if told of no folder."""
    named = argument or os.environ.get("KERAS_SER_DATA")
    if named and not Path(named).is_dir():
        raise UserError(f"{named}: no such folder; --data and KERAS_SER_DATA name a folder with one folder a corpus")
    return Path(named or "data")


def find_corpora(names, root, out):
    """What is under ``root`` of the corpora called ``names``, or the embedded ones where there is nothing of them.

    Real and synthetic speech are never mixed. → (title, manifest)
    """
    from keras_ser import corpora
    from keras_ser.corpora import synthetic

    there = [name for name in names if (root / name).is_dir()]
    missing = [name for name in names if name not in there]
    if not there:
        folders = ", ".join(str(root / name) for name in names)
        what = corpora.titles(names)
        print(f"{folders}: no such folder, so embedded synthetic speech stands in for {what}", file=sys.stderr)
        root = out / "cache" / "synthetic"
        for name in names:
            synthetic.make(name, root / name)
        return what, corpora.joined(names, root)
    if missing:
        print(f"{root}: {' and '.join(missing)} not found; used are {' and '.join(there)} alone", file=sys.stderr)
    return corpora.titles(there, missing), corpora.joined(there, root)


@contextlib.contextmanager
def quiet_stderr():
    """Keep back what TensorFlow's start prints before it can be told not to; show it if the start fails."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        terminal = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
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
            "ours" if item.ours else "",
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
    from keras_ser import corpora, experiment
    from keras_ser.corpora import folders

    stand_in = options.corpus if report.corpora != (options.corpus,) else None
    if stand_in:
        if stand_in not in corpora.CORPORA and Path(stand_in).is_dir():
            manifest, what = folders.manifest(stand_in), f"the folder {Path(stand_in).resolve().name}"
            stand_in = Path(stand_in).resolve().name
        else:
            manifest, what = corpora.manifest(stand_in, root), corpora.get(stand_in).title
        title = f"{what} in place of {corpora.titles(report.corpora)}"
    else:
        title, manifest = find_corpora(report.corpora, root, options.out)
    material = experiment.gather(report, title, manifest)
    for line in material.left_out:
        print(f"left out: {line}", file=sys.stderr)
    epochs = options.epochs or (EMBEDDED_EPOCHS if material.synthetic else None)
    # Figures from synthetic speech, or of a stand-in, never lie where those of the report's own recordings do.
    out = options.out / "stand_in" / stand_in if stand_in else options.out
    out = out / "synthetic" if material.synthetic else out
    return material, out, epochs


def run(report, material, experiments, protocol_names, out, epochs, options, **which):
    """Run what is missing. → list of records.Run"""
    from keras_ser import experiment

    return experiment.run_all(
        report,
        material,
        root=out / "runs",
        cache_root=options.out / "cache" / "features",
        experiments=experiments,
        protocol_names=protocol_names,
        seeds=range(options.seeds),
        engine=options.features,
        epochs=epochs,
        **which,
    )


def reproduce_one(report, root, options):
    """Run one report, write its table and pictures, and say where they are."""
    from keras_ser import comparison, event_logs, experiment, plots
    from keras_ser.data import protocols

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
    report = report.fitted(material.manifest)
    experiments = [report.experiment(item.name) for item in experiments]
    if not options.stored:
        run(report, material, experiments, protocol_names, out, epochs, options)
    stored = experiment.stored(report, material, root=out / "runs", engine=options.features, epochs=epochs)
    if not stored:
        raise UserError(f"{out / 'runs' / report.name}: no run of {material.description} is stored: leave out --stored")
    frame = comparison.table(report, stored)
    folder = out / report.name
    text = comparison.markdown(report, frame, stored)
    comparison.write(frame, text, folder)
    paths = plots.all_of_report(report, material, stored, frame, folder / "figures")
    logs = event_logs.write(stored, out / "tensorboard")

    say_what(report, material, epochs)
    for metric in ("accuracy", "uar"):
        print(f"\n{metric}\n{comparison.scores_for_people(frame, metric).to_markdown(index=False)}")
    written = [folder / "table.csv", folder / "table.md", f"{len(paths)} pictures in {folder / 'figures'}"]
    print("", *written, out / "runs" / report.name, f"tensorboard --logdir {logs}", sep="\n")


def results(options):
    """Print the table of all reports, or keep a README's in step with it."""
    from keras_ser import comparison

    found = comparison.accuracies([load(name) for name in reports.NAMES], options.out)
    if found.empty:
        raise UserError(f"{options.out}: no table of any report is there: reproduce one first")
    text = comparison.summary(found).to_markdown(index=False, disable_numparse=True)
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
    from keras_ser import page

    path = page.write(options.out, data_root(options.data), audio=options.audio)
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


def say_what(report, material, epochs):
    """What the figures that follow were made from."""
    from keras_ser import comparison, corpora

    print(f"\n{report.title}\n{material.description}, {len(material.manifest)} clips")
    if material.synthetic:
        print(f"SYNTHETIC speech, at most {epochs} epochs: it shows that everything works and says nothing of people.")
    if comparison.is_stand_in(report, material.title):
        print(f"STAND-IN: nothing here can be compared with the report, which used {corpora.titles(report.corpora)}.")


def compare(options):
    """Answer one question by stored runs; those that are missing are run first."""
    report = load(options.report)
    from keras_ser import comparison, contrasts, event_logs, plots, variants
    from keras_ser.data import protocols

    material, out, epochs = prepare(report, data_root(options.data), options)
    report = report.fitted(material.manifest)
    experiments, pairs = variants.compared(report, options.question, options.experiments or ())
    chosen = options.protocols or protocols.possible(material.manifest, report.split)
    ran = run(report, material, experiments, chosen, out, epochs, options, models=False)
    event_logs.write(ran, out / "tensorboard")
    clips = contrasts.tested(ran, material.manifest)
    frame, changes = contrasts.scores(ran, clips), contrasts.differences(clips, pairs)
    classes = contrasts.by_class(clips, pairs, report.labels)
    folder = out / "compare" / options.question / report.name
    description = f"{material.description}, {len(material.manifest)} clips"
    text = contrasts.markdown(QUESTIONS[options.question][0], report, description, ran, frame, changes, classes)
    comparison.write(frame, text, folder)
    pictures = [plots.ladder(frame, comparison.shared(ran), description, folder / "ladder.png")]
    if len(changes):
        pictures.append(plots.differences(changes, description, folder / "differences.png"))
        pictures.append(plots.reliability(clips, description, folder / "reliability.png"))

    say_what(report, material, epochs)
    print(f"\n{contrasts.scores_for_people(frame).to_markdown(index=False)}")
    if len(changes):
        print(f"\n{contrasts.differences_for_people(changes).to_markdown(index=False)}")
    print("", folder / "table.csv", folder / "table.md", *pictures, sep="\n")


def leaks(options):
    from keras_ser import records
    from keras_ser.data import leakage

    if options.path.is_dir():
        run = records.read(options.path)
        if run is None:
            raise UserError(f"{options.path}: no run is stored there (a run is a folder …/seed-<k> with run.json)")
        found, protocol = leakage.of_counts(run.facts["shared"]), run.facts["protocol"]
    else:
        found, protocol = leakage.of_table(leakage.read(options.path)), options.protocol
    undeclared = leakage.undeclared(found, protocol)
    print(found.to_markdown(index=False) if len(found) else "train and test share nothing")
    if undeclared:
        raise UserError(
            f"{options.path}: train and test share {', '.join(undeclared)}, which "
            + (f"{protocol} does not declare" if protocol else "no protocol declares: name one with --protocol")
        )


def augment(options):
    report = load(options.report)
    from keras_ser import experiment
    from keras_ser.data import augmented_audio

    material = experiment.gather(report, *find_corpora(report.corpora, data_root(options.data), options.out))
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
    from keras_ser import export

    differences = export.export(export.open_run(options.run), options.out)
    say_differences(differences)
    print(f"\n{options.out}\n{options.out / 'README.md'}")


def verify(options):
    load(reports.NAMES[0])
    from keras_ser import export

    say_differences(export.verify(options.model))


def say_differences(differences):
    """What a self-test found."""
    from tabulate import tabulate

    rows = [(name, f"{difference:.1e}") for name, difference in differences.items()]
    print(tabulate(rows, ["self-test", "greatest difference of a probability"]))


def predict(options):
    load(reports.NAMES[0])
    from keras_ser import predict

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
    from keras_ser import demo, predict

    demo.gradio()  # before the model is loaded: it may be missing
    demo.serve(predict.load(options.model), port=options.port)


def benchmark(options):
    load(reports.NAMES[0])
    from keras_ser import export
    from keras_ser.benchmark import serving, signal, training

    runs = [export.open_run(folder) for folder in options.serving or ()]
    corpus = "tess" if options.training else "emodb"
    title, manifest = find_corpora([corpus], data_root(options.data), options.out)
    kind = "embedded synthetic speech in place of " if manifest["synthetic"].any() else ""
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
    try:
        options.function(options)
    except UserError as error:
        print(f"keras-ser: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"keras-ser: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nkeras-ser: interrupted; what was finished is kept, run the same command to go on",
            file=sys.stderr,
        )
        return 130
    return 0
