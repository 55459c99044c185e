"""Work on a Dask cluster: calls in, results out as they come.

Its workers need this package and one thread each (``dask worker ADDRESS --nthreads 1``: seeds are the process's), but
no file of this machine: what a call needs is sent to them, and its result comes back, once, however often it was
carried out. The call of a worker that dies is carried out by another, and workers that come later get their share.
Where workers state a resource ``GPU``, calls go to those alone.
"""

import contextlib
import itertools
import logging
import os
import pickle

from keras_ser.errors import UserError, one_line
from keras_ser.progress import at_level, log
from keras_ser.runs.processes import start_tensorflow

LARGE = 1_000_000  # bytes of an argument from which it is sent to the cluster once, and not with every call
PER_WORKER = 2  # calls that a worker has, so that it need not wait for the next
ANSWER_S = 10.0  # how long a scheduler may take to answer
LOOK_S = 1.0  # from one look for workers to the next
THREADS = "TF_NUM_INTRAOP_THREADS"  # the last bits of a result depend on it


def results(calls, address):
    """Results of joblib ``calls`` as they come. → iterator

    Raises UserError if no scheduler answers at ``address``, it is lost, or a call costs one worker after another.
    """
    from distributed import TimeoutError, wait

    calls, running, n_workers = iter(calls), set(), None
    with _client(address) as client:
        work = _Work(client)
        while True:
            before = n_workers
            with _answering(address):
                n_workers = len(client.nthreads())
            if n_workers == 0 != before:
                log.warning("%s has no worker: waiting for one", address)
            for call in itertools.islice(calls, max(0, PER_WORKER * max(1, n_workers) - len(running))):
                running.add(work.submit(call))
            if not running:
                return
            done = ()
            with _answering(address), contextlib.suppress(TimeoutError):
                done, running = wait(running, timeout=LOOK_S, return_when="FIRST_COMPLETED")
            for future in sorted(done, key=lambda one: one.status == "error"):  # what is finished comes first
                if future.status == "error":
                    raise _explained(future.exception(), address)
                with _answering(address):
                    result = future.result()
                yield result


def _explained(error, address):
    """What a call ended with, in words of ours where it is the cluster's fault."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return UserError(
            f"{address}: workers that were given one call died, one after another ({one_line(error)}): what was "
            "finished is kept; see that they have memory enough, and keras_ser as it is here"
        )
    if isinstance(error, ModuleNotFoundError) or "deserialization" in str(error):
        return UserError(
            f"{address}: its scheduler and workers need the Python, keras_ser and libraries of this machine "
            f"({one_line(error.__cause__ or error)})"
        )
    return error


@contextlib.contextmanager
def _answering(address):
    """Where the scheduler does not answer the block, a UserError says so."""
    from distributed import CancelledError, TimeoutError

    try:
        yield
    except (OSError, CancelledError, TimeoutError) as error:
        raise UserError(
            f"{address}: the Dask scheduler was lost: what was finished is kept; call again when it is back"
        ) from error


@contextlib.contextmanager
def _client(address):
    """A connection to the scheduler, which says what it has to say by errors."""
    import dask
    from distributed import Client

    settings = {"distributed.admin.large-graph-warning-threshold": "1 TB"}
    with at_level(logging.getLogger("distributed"), logging.CRITICAL), dask.config.set(settings):
        try:
            client = Client(address, timeout=ANSWER_S)
        except (OSError, ValueError) as error:
            raise UserError(
                f"{address}: no Dask scheduler answers there: start one with `dask scheduler`, and name the address "
                "that it prints"
            ) from error
        try:
            yield client
        finally:
            client.close(ANSWER_S)


class _Work:
    """Submits calls. What is large goes to the scheduler once, which gives it to every worker that needs it."""

    def __init__(self, client):
        self._client = client
        self._held = {}  # id of a large argument → itself, future of its bytes
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        self._resources = {"GPU": 1} if any(worker["resources"].get("GPU") for worker in workers) else None

    def submit(self, call):
        function, args, kwargs = call
        parts = [self._part(value) for value in args]
        work = (_carried_out, os.environ.get(THREADS), self._part((function, kwargs)), *parts)
        return self._client.submit(*work, pure=False, resources=self._resources)

    def _part(self, value):
        """A value as bytes: the scheduler then needs nothing that it is made of."""
        import cloudpickle

        if id(value) in self._held:
            return self._held[id(value)][1]
        packed = cloudpickle.dumps(value)
        if len(packed) < LARGE:
            return packed
        # A task and not scattered data: the scheduler can have it again where the worker that holds it dies.
        future = self._client.submit(bytes, packed, pure=False)
        self._held[id(value)] = value, future
        return future


def _carried_out(threads, function, *args):
    """A call, on a worker."""
    from distributed import get_worker

    worker = get_worker()
    if worker.state.nthreads != 1:
        raise UserError(f"the worker {worker.address} has {worker.state.nthreads} threads: start it with --nthreads 1")
    if threads:
        os.environ[THREADS] = threads  # before TensorFlow starts
    start_tensorflow()
    function, kwargs = pickle.loads(function)
    return function(*map(pickle.loads, args), **kwargs)
