"""How work is spread: calls in, results out as they come, from processes of this machine by joblib, or from a cluster
(:mod:`keras_ser.runs.cluster`).
"""

from concurrent.futures.process import BrokenProcessPool

import joblib

from keras_ser.errors import UserError, one_line
from keras_ser.progress import quiet_stderr


def results(calls, jobs, n_calls=None, scheduler=None):
    """Results of joblib ``calls`` as they come, ``jobs`` of which are carried out at a time. → iterator

    ``jobs`` 1: in this process; None: one per core, or one where there is a GPU. ``n_calls``: how many there are, None
    where nobody knows. ``scheduler``: address of a Dask cluster that carries them out instead. Raises UserError if a
    process dies, or as :func:`keras_ser.runs.cluster.results`.
    """
    if scheduler:
        from keras_ser.runs import cluster  # which few have

        yield from cluster.results(calls, scheduler)
        return
    if jobs is None:
        jobs = 1 if _gpus() else joblib.cpu_count()
    jobs = jobs if n_calls is None else max(1, min(jobs, n_calls))
    options = {"initializer": start_tensorflow} if jobs > 1 else {}
    try:
        # Arrays of more than a megabyte are mapped by the processes and not copied to each.
        yield from joblib.Parallel(jobs, return_as="generator_unordered", **options)(calls)
    except BrokenProcessPool as error:
        raise UserError(
            f"a worker process died ({one_line(error)}): what was finished is kept; call again, with fewer "
            "--jobs if memory was short"
        ) from error


def start_tensorflow():
    """Import TensorFlow without its chatter."""
    with quiet_stderr():
        import tensorflow as tf

        _gpus()
        # Every report builds models of its own, which TensorFlow takes for needless retracing.
        tf.get_logger().setLevel("ERROR")


def _gpus():
    import tensorflow as tf

    return tf.config.list_physical_devices("GPU")
