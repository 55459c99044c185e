"""Emotions of recordings, written as they are answered: to a file or standard output, or in parts.

In: a model and paths, of which none is kept. Out: lines in a :class:`keras_ser.serving.formats.Form`, or a folder of
:mod:`keras_ser.serving.parts`; and how many files there were. What a user should know of the answers is a warning.
"""

import contextlib
import itertools
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from keras_ser import files
from keras_ser.errors import UserError
from keras_ser.progress import log
from keras_ser.serving import formats, inputs, parts, predict
from keras_ser.serving.formats import Form


@contextlib.contextmanager
def recordings(paths: Sequence[str | Path], files_from: Path | None = None) -> Iterator[Iterator[Path]]:
    """Within the block: the files that are named, those in the folders that are, and those of the list in
    ``files_from``, one per line (``-``: of standard input), which is read as they are asked for.

    Raises UserError where there is none.
    """
    with contextlib.ExitStack() as stack:
        lines = ()
        if files_from == Path("-"):
            if sys.stdin is None:
                raise UserError("standard input is closed: name a file with --files-from")
            lines = sys.stdin.buffer
        elif files_from:
            lines = stack.enter_context(files_from.open("rb"))
        found = inputs.paths_of(itertools.chain(paths, inputs.listed(lines)))
        before = []  # folders without a recording
        for path in found:
            before.append(path)
            if not os.path.isdir(path):
                break
        else:
            if len(before) == 1:
                inputs.check_has_recordings(before[0])
            named = [*paths, *([files_from] if files_from else [])]
            raise UserError(f"{', '.join(map(str, named))}: no audio file is there")
        yield itertools.chain(before, found)


def write(model, paths: Iterable[Path], form: Form, *, adapt=False, output=None, timeline=None) -> tuple[int, int]:
    """Answer every recording by ``model`` (:func:`keras_ser.serving.predict.load`); those that cannot be used are
    skipped, with a warning. → how many were answered, and how many were not

    Args:
        adapt: standardise by these recordings (:meth:`~keras_ser.serving.predict.Predictor.adapted`).
        output: a file; None: standard output.
        timeline: a folder, for :func:`~keras_ser.serving.formats.write_timeline` of each.

    Raises:
        UserError: no such model or window; it cannot be adapted; no recording can be used; the disk does not take the
            answers.
    """
    predict.check_windows(form.window_s, form.hop_s)
    predictor = predict.load(model)
    log.info("model: %s", predictor.title)
    if adapt:
        paths = list(paths)  # they are read twice
        predictor = predictor.adapted(paths)
    _warn_of(predictor)
    rates, failed = Counter(), 0
    with _lines(output) as file:
        for line in formats.header(form, predictor.labels):
            print(line, file=file)
        for prediction in predict.predict(predictor, paths, window_s=form.window_s, hop_s=form.hop_s):
            if isinstance(prediction, UserError):
                failed += 1
                log.warning("skipped: %s", prediction)
                continue
            rates[prediction.rate] += 1
            for line in formats.lines(form, prediction):
                print(line, file=file, flush=True)
            if timeline:
                formats.write_timeline(prediction, timeline)
        if not rates:  # within the block: what ``output`` holds of an earlier call stays
            raise UserError(f"0 files predicted, {failed} skipped{' (see above)' * bool(failed)}")
    predict.warn_of_lower(rates, predictor.sample_rate)
    return rates.total(), failed


def write_parts(model, paths: Iterable[Path], folder, form: Form, **options) -> parts.Written:
    """:func:`keras_ser.serving.parts.write`, and what should be known of the model and the answers."""
    predict.check_windows(form.window_s, form.hop_s)
    predictor = parts.loaded(os.path.abspath(model))  # by which this process makes its parts too
    log.info("model: %s", predictor.title)
    _warn_of(predictor)
    done = parts.write(model, paths, folder, form, **options)
    predict.warn_of_lower(done.rates, predictor.sample_rate)
    return done


def _warn_of(predictor):
    if predictor.caution:
        log.warning("caution: %s", predictor.caution)


@contextlib.contextmanager
def _lines(output):
    """What lines are printed to: a file, there when the block ends, or standard output. A name need not be text."""
    if output is None:
        yield sys.stdout
        return
    with files.replaced(output) as part, part.open("w", encoding="utf-8", errors="backslashreplace") as file:
        yield file
