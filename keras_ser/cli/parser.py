"""What the command line takes: ``arguments()`` is the parser of all commands.

``options.func`` is the function of :mod:`keras_ser.cli.commands` that carries a command out, None where none is named.
"""

import argparse
from functools import partial
from pathlib import Path

import keras_ser
from keras_ser import reports
from keras_ser.analysis import QUESTIONS
from keras_ser.cli import commands
from keras_ser.data import BACKENDS, GREATEST_SEED, PIPELINES
from keras_ser.runs import SYNTHETIC_EPOCHS

NAMES = (*reports.NAMES, *reports.RECIPES)
SHOWN = 40  # letters of what was given that help to see it


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line. Every command takes ``--quiet``, wherever it stands, and the words of a list
    (``nargs="*"``) between options too: argparse alone takes those that stand together.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        words = "print results, warnings and errors alone: no progress"
        self.add_argument("--quiet", action="store_true", default=argparse.SUPPRESS, help=words)

    def parse_known_args(self, args=None, namespace=None):
        namespace, rest = super().parse_known_args(args, namespace)
        listed = next((action for action in self._actions if action.nargs == "*" and not action.option_strings), None)
        if listed is None:
            return namespace, rest
        end = next((place for place, word in enumerate(rest) if word.startswith("-") and word != "-"), len(rest))
        words, rest = rest[:end], rest[end:]
        if rest[:1] == ["--"]:  # behind which nothing is an option
            words, rest = words + rest[1:], []
        try:
            more = [self._get_value(listed, word) for word in words]
        except argparse.ArgumentError as error:
            self.error(str(error))
        setattr(namespace, listed.dest, [*getattr(namespace, listed.dest), *more])
        return namespace, rest

    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


class PrintCompletion(argparse.Action):
    """What is carried out is to print a shell's completion of the whole parser."""

    def __call__(self, parser, namespace, values, option_string=None):
        namespace.func = partial(commands.print_completion, parser, values)


def _shortened(text):
    """What was given, as far as it helps to see it."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def positive(text):
    """A whole number of at least 1."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 is needed, not {_shortened(text)!r}")
    return value


def seconds(text):
    """A length of time above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"a number of seconds above 0 is needed, not {_shortened(text)!r}")
    return value


def port(text):
    """A TCP port."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    if not 1 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"a port from 1 to 65535 is needed, not {_shortened(text)!r}")
    return value


