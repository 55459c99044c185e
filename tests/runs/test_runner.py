"""Every experiment of every report for one epoch on the embedded corpus, and what a run promises."""

import dataclasses
import itertools
import json
import os
import re
import shutil
import signal
import time

import keras
import numpy as np
import pandas as pd
import pytest

from keras_ser import corpora, reports
from keras_ser.analysis import reported
from keras_ser.data import features, protocols
from keras_ser.data.digests import digest
from keras_ser.errors import UserError
from keras_ser.output import document, markdown
from keras_ser.output.figures import selection
from keras_ser.reports import extensions
from keras_ser.runs import archive, layout, passes, planning, runner, store
from keras_ser.runs.train import assemble


def gathered(name, embedded):
    report = reports.load(name)
    return planning.gather(report, corpora.titles(report.corpora), corpora.joined(report.corpora, embedded))


@pytest.fixture(scope="module")
def material(embedded):
    return gathered("emodb_losses", embedded)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


def setting_of(report, material, folder, out="out", epochs=1):
    return planning.Setting(report, material, folder / out, folder / "cache", epochs)


def run(setting, *, names, protocols=("clip_disjoint",), repetitions=(0,), jobs=1):
    experiments = [extensions.find(setting.report, name) for name in names]
    return runner.run_all(setting, experiments, protocols, repetitions, jobs=jobs)


