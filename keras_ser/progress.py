"""What the package says while it works: messages of the logger ``keras_ser``, and progress bars.

Notes (one line per finished run) have the level INFO, what a user should know of a result WARNING. A program that
imports the package sees warnings alone, as of any library, until it sets the logger's level. Bars are drawn where
notes are wanted and stderr is a terminal: a log file holds whole lines only.
"""

import contextlib
import logging
import sys

from tqdm import tqdm

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


def bar(items=None, **options):
    """``tqdm(items, **options)``, drawn only where it can be seen and is wanted."""
    shown = log.isEnabledFor(logging.INFO) and sys.stderr.isatty()
    return tqdm(items, file=sys.stderr, disable=not shown, **options)
