"""Whatever happens to a file that we wrote, what reads it answers, or names it in one line."""

import shutil

import numpy as np
import pytest

from keras_ser import reports
from keras_ser.analysis import reported
from keras_ser.errors import UserError
from keras_ser.output import markdown, tables
from keras_ser.runs import archive, passes, store
from keras_ser.serving import verify


@pytest.fixture
def places(runs, tmp_path):
    """The folders of a run, and of the results of its report."""
    run = runs["tess_mfcc"]
    folder = shutil.copytree(run.folder, tmp_path / "run")
    results, whole, report = tmp_path / "tess_mfcc", passes.whole([run]), reports.load("tess_mfcc")
    archive.write([run], results)
    frame = reported.table(report, whole)
    tables.write(frame, markdown.report_table(report, frame, whole), results)
    return [(folder, name) for name in store.FILES] + [(results, name) for name in (*archive.FILES, *tables.FILES)]


def damaged(whole, rng):
    """The content of a file after an accident."""
    content, place = bytearray(whole), int(rng.integers(len(whole)))
    kind = rng.integers(6)
    if kind == 0:
        return bytes(content[:place])
    if kind == 1:
        content[place] ^= 1 << int(rng.integers(8))
    elif kind == 2:
        content[place : place + 64] = rng.bytes(64)
    elif kind == 3:
        del content[place : place + int(rng.integers(1, 100))]
    elif kind == 4:
        content[place:place] = [b"\0", b"{}", b"\n", b",", b"NaN", b"1e999", b"[", b'"'][rng.integers(8)]
    else:
        other = int(rng.integers(len(whole)))
        content[place : place + 200] = content[other : other + 200]
    return bytes(content)


@pytest.mark.parametrize("n", [60, pytest.param(2000, marks=pytest.mark.exhaustive)])
def test_a_damaged_file_is_named_or_read(places, n):
    rng, lines = np.random.default_rng(n), []
    for number in range(n):
        folder, name = places[number % len(places)]
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(damaged(whole, rng))
        try:
            verify.verify(folder)
        except UserError as error:  # anything else fails
            lines.append((str(folder), str(error)))
        (folder / name).write_bytes(whole)
    assert len(lines) > 0.5 * n
    assert [line for where, line in lines if where not in line or len(line) > 600] == []
