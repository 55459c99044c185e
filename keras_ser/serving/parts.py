"""Emotions of any number of recordings, written part by part: a call that was interrupted goes on with the next part.

In: a model and paths, as many as one likes: they are read as they are needed. Out: ``part-<number>-<digest>.jsonl`` or
``.parquet`` in one folder, each with a row per file, in order; the row of a file that cannot be used holds the
``error``. The digest is of the model, the windows and the paths, of relative ones with the folder that they start from:
a part that is there is not made again, and one that is of something else is never mixed in. Files that change under
their names are not noticed.
"""

import functools
import io
import itertools
import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from hashlib import blake2b
from pathlib import Path

import joblib

from keras_ser import files
from keras_ser.errors import UserError
from keras_ser.progress import log
from keras_ser.runs import processes
from keras_ser.serving import formats, predict
from keras_ser.serving.formats import Form

FORMATS = ("jsonl", "parquet")
JSON_LINES = Form("jsonl")
FILES = 1000  # per part, unless told otherwise

_PART = re.compile(r"part-\d+-[0-9a-f]+\.(?:jsonl|parquet)")


@dataclass(frozen=True)
class Written:
    """``parts`` now in the folder, of which ``before`` were there; of the others: ``rates``, how many files of each
    sample rate (Hz) were answered, and how many ``failed``.
    """

    parts: int
    before: int
    rates: Counter
    failed: int


def write(model, paths: Iterable[Path], folder, form=JSON_LINES, *, n_files=FILES, jobs=1, scheduler=None) -> Written:
    """Answer every recording by the model in ``model`` (:func:`keras_ser.serving.predict.load`).

    Args:
        form: a :class:`~keras_ser.serving.formats.Form`, one of ``FORMATS``.
        n_files: how many files make a part.
        jobs, scheduler: how many parts are made at a time, and by whom, as of
            :func:`keras_ser.runs.processes.results`; a cluster's workers find model and recordings at the same paths.

    Raises:
        UserError: no such model or window; the folder holds a part of something else, or takes none.
    """
    predict.check_windows(form.window_s, form.hop_s)
    if form.name == "parquet":
        import pyarrow  # noqa: F401 - it may be missing

    folder, model = Path(folder), Path(model).absolute()
    written = _there(folder)
    of_number = {number: set(names) for number, names in itertools.groupby(sorted(written), key=_number)}
    about, strangers, asked, before = [predict.digest(model), *astuple(form)], [], [], 0

    def calls():  # by a thread of joblib, which no error must leave
        nonlocal before
        left = iter(paths)
        while names := [str(path) for path in itertools.islice(left, n_files)]:
            start = [] if all(map(os.path.isabs, names)) else [os.getcwd()]
            digest = blake2b(json.dumps([*about, *start, names]).encode(), digest_size=6).hexdigest()
            number = f"{len(asked):06}"
            name = f"part-{number}-{digest}.{form.name}"
            strangers.extend(of_number.get(number, set()) - {name})
            if strangers:
                return
            asked.append(name)
            if name in written:
                before += 1
            else:
                yield joblib.delayed(_part)(name, str(model), os.getcwd(), names, form)

    n_failed, rates = 0, Counter()
    for name, content, of_part, failed in processes.results(calls(), jobs, scheduler=scheduler):
        # Another process may be writing here too, with other options.
        _refuse(_there(folder, _number(name)) - {name}, folder)
        with files.replaced(folder / name) as part:
            part.write_bytes(content)
        log.info("%s: %d files, %d of them could not be used", name, of_part.total() + failed, failed)
        n_failed += failed
        rates += of_part
    _refuse(strangers or _there(folder) - set(asked), folder)
    return Written(len(asked), before, rates, n_failed)


def _there(folder, number="*"):
    """Names of the parts in the folder, of all or of those of one number. → set"""
    return {path.name for path in folder.glob(f"part-{number}-*") if _PART.fullmatch(path.name)}


def _number(name):
    return name.split("-")[1]


def _refuse(strangers, folder):
    """Raises UserError if a part is there that is not of what is asked for."""
    if strangers:
        raise UserError(
            f"{folder / min(strangers)}: a part of other files, another model or other options than asked for: choose "
            "another directory, or delete its parts"
        )


def _part(name, model, base, names, form):
    """Answer the files of one part, whose names are relative to ``base``.

    → its name, content in bytes, how many files were answered of each sample rate, and how many failed
    """
    predictor, paths = loaded(model), (Path(base, name) for name in names)
    answers = predict.predict(predictor, paths, window_s=form.window_s, hop_s=form.hop_s)
    rows = list(zip(names, answers, strict=True))
    rates = Counter(answer.rate for _, answer in rows if not isinstance(answer, UserError))
    content = _as_json(rows, form.n_top) if form.name == "jsonl" else _as_parquet(rows, predictor.labels)
    return name, content, rates, len(rows) - rates.total()


loaded = functools.lru_cache(maxsize=1)(predict.load)  # once per process


def _reason(error):
    return getattr(error, "what", None) or str(error)


def _as_json(rows, n_top):
    records = [
        {"path": name, "error": _reason(answer)}
        if isinstance(answer, UserError)
        else formats.as_record(answer, n_top) | {"path": name}
        for name, answer in rows
    ]
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def _as_parquet(rows, labels):
    """The columns of the CSV, ``windows``, and ``error``."""
    import pyarrow
    from pyarrow import parquet

    kinds = {"path": pyarrow.string(), "seconds": pyarrow.float64(), "sample_rate": pyarrow.int32()}
    kinds |= {"label": pyarrow.string()} | {f"p_{label}": pyarrow.float32() for label in labels}
    kinds |= {"windows": pyarrow.int32(), "warnings": pyarrow.string(), "error": pyarrow.string()}
    records = []
    for name, answer in rows:
        record = {"path": os.fsencode(name).decode(errors="backslashreplace")}  # a name need not be text
        if isinstance(answer, UserError):
            record["error"] = _reason(answer)
        else:
            record |= {"seconds": answer.seconds, "sample_rate": answer.rate}
            record |= {"label": answer.label, "windows": len(answer.windows)}
            record |= {f"p_{label}": float(share) for label, share in zip(labels, answer.probabilities, strict=True)}
            record["warnings"] = "; ".join(answer.warnings)
        records.append(record)
    packed = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(records, schema=pyarrow.schema(kinds.items())), packed)
    return packed.getvalue()
