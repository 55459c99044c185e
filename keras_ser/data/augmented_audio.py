"""The augmented corpus as files, the way a report keeps it: WAV for every example, and its tables as CSV."""

import functools
from pathlib import Path

import numpy as np
import pandas as pd

from keras_ser import audio, files
from keras_ser.data import features, protocols
from keras_ser.dsp.graph import LENGTHS, PARAMETER, WAVEFORM, graph
from keras_ser.progress import bar


def write(report, manifest, folder, seed):
    """Write what the report trains on when its seed is ``seed``.

    ``manifest``: from :func:`keras_ser.data.features.with_audio_hash`. Files: ``<transform>/<clip>-<copy>.wav`` (16
    bits, the clip's own rate), ``audio_labels_augmented.csv`` with all examples, ``train.csv``, ``validation.csv`` and
    ``test.csv`` with the splits of the report's own split. → number of files.

    Raises UserError if the folder cannot be written.
    """
    folder = Path(folder)
    examples = report.augmentation(manifest, seed)
    table = examples.merge(manifest[["clip", "path", "emotion", "speaker", "rate", "samples"]], on="clip", how="left")
    table["file_path"] = table["transform"] + "/" + table["clip"] + "-" + table["copy"].astype(str) + ".wav"
    table["label"] = table["emotion"].map({label: place for place, label in enumerate(report.labels)})
    with bar(total=len(table), desc="writing", unit="file", leave=False) as progress:
        for step in features.batches(table):
            _write_batch(table.loc[step], folder)
            progress.update(len(step))
    columns = ["file_path", "label", "emotion", "clip", "speaker", "copy", "transform", "parameter"]
    assigned = protocols.get("as_reported").assign(examples, manifest, report.split, seed)
    of_split = {split: table.loc[assigned.index[assigned["split"] == split]] for split in protocols.SPLITS}
    for name, rows in {"audio_labels_augmented": table, **of_split}.items():
        with files.replaced(folder / f"{name}.csv") as part:
            rows[columns].to_csv(part, index=False)
    return len(table)


def _write_batch(rows: pd.DataFrame, folder):
    rate, transform = int(rows["rate"].iloc[0]), rows["transform"].iloc[0]
    waveform, lengths = features.padded([waveform for waveform, _ in audio.read_many(rows["path"])])
    waveform, lengths = _transform(transform, rate)(waveform, rows["parameter"].to_numpy(np.float32), lengths)
    for name, sound, length in zip(rows["file_path"], waveform.numpy(), lengths.numpy(), strict=True):
        audio.write(folder / name, sound[:length], rate)


@functools.cache  # tracing takes longer than a batch
def _transform(transform, rate):
    def transformed(waveform, parameter, lengths):
        return features.transform_in_graph(transform, waveform, parameter, lengths, rate)

    return graph(transformed, WAVEFORM, PARAMETER, LENGTHS)