def listed_and_one_of_each_kind_of_extension(report):
    firsts = {}
    for item in report.experiments:
        if item.front_end.graph:  # what openSMILE alone computes has tests of its own
            firsts.setdefault(item.name.partition("/")[0] if item.extension else item.name, item.name)
    return list(firsts.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", [*reports.NAMES, *reports.RECIPES])
def test_experiments_run_one_epoch(name, embedded, folder):
    report, material = reports.load(name), gathered(name, embedded)
    for item in run(setting_of(report, material, folder), names=listed_and_one_of_each_kind_of_extension(report)):
        assert not item.diverged
        svm = item.facts["kind"] == "svm"
        assert item.facts["epochs_run"] == (0 if svm else 1)
        assert item.facts["fitted_on"] == list(report.experiment(item.facts["experiment"]).training.fitted_on)
        shared = item.facts["shared"]
        n = item.facts["examples"]["test"]
        assert (shared["test"], shared["clip"], shared["audio_hash"]) == (n, 0, 0)
        assert shared["speaker"] > n / 2  # clips are disjoint, speakers are not
        assert ("validation" in item.metrics) == ("validation" not in item.facts["fitted_on"])
        predictions = item.predictions()
        assert list(predictions["predicted"].isin(report.labels)) == [True] * n
        assert set(predictions["corpus"]) <= set(report.corpora)
        assert set(predictions["speaker"]) == set(item.facts["test_speakers"])
        np.testing.assert_allclose(predictions.filter(like="p_").sum(axis=1), 1, atol=1e-4)
        assert item.metrics["accuracy"] == np.mean(predictions["true"] == predictions["predicted"])


@pytest.mark.slow
def test_a_repetition_tests_every_clip_once_and_is_scored_as_one(material, folder):
    report = reports.load("emodb_losses")
    setting = setting_of(report, material, folder, "jobs_1")
    runs = run(setting, names=["cnn/mean_squared_error", "svm"], protocols=("speaker_independent",))
    assert len(runs) == 2 * 5
    assert [item.folder.name for item in runs] == [f"fold-{fold}" for fold in range(5) for _ in range(2)]
    for item in passes.whole(runs):
        predictions = item.predictions()
        assert sorted(predictions["clip"]) == sorted(material.manifest["clip"])
        assert item.metrics["accuracy"] == np.mean(predictions["true"] == predictions["predicted"])
        assert item.facts["shared"]["speaker"] == 0
        assert item.facts["fitted_on"] == ["train"]
    (first, *_), incomplete = runs, runs[1:]
    names = [item.facts["experiment"] for item in passes.whole(incomplete)]
    assert first.facts["experiment"] not in names
    assert set(reported.table(report, passes.whole(incomplete))["experiment"]) <= {"svm"}


@pytest.mark.slow
def test_a_stored_model_predicts_what_the_run_says(material, folder):
    report = reports.load("emodb_losses")
    (item,) = run(setting_of(report, material, folder), names=["cnn_lstm/mean_squared_error"])
    predictions = item.predictions()
    front_end = report.experiments[0].front_end
    values = features.compute(
        predictions[["clip", "copy", "transform", "parameter"]],
        material.manifest,
        front_end,
        cache_root=folder / "cache",
    )
    model = keras.models.load_model(item.folder / "model.keras")
    np.testing.assert_allclose(model.predict(values, verbose=0), predictions.filter(like="p_"), atol=1e-5)


@pytest.mark.slow
def test_what_is_stored_is_not_run_again_and_what_is_missing_is(material, folder):
    report = reports.load("emodb_losses")
    cnn, setting = "cnn/mean_squared_error", setting_of(report, material, folder, "again")
    (first,) = run(setting, names=[cnn])
    stamp = (first.folder / "run.json").stat().st_mtime_ns
    runs = run(setting, names=[cnn], protocols=("clip_disjoint", "as_reported"))
    assert (first.folder / "run.json").stat().st_mtime_ns == stamp
    assert [item.facts["protocol"] for item in runs] == ["clip_disjoint", "as_reported"]
    # Another number of epochs is another setup.
    in_order = sorted(runs, key=archive.key)
    assert planning.stored(setting) == (in_order, [])
    assert planning.stored(dataclasses.replace(setting, epochs=2)) == ([], in_order)


def spoiled(path, **changes):
    """A stored run as if it had been made otherwise."""
    facts = json.loads(path.read_text())
    decided_by = {**facts["decided_by"], "labels": []}
    path.write_text(json.dumps({**facts, "decided_by": decided_by, "identity": digest(decided_by), **changes}))


def test_a_trial_replaces_no_finished_runs(embedded, folder, caplog):
    """Neither in a folder nor in the archive, nor of an SVM; what clips or code make another is trained anew."""
    report, material = reports.load("spectral_features"), gathered("spectral_features", embedded)
    setting, names = setting_of(report, material, folder, "trial"), ["svm/energy", "svm_grid/energy"]
    runs = run(setting, names=names, protocols=("as_reported",))
    stamp = (runs[1].folder / "run.json").stat().st_mtime_ns
    place = re.escape(str(setting.root / report.name))
    said = r"2 finished runs \(features by tensorflow\) would be replaced: name another --out, or delete them first"
    with pytest.raises(UserError, match=f"^{place}: {said}$"):
        run(dataclasses.replace(setting, backend="librosa"), names=names, protocols=("as_reported",))
    spoiled(runs[0].folder / "run.json", epochs=50)
    with pytest.raises(UserError, match=rf"^{place}: 1 finished run \(50 epochs\) would be replaced"):
        run(setting, names=names, protocols=("as_reported",))
    archive.write(archive.read_all(setting.root, report.name), setting.out / report.name)
    shutil.rmtree(runs[0].folder)
    archived = re.escape(str(setting.out / report.name))
    with pytest.raises(UserError, match=rf"^{archived}: 1 finished run \(50 epochs\) would be replaced"):
        run(setting, names=names, protocols=("as_reported",))
    assert not runs[0].folder.exists()
    assert (runs[1].folder / "run.json").stat().st_mtime_ns == stamp
    shutil.rmtree(setting.out / report.name)
    spoiled(runs[1].folder / "run.json")
    assert caplog.messages == []
    again = run(setting, names=names, protocols=("as_reported",))
    assert [item.facts["identity"] for item in again] == [item.facts["identity"] for item in runs]
    assert caplog.messages[0].startswith("spectral_features: 1 stored runs are replaced: they were made otherwise")


@pytest.mark.slow
def test_stored_runs_of_another_network_are_told_apart(material, folder):
    """Of other weights that were dropped, of a refit, of other clips: none shares a table with today's."""
    report = reports.load("emodb_losses")
    (stored,) = run(setting_of(report, material, folder, "apart"), names=["cnn/mean_squared_error"])
    item = report.experiment("cnn/mean_squared_error")

    def found(material=material, **changes):
        changed = dataclasses.replace(item, **changes)
        others = [changed if other is item else other for other in report.experiments]
        today = dataclasses.replace(report, experiments=tuple(others))
        return planning.stored(setting_of(today, material, folder, "apart"))

    def with_dropout(n_classes):
        model = item.model(n_classes)
        dropout = keras.layers.Dropout(0.1)
        return keras.Sequential([keras.Input(model.input_shape[1:]), *model.layers[:-1], dropout, model.layers[-1]])

    assert found() == ([stored], [])
    assert found(note="explained") == ([stored], [])
    assert found(model=with_dropout) == ([], [stored])
    assert found(loss="kl_divergence") == ([], [stored])
    assert found(training=dataclasses.replace(item.training, refit=True)) == ([], [stored])
    assert found(dataclasses.replace(material, manifest=material.manifest[1:])) == ([], [stored])
    nobody = material.manifest.assign(speaker="", sentence="")
    assert found(dataclasses.replace(material, manifest=nobody)) == ([], [stored])


def test_an_svm_is_one_fit_where_nothing_changes(embedded, folder):
    """Whatever the number of repetitions; who is held out for a curve changes nothing for it either. But a repetition
    that happens to share a fold with another is a whole one.
    """
    report, material = reports.load("spectral_features"), gathered("spectral_features", embedded)
    experiments = [report.experiment(name) for name in ("svm/energy", "cnn_1d/int16")]
    names = ["as_reported", "speaker_independent"]
    units = planning.plan(setting_of(report, material, folder), experiments, names, range(3))
    count = pd.Series([(unit.experiment.name, unit.protocol.name) for unit in units]).value_counts()
    assert count.to_dict() == {
        ("svm/energy", "as_reported"): 1,
        ("cnn_1d/int16", "as_reported"): 3,
        ("svm/energy", "speaker_independent"): 3 * 4,
        ("cnn_1d/int16", "speaker_independent"): 3 * 4,
    }


def test_a_repeated_fit_is_stored_and_counted_once(embedded, folder):
    """As an older software stored it."""
    report, material = reports.load("spectral_features"), gathered("spectral_features", embedded)
    setting = setting_of(report, material, folder, "repeated")
    (first,) = run(setting, names=["svm/energy"], protocols=("as_reported",))
    again = first.folder.with_name("seed-1")
    shutil.copytree(first.folder, again)
    facts = json.loads((again / "run.json").read_text())
    (again / "run.json").write_text(json.dumps({**facts, "seed": 1}))
    assert planning.stored(setting) == ([first], [])


def refused(material, folder, protocol, names, monkeypatch, said, **changes):
    """``protocol`` with another draw is refused, before anything is trained or computed."""
    changed = dataclasses.replace(protocols.get(protocol), **changes)
    monkeypatch.setitem(protocols.PROTOCOLS, protocol, changed)
    root = folder / f"refused {said}"
    setting = setting_of(reports.load("emodb_losses"), material, root)
    with pytest.raises(UserError, match=said):
        run(setting, names=names, protocols=(protocol,), repetitions=range(3))
    assert not root.exists()


def test_a_split_that_a_later_repetition_cannot_have(material, folder, monkeypatch):
    def draw(examples, manifest, split, repetition, fold):
        assigned = protocols.get("as_reported").draw(examples, manifest, split, repetition, fold)
        return assigned[assigned["split"] != "validation"] if repetition == 2 else assigned

    said = "the validation split would contain only 0 emotion"
    refused(
        material,
        folder,
        "clip_disjoint",
        ["svm"],
        monkeypatch,
        said,
        draw=draw,
        may_share=frozenset({"clip", "audio_hash", "speaker", "sentence"}),
    )


def test_a_leak_that_is_not_declared(material, folder, monkeypatch):
    draw = protocols.get("clip_disjoint").draw
    names = ["cnn/mean_squared_error"]
    said = r"fold 0: \d+ of \d+ test examples share the speaker .*nothing was trained"
    refused(material, folder, "speaker_independent", names, monkeypatch, said, draw=draw)


def test_a_leak_through_validation(material, folder, monkeypatch):
    """Refused for what is fitted to validation too, and for nothing else."""

    def draw(examples, manifest, split, repetition, fold):
        original = examples[examples["copy"] == 0]
        speaker = original["clip"].map(manifest.set_index("clip")["speaker"])
        known = speaker.isin(sorted(set(speaker))[:3])
        return original.assign(split=np.where(known, "train", np.where(original.index % 2, "validation", "test")))

    protocol = dataclasses.replace(protocols.get("speaker_independent"), draw=draw)
    monkeypatch.setitem(protocols.PROTOCOLS, "speaker_independent", protocol)
    report = reports.load("emodb_losses")
    item = report.experiments[0]
    again = dataclasses.replace(item, training=dataclasses.replace(item.training, refit=True))

    def plan(experiment):
        return planning.plan(setting_of(report, material, folder), [experiment], ["speaker_independent"], [0])

    assert len(plan(item)) == 5
    with pytest.raises(UserError, match="share the speaker"):
        plan(again)


def test_two_names_of_one_recording_are_never_trained_and_tested(embedded, folder):
    report = reports.load("emodb_losses")
    material = gathered("emodb_losses", embedded)
    twins = material.manifest.groupby("speaker")["clip"].nth([0, 1]).index
    content = material.manifest["audio_hash"].copy()
    content[twins[1::2]] = content[twins[::2]].to_numpy()
    material = dataclasses.replace(material, manifest=material.manifest.assign(audio_hash=content))
    names = ["clip_disjoint", "speaker_independent"]
    planning.plan(setting_of(report, material, folder), report.experiments[:1], names, range(3))


@pytest.mark.slow
def test_a_seed_repeats_to_the_bit(material, folder):
    report = reports.load("emodb_losses")
    settings = [setting_of(report, material, folder, out) for out in ("a", "b")]
    runs = [run(setting, names=["cnn/mean_squared_error"])[0] for setting in settings]
    pd.testing.assert_frame_equal(runs[0].predictions(), runs[1].predictions(), check_exact=True)
    (other,) = run(settings[0], names=["cnn/mean_squared_error"], repetitions=(1,))
    assert not np.allclose(other.history()["loss"], runs[0].history()["loss"])


@pytest.mark.slow
def test_several_processes_train_the_same_to_the_bit(material, folder):
    """Also what is fitted after another fold by the same graph."""
    report = reports.load("emodb_losses")
    which = {"names": ["cnn/mean_squared_error", "svm"], "protocols": ("clip_disjoint", "speaker_independent")}
    grids = [run(setting_of(report, material, folder, f"jobs_{jobs}"), jobs=jobs, **which) for jobs in (1, 2)]
    assert len(grids[0]) == 2 * (1 + 5)
    for one, other in zip(*grids, strict=True):
        assert one.facts["identity"] == other.facts["identity"]
        assert one.metrics == other.metrics
        pd.testing.assert_frame_equal(one.predictions(), other.predictions(), check_exact=True)
        histories = [item.history().drop(columns="seconds", errors="ignore") for item in (one, other)]
        pd.testing.assert_frame_equal(*histories, check_exact=True)


@pytest.mark.parametrize(
    ("epochs", "jobs", "networks"),
    [(1, 2, [6]), (1, 4, [3, 3]), (1, 20, [1] * 6), (1, 1, [1] * 6), (500, 2, [1] * 6)],
)
def test_short_fits_of_one_network_stay_together_as_far_as_no_process_lacks_any(
    epochs, jobs, networks, material, folder
):
    report, names = reports.load("emodb_losses"), ["cnn/mean_squared_error", "svm"]
    setting = setting_of(report, material, folder, epochs=epochs)
    experiments = [extensions.find(report, name) for name in names]
    units = planning.plan(setting, experiments, ["clip_disjoint", "speaker_independent"], [0])
    calls = runner._in_calls(setting, units, jobs)
    assert sorted(map(id, itertools.chain(*calls))) == sorted(map(id, units))
    sizes = {name: [len(call) for call in calls if call[0].experiment.name == name] for name in names}
    assert sizes == {names[0]: networks, "svm": [1] * 6}
    assert all(len({unit.experiment.name for unit in call}) == 1 for call in calls)
    places = [[unit is call[0] for unit in units].index(True) for call in calls]
    assert places == sorted(places)


@pytest.mark.slow
def test_a_process_that_dies_costs_its_run_alone(material, folder):
    report = reports.load("emodb_losses")
    alive, main = report.experiment("cnn/mean_squared_error"), os.getpid()
    of_other = layout.run_folder(folder / "dying" / "runs", report.name, alive.name, "clip_disjoint", 0) / "run.json"

    def dying(n_classes):
        if os.getpid() != main:  # not where the run is planned
            while not of_other.exists():  # the other process is not done
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGKILL)
        return alive.model(n_classes)

    other = dataclasses.replace(report.experiment("cnn/categorical_crossentropy"), model=dying)
    report = dataclasses.replace(report, experiments=(other, alive, *report.experiments[2:]))
    said = (
        "a process died while it trained cnn/categorical_crossentropy, clip_disjoint, repetition 0 (killed by the "
        "system, most likely as memory was short): what was finished is kept; call again, with fewer --jobs than 2 if"
    )
    with pytest.raises(UserError, match=re.escape(said)):
        run(setting_of(report, material, folder, "dying"), names=[other.name, alive.name], jobs=2)
    assert [*(folder / "dying").rglob("run.json")] == [of_other]


