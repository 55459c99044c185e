"""How work is spread: calls in, results out as they come, from processes of this machine by joblib, or from a cluster
(:mod:`keras_ser.runs.cluster`).
"""

import gc
import os
import re
import sys
from concurrent.futures.process import BrokenProcessPool

import joblib

from keras_ser.errors import UserError, one_line
from keras_ser.progress import quiet_stderr

AHEAD = 2  # calls per process that are begun at once


def results(calls, jobs, unfinished=None, scheduler=None):
    """Results of joblib ``calls`` as they come, ``jobs`` of which are carried out at a time. → iterator

    ``jobs`` 1: in this process; None: :func:`default_jobs`. ``unfinished``: () → the names of the
    calls that have left no result yet, in order; None where nobody knows how many there are. ``scheduler``: address of
    a Dask cluster that carries them out instead.

    ``calls`` may compute what they are of as they are asked for: the first ``AHEAD`` times ``jobs`` are asked for by
    the caller's thread, others by joblib's, where an error would be lost.

    Raises UserError if a process dies, which names the calls that were being carried out, or as
    :func:`keras_ser.runs.cluster.results`.
    """
    if scheduler:
        from keras_ser.runs import cluster  # which few have

        yield from cluster.results(calls, scheduler)
        return
    jobs = jobs or default_jobs()
    jobs = jobs if unfinished is None else max(1, min(jobs, len(unfinished())))
    options = {}
    if jobs > 1:
        # joblib may give processes of an earlier call, which were begun in another directory.
        options, here = {"initializer": _begin}, os.getcwd()
        calls = (joblib.delayed(_within)(here, *call) for call in calls)
    try:
        # Arrays of more than a megabyte are mapped by the processes and not copied to each. One call at a time goes to
        # a process, so that the first that are not finished are those that were being carried out.
        options |= {"return_as": "generator_unordered", "batch_size": 1, "pre_dispatch": AHEAD * jobs}
        yield from joblib.Parallel(jobs, **options)(calls)
    except BrokenProcessPool as error:
        raise UserError(
            f"a process died{_of(unfinished, jobs)} ({_cause(error)}): what was finished is kept; call again, with "
            f"fewer --jobs than {jobs} if memory was short"
        ) from error


def default_jobs():
    """How many calls are carried out at a time unless somebody says: one per core, or one where there is a GPU."""
    return 1 if _gpus() else joblib.cpu_count()


def _within(directory, function, args, kwargs):
    """A call, in a process that works in ``directory``, as relative paths need it."""
    os.chdir(directory)
    return function(*args, **kwargs)


def _of(unfinished, jobs):
    """What a process was doing, as far as it is known."""
    if unfinished is None:
        return ""
    running = unfinished()[:jobs]
    return f" while it trained {running[0] if len(running) == 1 else 'one of these: ' + '; '.join(running)}"


def _cause(error):
    """What ended the process, in words. joblib names signals and exit codes in its message alone."""
    if "SIGKILL" in str(error):
        return "killed by the system, most likely as memory was short"
    codes = re.search(r"exit codes of the workers are {(.*)}", str(error))
    return f"ended with {codes[1]}" if codes else one_line(error)


def _begin():
    """What a process of joblib does first."""
    start_tensorflow()
    # loky replaces a process that takes 300 MB more than after its first call, where psutil is installed. Graphs and
    # features of a larger model do, and are no leak; a new process would import TensorFlow and trace them again.
    if executor := sys.modules.get("joblib.externals.loky.process_executor"):
        executor._USE_PSUTIL = False


def start_tensorflow():
    """Import TensorFlow without its chatter. Where that is new to the process, garbage is collected less often."""
    new = "tensorflow" not in sys.modules
    with quiet_stderr():
        import tensorflow as tf

        _gpus()
        # Every report builds models of its own, which TensorFlow takes for needless retracing.
        tf.get_logger().setLevel("ERROR")
    if new:
        gc.freeze()  # joblib collects garbage after every call, and would look through all of TensorFlow
        gc.set_threshold(50_000)  # graphs are of many small objects that stay: by 700, tracing takes 8 % longer


def _gpus():
    import tensorflow as tf

    return tf.config.list_physical_devices("GPU")
