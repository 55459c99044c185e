"""All runs of a report in three files, as the repository keeps them: small enough to commit, and read by pandas, DuckDB
and other tools without this package.

``<out>/<report>/runs.jsonl.gz``: one JSON object per line and run (``facts`` is its run.json, ``metrics`` its
metrics.json); ``predictions.csv.gz`` and ``histories.csv.gz``: the tables of all runs, each row with ``experiment``,
``protocol``, ``seed`` and ``fold`` (-1 where a protocol has none). Models are not part of it. The same runs give the
same bytes.
"""

import functools
import gzip
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from keras_ser import files
from keras_ser.runs import layout, schema, store
from keras_ser.runs.store import Run

RUNS, PREDICTIONS, HISTORIES = FILES = ("runs.jsonl.gz", "predictions.csv.gz", "histories.csv.gz")
KEYS = ("experiment", "protocol", "seed", "fold")
ADVICE = "get it anew, or delete it"


@dataclass(frozen=True)
class ArchivedRun(Run):
    """A run of an archive. ``folder`` is where it would lie; ``archive`` the folder of the three files."""

    archive: Path

    @property
    def record(self):
        return self.archive / RUNS

    def history(self):
        return self._rows(HISTORIES, schema.check_history)

    def predictions(self):
        return self._rows(PREDICTIONS, schema.check_predictions)

    def _rows(self, name, check):
        path = self.archive / name
        with files.reading(path, ADVICE):
            parts = _parts(path, path.stat().st_mtime_ns)
            if key(self) not in parts:
                raise ValueError(f"no rows of the run {' '.join(map(str, key(self)))}")
            table = parts[key(self)].reset_index(drop=True)
            table = table[[column for column in table if _is_of(table, column)]]
            check(table, self.facts)
        return table


def key(run):
    """What tells a run from the others of its report."""
    fold = run.facts["fold"]
    return (*(run.facts[name] for name in KEYS[:3]), -1 if fold is None else fold)


def _is_of(table, column):
    """Whether a run has a column that a run of its report has: nothing stands in those that are of others alone. (The
    loss of a run that diverged in its first epoch is no number either, but its accuracy is one.)
    """
    return table.get(column.replace("loss", "accuracy"), table[column]).notna().any()


@functools.lru_cache(maxsize=8)
def _parts(path, _):
    """The rows of a table by run. → dict key → DataFrame"""
    table = pd.read_csv(path, dtype=schema.WORDS, keep_default_na=False, na_values=[""])
    words = [name for name in schema.WORDS if name in table]
    table[words] = table[words].fillna("")
    return {of_run: rows.drop(columns=list(KEYS)) for of_run, rows in table.groupby(list(KEYS), sort=False)}


def read(folder, root, report):
    """The runs of the archive in ``folder``, none where there is none. → list of ArchivedRun

    ``root``: of the runs' own folders. Raises UserError if the archive is damaged.
    """
    path = Path(folder) / RUNS
    if not any((path.parent / name).exists() for name in FILES):
        return []
    with files.reading(path, ADVICE):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            runs = [_run(json.loads(line)) for line in file]
        if not runs:
            raise ValueError("it holds no run")
        places = [layout.place(root, facts) for facts, _ in runs]
        others = sorted({facts["report"] for facts, _ in runs} - {report})
        if others:
            raise ValueError(f"a run of {others[0]}")
        twice = [place for place, count in Counter(places).items() if count > 1]
        if twice:
            raise ValueError(f"two runs {twice[0].relative_to(root)}")
    return [
        ArchivedRun(place, facts, metrics, Path(folder)) for place, (facts, metrics) in zip(places, runs, strict=True)
    ]


def _run(line):
    """→ facts, metrics"""
    facts, metrics = line["facts"], line["metrics"]
    schema.check_facts(facts)
    schema.check_metrics(metrics, facts)
    return facts, metrics


def read_all(root, report):
    """All stored runs of a report: those in folders below ``root``, and those that are archived beside it alone.

    → list of Run, in the order of :func:`key`, as an archive has them
    """
    archived = {key(run): run for run in read(Path(root).parent / report, root, report)}
    stored = {key(run): run for run in store.read_all(root, report)}
    return [run for _, run in sorted((archived | stored).items())]


def write(runs, folder):
    """Archive ``runs`` in ``folder``, in place of what was archived there. → its three paths"""
    folder = Path(folder)
    runs = sorted(runs, key=key)
    lines = "".join(json.dumps({"facts": run.facts, "metrics": run.metrics}) + "\n" for run in runs)
    tables = {
        PREDICTIONS: [_keyed(run, run.predictions()) for run in runs if not run.diverged],
        HISTORIES: [_keyed(run, run.history()) for run in runs],
    }
    contents = {
        name: pd.concat(parts, ignore_index=True).to_csv(index=False, float_format="%.6g")
        for name, parts in tables.items()
        if parts
    }
    contents[RUNS] = lines  # last: until then the runs are those of before, whose rows the new tables have too
    for name, content in contents.items():
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
            file.write(content.encode())
        with files.replaced(folder / name) as part:
            part.write_bytes(packed.getvalue())
    for name in set(FILES) - set(contents):  # every run diverged
        (folder / name).unlink(missing_ok=True)
    return [folder / name for name in contents]


def _keyed(run, table):
    for place, (name, value) in enumerate(zip(KEYS, key(run), strict=True)):
        table.insert(place, name, value)
    return table