@pytest.mark.slow
def test_repetitions_are_trained_beside_one_another(material, folder, monkeypatch):
    """Each waits for the other; and what goes wrong with the features of a later one is not lost."""
    report = reports.load("emodb_losses")
    alive, main, there = report.experiment("cnn/mean_squared_error"), os.getpid(), folder / "beside"
    there.mkdir()

    def waiting(n_classes):
        if os.getpid() != main:  # not where the run is planned
            (there / str(os.getpid())).touch()
            deadline = time.monotonic() + 120
            while len([*there.iterdir()]) < 2:
                assert time.monotonic() < deadline, "no other repetition is trained"
                time.sleep(0.05)
        return alive.model(n_classes)

    item = dataclasses.replace(alive, model=waiting)
    report = dataclasses.replace(report, experiments=(report.experiments[0], item, *report.experiments[2:]))
    setting = setting_of(report, material, folder, "beside_out")
    found = run(setting, names=[item.name], repetitions=(0, 1), jobs=2)
    assert [one.facts["seed"] for one in found] == [0, 1]
    compute, asked = features.compute, []

    def failing(*args, **options):
        asked.append(args)
        if len(asked) == 2:
            raise UserError("the disk is full")
        return compute(*args, **options)

    monkeypatch.setattr(features, "compute", failing)
    setting = setting_of(report, material, folder, "lost_out")
    with pytest.raises(UserError, match="the disk is full"):
        run(setting, names=[item.name], repetitions=(0, 1, 2), jobs=2)


