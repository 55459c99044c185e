"""How fast it is: signals beside the libraries (``signal``), training beside the reports' listings (``training``),
prediction beside the reports' own way (``serving``). Recordings in, a table as CSV and Markdown out.

Libraries and graph work on the same clips, in the same process, taking turns; what counts is the ratio of a turn to the
turn beside it, which a busy machine disturbs less than the times.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from keras_ser import corpora


def run(
    out: str | Path,
    data: str | Path | None = None,
    *,
    training: bool = False,
    exports: Sequence[str | Path] = (),
    n_clips: int = 64,
    rounds: int = 5,
) -> tuple[pd.DataFrame, list[Path]]:
    """Time signals, or training, or exported models, and write the table below ``out``. → the table, its two files

    Args:
        data: directory containing the corpora; None: ``$KERAS_SER_DATA``, else ``data``.
        training: time training beside the listings instead.
        exports: folders of runs whose exported models are timed instead.
        n_clips: how many clips of Emo-DB (for training of TESS) there are, at most.
        rounds: how many turns each has.

    Raises:
        UserError: no such folder or run; the disk does not take the table.
    """
    from keras_ser.benchmark import serving, signal
    from keras_ser.benchmark import training as of_training
    from keras_ser.serving.chain import open_run

    out, runs = Path(out), [open_run(folder) for folder in exports]
    corpus, root = "tess" if training else "emodb", corpora.data_root(data)
    title, manifest = corpora.available([corpus], root, out / "cache" / "synthetic")
    kind = "bundled synthetic speech in place of " if manifest["synthetic"].any() else ""
    step = max(1, len(manifest) // n_clips)
    paths = list(manifest["path"][::step][:n_clips])
    folder, options = out / "benchmark", {"corpus": kind + title, "rounds": rounds}
    if runs:
        name, table = "serving", serving.run(runs, paths, folder, **options)
    elif training:
        name, table = "training", of_training.run(paths, folder, **options)
    else:
        name, table = "benchmark", signal.run(paths, folder, **options)
    return table, [folder / f"{name}.csv", folder / f"{name}.md"]