def seed(text):
    """The seed of a repetition."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else -1
    if not 0 <= value <= GREATEST_SEED:
        raise argparse.ArgumentTypeError(
            f"a whole number from 0 to {GREATEST_SEED} is needed, not {_shortened(text)!r}"
        )
    return value


def report(text):
    """The name of a report or recipe. (``choices`` would refuse that none is given where any number may be.)"""
    if text not in NAMES:
        raise argparse.ArgumentTypeError(f"there is no report {_shortened(text)!r}: choose from {', '.join(NAMES)}")
    return text


def mapping(text):
    """label=emotion pairs with commas between them."""
    pairs = [pair.partition("=") for pair in names(text)]
    if not all(label.strip() and emotion.strip() for label, _, emotion in pairs):
        raise argparse.ArgumentTypeError(f"label=emotion pairs are needed, as in ang=anger,exc=happiness, not {text!r}")
    labels = [label.strip() for label, _, _ in pairs]
    for label in labels:
        if labels.count(label) > 1:
            raise argparse.ArgumentTypeError(f"the label {_shortened(label)!r} is mapped twice: keep one of the two")
    return {label: emotion.strip() for label, (_, _, emotion) in zip(labels, pairs, strict=True)}


def names(text):
    """Names with commas between them."""
    listed = [name for name in text.split(",") if name]
    if not listed:
        raise argparse.ArgumentTypeError(f"names with commas between them are needed, not {text!r}")
    return listed


def arguments():
    """The parser of all commands."""
    parser = Parser(prog="keras-ser", description="Five speech emotion recognition reports, reproduced in Keras.")
    parser.add_argument("--version", action="version", version=f"keras-ser {keras_ser.__version__}")
    words = "print what completes commands and files there: keras-ser --print-completion bash >> ~/.bashrc"
    parser.add_argument("--print-completion", action=PrintCompletion, choices=("bash", "zsh", "tcsh"), help=words)
    parser.set_defaults(func=None, quiet=False)
    every = parser.add_subparsers(metavar="COMMAND")

    def command(function, name, summary, **kwargs):
        subparser = every.add_parser(name, help=summary, description=summary, **kwargs)
        subparser.set_defaults(func=function)
        return subparser

    def with_data(subparser):
        subparser.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            help="directory containing the corpora: emodb/, ravdess/, … (default: $KERAS_SER_DATA, else data/)",
        )

    command(commands.list_reports, "reports", "List the reports and recipes.")

    subparser = command(commands.show, "show", "What a report states, leaves open, and what we chose.")
    subparser.add_argument("report", choices=NAMES, metavar="REPORT", help=", ".join(NAMES))
    subparser.add_argument("--json", action="store_true", help="everything, for programs")
    subparser.add_argument("--figures", action="store_true", help="the reported figures of single classes too")

    def with_model(subparser):
        words = (
            "exported model, folder of a run (…/seed-<k>[/fold-<f>]), or its model.keras (default: the model of the "
            "package)"
        )
        subparser.add_argument("model", type=Path, nargs="?", metavar="MODEL", help=words)

    def with_adapt(subparser):
        words = "adapt to these recordings: ten or more from one room and microphone, no labels needed"
        subparser.add_argument("--adapt", action="store_true", help=words)

    def with_own(subparser):
        words = "what labels of your own recordings mean: ang=anger,exc=happiness"
        subparser.add_argument("--labels", type=mapping, metavar="A=B,…", help=words)
        words = "regular expression whose group finds the speaker in the path of your own recordings"
        subparser.add_argument("--speaker-from", metavar="REGEX", help=words)

    def with_corpus(subparser, words="use another corpus", required=False):
        subparser.add_argument(
            "--corpus",
            metavar="NAME|FILE|DIR",
            required=required,
            help=f"{words}: a name, a CSV file (path, emotion; optionally speaker, gender, sentence, split, start, "
            "end), or a directory with one subdirectory per emotion",
        )
        with_own(subparser)

    def with_workers(subparser, words):
        where = subparser.add_mutually_exclusive_group()
        where.add_argument("--jobs", type=positive, metavar="N", help=words)
        words = "address of a Dask cluster that does the work, as in tcp://10.0.0.1:8786 (docs/scale.md)"
        where.add_argument("--scheduler", metavar="ADDRESS", help=words)

    def with_runs(subparser, of_stored):
        with_data(subparser)
        subparser.add_argument("--out", type=Path, default=Path("artifacts"), metavar="DIR", help="default: artifacts")
        subparser.add_argument(
            "--seeds",
            type=positive,
            default=1,
            metavar="N",
            help="repetitions of each protocol, seeds 0 … N-1 (default: 1)",
        )
        with_workers(
            subparser,
            "runs trained at a time, a process and about 2 GB each (default: one per core; one if there is a GPU)",
        )
        with_corpus(subparser)
        subparser.add_argument("--stored", action="store_true", help=f"do not train; {of_stored}")
        subparser.add_argument(
            "--backend",
            choices=BACKENDS,
            default=BACKENDS[0],
            help="what computes the features (default: tensorflow)",
        )
        subparser.add_argument(
            "--epochs",
            type=positive,
            metavar="N",
            help=f"at most N (default: the report's; {SYNTHETIC_EPOCHS} on bundled synthetic corpora)",
        )

    subparser = command(commands.reproduce, "reproduce", "Run reports and write their tables and figures.")
    subparser.add_argument(
        "reports",
        type=report,
        nargs="*",
        metavar="REPORT",
        help=f"default: all reports ({', '.join(reports.NAMES)}); recipes: {', '.join(reports.RECIPES)}",
    )
    with_runs(subparser, "rebuild tables and figures from all saved runs, whatever --experiments and --protocols name")
    subparser.add_argument(
        "--protocols",
        type=names,
        metavar="A,B",
        help="as_reported, clip_disjoint, sentence_independent, speaker_independent, corpus_independent, "
        "speaker_sentence_independent (default: those of the report)",
    )
    words = "those to train (default: the report's; extensions by name); tables are of all saved runs"
    subparser.add_argument("--experiments", type=names, metavar="X,Y", help=words)
    words = (
        "cached: computed once; streamed: computed in each training step; fresh: like streamed, with new augmentation "
        "in each epoch (default: cached)"
    )
    subparser.add_argument("--features", choices=PIPELINES, default=PIPELINES[0], help=words)

    subparser = command(commands.results, "results", "Accuracies of the five reports so far, reported and obtained.")
    subparser.add_argument("--out", type=Path, default=Path("artifacts"), metavar="DIR", help="default: artifacts")
    subparser.add_argument(
        "--readme", type=Path, metavar="FILE", help="write it between the marks in this Markdown file"
    )

    subparser = command(commands.page, "page", "Write the results page, and one page per report.")
    with_data(subparser)
    subparser.add_argument("--out", type=Path, default=Path("artifacts"), metavar="DIR", help="default: artifacts")
    subparser.add_argument(
        "--audio",
        action="store_true",
        help="embed playable recordings (check the corpus licence before publishing the page)",
    )

    questions = command(None, "compare", "Compare losses, models or protocols on the same clips.")
    questions = questions.add_subparsers(required=True, metavar="QUESTION")
    for name, question in QUESTIONS.items():
        subparser = questions.add_parser(
            name, help=question.asked, description=f"{question.asked} Missing runs are trained first."
        )
        subparser.set_defaults(func=commands.compare, question=name)
        subparser.add_argument("report", choices=NAMES, metavar="REPORT", help=", ".join(NAMES))
        with_runs(subparser, "compare saved runs")
        subparser.add_argument("--protocols", type=names, metavar="A,B", help="default: all that the corpus allows")
        subparser.add_argument("--experiments", type=names, metavar="X,Y", help=f"default: {question.compared}")

    subparser = command(commands.leaks, "leaks", "Check a run or a table of splits for leakage between train and test.")
    subparser.add_argument(
        "path",
        type=Path,
        metavar="RUN|CSV",
        help="folder of a run (…/seed-<k>[/fold-<f>]), or a table with the columns split and any of clip, audio_hash, "
        "speaker, sentence",
    )
    subparser.add_argument(
        "--protocol",
        metavar="NAME",
        help="protocol that says what train and test may share (default: that of the run; for a table: nothing)",
    )

    subparser = command(commands.augment, "augment", "Write a report's augmented audio as WAV and its splits as CSV.")
    subparser.add_argument("report", choices=NAMES, metavar="REPORT", help=", ".join(NAMES))
    with_data(subparser)
    with_corpus(subparser)
    subparser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to write to")
    subparser.add_argument("--seed", type=seed, default=0, metavar="K", help="default: 0")

    corpus = command(None, "corpus", "Make, check or download a corpus.")
    actions = corpus.add_subparsers(required=True, metavar="ACTION")
    summary = "Count and check every clip of a corpus."
    subparser = actions.add_parser("check", help=summary, description=summary)
    subparser.set_defaults(func=commands.corpus_check)
    words = "emodb, ravdess, tess, savee or crema_d; or a CSV file or directory of your own"
    subparser.add_argument("name", metavar="NAME|FILE|DIR", help=words)
    with_data(subparser)
    words = "its cache/ holds the index of clips that were checked before (default: artifacts)"
    subparser.add_argument("--out", type=Path, default=Path("artifacts"), metavar="DIR", help=words)
    with_own(subparser)
    summary = "Write bundled synthetic corpora: speech with a corpus's file names and rates."
    subparser = actions.add_parser("make", help=summary, description=summary)
    subparser.set_defaults(func=commands.corpus_make)
    subparser.add_argument("name", nargs="*", metavar="NAME", help="default: all five")
    subparser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to write to")
    summary = "Download a public corpus from its home."
    subparser = actions.add_parser("download", help=summary, description=summary)
    subparser.set_defaults(func=commands.corpus_download)
    subparser.add_argument("name", metavar="NAME", help="emodb, ravdess, crema_d or tess")
    with_data(subparser)

    subparser = command(
        commands.export, "export", "Write a stored run as a SavedModel: raw audio in, probabilities out."
    )
    words = "folder of a run: …/seed-<k>[/fold-<f>] (default: the model of the package)"
    subparser.add_argument("run", type=Path, nargs="?", metavar="RUN", help=words)
    subparser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to write to")
    words = "adapt the model to the room and microphone of these recordings: ten files or more, or a directory"
    subparser.add_argument("--adapt", type=Path, nargs="+", metavar="PATH", help=words)
    with_data(subparser)
    words = "table or directory of your own recordings that the run was made with, to compare the model on them"
    subparser.add_argument("--corpus", metavar="FILE|DIR", help=words)
    with_own(subparser)

    summary = "Check the files of an exported model (with its self-test), of a run, or of a report's results."
    subparser = command(commands.verify, "verify", summary)
    subparser.add_argument(
        "folder", type=Path, metavar="DIR", help="exported folder, …/seed-<k>[/fold-<f>], or artifacts/<report>"
    )

    summary = "Write a copy of a run, calibrated on unseen speakers, for the classes that all its corpora share."
    subparser = command(commands.calibrate, "calibrate", summary)
    subparser.add_argument("run", type=Path, metavar="RUN", help="folder of a run: …/seed-<k>[/fold-<f>]")
    subparser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to write to")

    subparser = command(commands.evaluate, "evaluate", "Test a model on labelled recordings.")
    with_model(subparser)
    with_data(subparser)
    with_corpus(subparser, "the recordings", required=True)
    with_adapt(subparser)
    words = "let the model also answer classes that none of the recordings has"
    subparser.add_argument("--all-classes", action="store_true", help=words)
    subparser.add_argument("--output", type=Path, metavar="FILE", help="write the predictions there as CSV")
    subparser.add_argument("--figure", type=Path, metavar="FILE", help="draw the confusion matrix there")

    summary = "Test a model on clips in noise, by telephone, as MP3, louder, quieter, cut."
    subparser = command(commands.robustness, "robustness", summary)
    with_model(subparser)
    with_data(subparser)
    with_corpus(subparser, "the clips (default: the test clips of a run)")
    with_adapt(subparser)
    subparser.add_argument("--clips", type=positive, default=500, metavar="N", help="at most (default: 500)")
    subparser.add_argument("--output", type=Path, metavar="FILE", help="write the table there as CSV too")

    words = (
        "Exit code: 0; 3 if a file could not be used: it is named, and the others are predicted; 2 if none could. "
        "With --parts the row of such a file says why, and the exit code is 0."
    )
    subparser = command(commands.predict, "predict", "Predict the emotions of recordings.", epilog=words)
    with_model(subparser)
    subparser.add_argument("paths", type=Path, nargs="*", metavar="PATH", help="files, and folders to search")
    words = "file with more paths, one per line (-: standard input)"
    subparser.add_argument("--files-from", type=Path, metavar="FILE", help=words)
    subparser.add_argument(
        "--format",
        choices=("table", "csv", "jsonl", "segments", "parquet"),
        help="segments: CSV with one row per window (default: table; with --parts: jsonl)",
    )
    subparser.add_argument("--output", type=Path, metavar="FILE", help="write there (default: standard output)")
    words = "write the answers there in parts, jsonl or parquet; run the same command again to resume"
    subparser.add_argument("--parts", type=Path, metavar="DIR", help=words)
    subparser.add_argument("--per-part", type=positive, metavar="N", help="files per part (default: 1000)")
    with_workers(subparser, "parts made at a time (default: one per core; one if there is a GPU)")
    subparser.add_argument(
        "--top", type=positive, default=3, metavar="N", help="labels per line of table and jsonl (default: 3)"
    )
    with_adapt(subparser)
    subparser.add_argument(
        "--window",
        type=seconds,
        metavar="S",
        help="analyse in windows of S seconds (default: only recordings longer than 15 s are cut into windows)",
    )
    words = "step between the windows of --window, at most as long (default: half a window)"
    subparser.add_argument("--hop", type=seconds, metavar="S", help=words)
    subparser.add_argument(
        "--timeline", type=Path, metavar="DIR", help="write the windows of each file as CSV and figure"
    )

    subparser = command(commands.demo, "demo", "Open a local web page on which to try a model with your own voice.")
    with_model(subparser)
    subparser.add_argument("--port", type=port, default=7860, metavar="N", help="default: 7860")

    subparser = command(
        commands.benchmark, "benchmark", "Time the graph against librosa and noisereduce on the same clips."
    )
    with_data(subparser)
    subparser.add_argument("--out", type=Path, default=Path("artifacts"), metavar="DIR", help="default: artifacts")
    kind = subparser.add_mutually_exclusive_group()
    kind.add_argument("--training", action="store_true", help="time training beside the reports' listings instead")
    kind.add_argument("--serving", type=Path, nargs="+", metavar="RUN", help="time the exports of runs instead")
    subparser.add_argument("--clips", type=positive, default=64, metavar="N", help="clips to time (default: 64)")
    subparser.add_argument(
        "--rounds", type=positive, default=5, metavar="N", help="repetitions of each measurement (default: 5)"
    )
    return parser
