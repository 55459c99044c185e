"""Stored runs that nobody had to train."""

import json

import numpy as np
import pandas as pd
import pytest

from keras_ser.data.digests import digest
from keras_ser.reports import extensions
from keras_ser.runs import layout, store
from keras_ser.training import evaluation

SPEAKERS = [f"{number:02}" for number in range(1, 9)]


@pytest.fixture
def made(runs_in, tmp_path):
    """``runs_in`` the test's own folder."""
    return runs_in(tmp_path)


@pytest.fixture(scope="session")
def runs_in():
    """Folder → a function that stores a run there as a training would leave it, with answers drawn by chance, and
    returns it: (report, experiment, protocol, repetition, fold or None, n_folds, right: share of right answers, names:
    of clips, in place of made-up ones, further facts).

    A repetition tests two clips of each class of each of eight speakers.
    """
    return maker


def maker(place):
    """What ``runs_in`` returns for one folder."""

    def make(report, experiment, protocol, repetition=0, fold=None, n_folds=1, right=0.7, names=None, **facts):
        item = extensions.find(report, experiment)
        speakers = SPEAKERS[fold::n_folds] if fold is not None else SPEAKERS
        rng = np.random.default_rng([repetition, fold or 0, len(experiment), len(protocol)])
        rows = [(speaker, label, take) for speaker in speakers for label in report.labels for take in range(2)]
        true = np.array([label for _, label, _ in rows])
        predicted = np.where(rng.random(len(rows)) < right, true, rng.choice(report.labels, len(rows)))
        probabilities = np.full((len(rows), len(report.labels)), 0.3 / len(report.labels))
        probabilities[np.arange(len(rows)), [report.labels.index(label) for label in predicted]] += 0.7 * rng.random(
            len(rows)
        )
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        predictions = pd.DataFrame(
            {
                "clip": [
                    names[place % len(names)] if names else "_".join(map(str, row)) for place, row in enumerate(rows)
                ],
                "corpus": report.corpora[0],
                "speaker": [row[0] for row in rows],
                "copy": 0,
                "transform": "none",
                "parameter": 0.0,
                "true": true,
                "predicted": predicted,
                **{f"p_{label}": column for label, column in zip(report.labels, probabilities.T, strict=True)},
            }
        )
        epochs = np.arange(1, 6)
        loss = 1 / epochs + 0.05 * repetition
        history = pd.DataFrame({"fit": 1, "epoch": epochs, "seconds": 1.0, "loss": loss, "accuracy": 1 - loss / 2})
        history = history.assign(val_loss=loss + 0.3, val_accuracy=0.9 - loss / 2)
        network = item.training.kind == "network"
        shares = {"as_reported": (1, 1, 1, 1), "clip_disjoint": (0, 0, 1, 1), "speaker_independent": (0, 0, 0, 1)}
        n = len(rows)
        counts = dict(zip(("clip", "audio_hash", "speaker", "sentence"), shares.get(protocol, (0,) * 4), strict=True))
        scores = evaluation.score(predictions, report.labels)
        scores |= {name: {"accuracy": 0.9, "weighted_f1": 0.9} for name in ("train", "validation")[: 1 + network]}
        if report.scores:
            scores["further"] = report.scores(predictions)
        facts = {
            "identity": digest({}),
            "decided_by": {},
            "setup": f"setup of {experiment}",
            "report": report.name,
            "experiment": experiment,
            "extension": item.extension,
            "protocol": protocol,
            "seed": repetition,
            "fold": fold,
            "n_folds": n_folds,
            "corpus": "a corpus",
            "corpora": list(report.corpora),
            "substitute": False,
            "synthetic": False,
            "clips": 2 * len(SPEAKERS) * len(report.labels),
            "clips_by_corpus": {report.corpora[0]: 2 * len(SPEAKERS) * len(report.labels)},
            "labels": list(report.labels),
            "sample_rate": item.front_end.sample_rate,
            "features": "tensorflow",
            "kind": item.training.kind,
            "loss": item.loss,
            "optimizer": "adam",
            "batch_size": 4,
            "epochs": 5 * network,
            "fitted_on": list(item.training.fitted_on),
            "chosen_on": list(item.training.chosen_on),
            "selected_on": {},
            "from_all": list(report.from_all) if protocol == "as_reported" else [],
            "parameters": 1000,
            "examples": {"train": 100, "validation": 20, "test": n},
            "test_speakers": speakers,
            "shared": {"test": n, **{name: n * share for name, share in counts.items()}},
            "diverged_at": None,
            "epochs_run": 5 * network,
            "seconds": 1.0,
            "environment": {"keras_ser": "0", "device": "CPU (x86_64)"},
            **facts,
        }
        folder = layout.run_folder(place / "runs", report.name, experiment, protocol, repetition, fold)
        folder.mkdir(parents=True)
        if not network:
            history = pd.DataFrame({"C": [10.0], "kernel": "rbf", "chosen": True})
        (folder / "run.json").write_text(json.dumps(facts))
        (folder / "metrics.json").write_text(json.dumps(scores if facts["diverged_at"] is None else {}))
        history.to_csv(folder / "history.csv", index=False)
        predictions.to_csv(folder / "predictions.csv", index=False)
        return store.read(folder)

    return make
