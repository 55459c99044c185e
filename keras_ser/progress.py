"""What the package says while it works: messages of the logger ``keras_ser``, and progress bars.

Notes (one line per finished run) have the level INFO, what a user should know of a result WARNING. A program that
imports the package sees warnings alone, as of any library, until it sets the logger's level. Bars are drawn where
notes are wanted and stderr is a terminal: a log file holds whole lines only.
"""

import contextlib
import logging
import os
import sys
import tempfile

from tqdm import tqdm

from keras_ser.errors import UserError

log = logging.getLogger("keras_ser")


class Lines(logging.Handler):
    """Each message on a line of its own on stderr, above the bars that are drawn there."""

    def emit(self, record):
        tqdm.write(self.format(record), file=sys.stderr)


@contextlib.contextmanager
def on_stderr(level):
    """Within the block, messages from ``level`` on are lines on stderr."""
    handler, before, passed_on = Lines(), log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(level)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
        log.propagate = passed_on


@contextlib.contextmanager
def at_level(logger, level):
    """Within the block, a library's ``logger`` says nothing below ``level``."""
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def are_bars_shown():
    """Whether they can be seen and are wanted."""
    return log.isEnabledFor(logging.INFO) and sys.stderr.isatty()


def bar(items=None, **options):
    """``tqdm(items, **options)``, drawn only where bars are shown."""
    return tqdm(items, file=sys.stderr, disable=not are_bars_shown(), **options)


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