@pytest.mark.slow
def test_a_diverging_run_is_listed_and_not_averaged(material, folder):
    report = reports.load("emodb_losses")

    def exploding(n_classes):
        inputs = keras.Input((13, 150, 1))
        huge = keras.layers.Rescaling(1e38)(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, keras.layers.Dense(n_classes)(keras.layers.Rescaling(1e38)(huge)))

    item = dataclasses.replace(report.experiments[1], model=exploding)
    report = dataclasses.replace(report, experiments=(report.experiments[0], item, *report.experiments[2:]))
    setting = setting_of(report, material, folder, "diverging")
    good, bad = run(setting, names=[report.experiments[0].name, item.name])
    assert bad.diverged
    assert bad.facts["diverged_at"] == 1
    assert bad.metrics == {}
    assert not (bad.folder / "predictions.csv").exists()
    assert store.is_complete(bad)
    both = passes.whole([good, bad])
    table = reported.table(report, both).set_index(["experiment", "metric"])
    row = table.loc[(item.name, "accuracy")]
    assert (row["n"], row["diverged"]) == (0, 1)
    assert pd.isna(row["mean"])
    text = document.as_markdown(markdown.report_table(report, table.reset_index(), both))
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    paths = selection.of_report(report, material, both, table.reset_index(), folder / "figures")
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "splits"), [("as_reported", ("train", "validation", "test")), ("speaker_independent", ("train",))]
)
def test_statistics_come_from_train_unless_the_report_took_them_before_its_split(protocol, splits, embedded, folder):
    report, material = reports.load("tess_mfcc"), gathered("tess_mfcc", embedded)
    item, *_ = run(setting_of(report, material, folder), names=["cnn"], protocols=(protocol,))
    examples = report.augmentation(material.manifest, 0)
    assigned = protocols.get(protocol).assign(examples, material.manifest, report.split)
    front_end = report.experiment("cnn").front_end
    values = features.compute(examples, material.manifest, front_end, cache_root=folder / "cache")
    frames = values[assigned.index[assigned["split"].isin(splits)]].reshape(-1, values.shape[-1])
    frames = frames[frames.any(axis=1)].astype(np.float64)
    layers = keras.models.load_model(item.folder / "model.keras").layers
    (layer,) = [layer for layer in layers if isinstance(layer, keras.layers.Normalization)]
    np.testing.assert_allclose(layer.adapt_mean, frames.mean(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(layer.adapt_variance, frames.var(axis=0), rtol=1e-4)


def test_a_normalisation_that_would_keep_the_statistics_of_the_first_fold_is_refused():
    item = reports.load("tess_mfcc").experiment("cnn")
    shape = item.front_end.output_shape()
    assemble(item, 7, shape)
    with pytest.raises(ValueError, match=r"`before` of cnn must normalise by keras_ser\.layers\.RunningNormalization"):
        assemble(dataclasses.replace(item, before=lambda: [keras.layers.Normalization()]), 7, shape)


def test_too_little_to_work_with(material):
    report = reports.load("emodb_losses")
    one_class = material.manifest[material.manifest["emotion"] == "anger"]
    with pytest.raises(UserError, match=r"6 usable clips of 1 emotion"):
        planning.gather(report, "Emo-DB", one_class.drop(columns=["audio_hash", "rate", "samples"]))


def test_an_empty_choice_of_clips_is_one_line(embedded):
    others = corpora.manifest("ravdess", embedded)
    others["speaker"] = [f"{int(speaker) + 8:02d}" for speaker in others["speaker"]]
    report = reports.load("spectral_features")
    with pytest.raises(UserError, match=r"none of its 64 clips can be used; .* of the speakers 01, 02") as told:
        planning.gather(report, "RAVDESS", others)
    assert "\n" not in str(told.value)
    nobody = corpora.joined(reports.load("four_corpora").corpora, embedded).assign(gender="", corpus="folders")
    with pytest.raises(UserError, match=r"none of its .* clips can be used; four_corpora needs"):
        planning.gather(reports.load("four_corpora"), "folders", nobody)


def test_a_substitute_is_used_whole_and_a_label_that_it_lacks_gets_what_comes_near(embedded):
    report = reports.load("spectral_features")
    manifest = corpora.manifest("emodb", embedded)
    used = planning.gather(report, "Emo-DB", manifest).manifest.set_index("clip")
    assert set(used["emotion"]) == set(report.labels)
    assert set(used["speaker"]) == set(manifest["speaker"]) > set(report.speakers) & set(manifest["speaker"])
    neutral = manifest.loc[manifest["emotion"] == "neutral", "clip"]
    assert set(used.index[used["emotion"] == "calm"]) == set(neutral)
    own = gathered("spectral_features", embedded).manifest
    assert set(own["speaker"]) == set(report.speakers)
    assert own["clip"].str.startswith("03-01-02").sum() == (own["emotion"] == "calm").sum() > 0
    lacking = corpora.manifest("ravdess", embedded).query("emotion != 'calm'")
    assert "calm" not in set(planning.gather(report, "RAVDESS", lacking).manifest["emotion"])
