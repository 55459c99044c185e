"""Which figures a report and a comparison have, drawn into a folder of what ``analysis`` gives for each. Needs what the
extra ``reports`` brings.
"""

import functools

import joblib
import pandas as pd

from keras_ser import corpora
from keras_ser.analysis import clips, examples, reported, summaries
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.output.figures import recordings, results, style
from keras_ser.runs import processes


def _chirp(manifest, labels):
    """It is the same whatever the clips."""
    waveform, rate = examples.chirp()
    return waveform, rate, examples.spectrogram(waveform, rate)


OF_CLIPS = {  # name → (manifest, labels → what is shown), what draws that
    "class_distribution": (clips.per_class, recordings.class_distribution),
    "class_shares": (clips.by_corpus, recordings.class_shares),
    "durations": (clips.by_corpus, recordings.durations),
    "waveforms": (examples.of_each_class, recordings.waveforms),
    "clips": (examples.described, recordings.clips),
    "chirp": (_chirp, recordings.chirp),
    "mel_images": (examples.in_images, recordings.mel_images),
}
# What a folder of a report's figures may hold; other files in it are the user's.
NAMES = (
    *OF_CLIPS,
    *(f"{kind}_{protocol}" for kind in ("curves", "confusion") for protocol in PROTOCOLS),
    *("splits", "listeners", "protocols_accuracy", "protocols_uar", "class_counts"),
)


def of_clips(name, manifest, labels, title, path):
    """One of OF_CLIPS, of the clips of a manifest. → ``path``"""
    find, draw = OF_CLIPS[name]
    return draw(find(manifest, labels), title, path)


def of_report(report, material, passes, table, folder, jobs=1):
    """The figures of one report into ``folder``, in place of those of before, ``jobs`` drawn at a time; of experiments
    that are extensions only where there are no others. → list of paths
    """
    title = f"{material.description}, {len(material.manifest)} clips"
    chance = reported.chance(report, passes)
    ran = {item.facts["experiment"] for item in passes}
    experiments = [item for item in report.experiments if item.name in ran]
    names = [item.name for item in report.listed if item.name in ran] or [item.name for item in experiments]
    passes = [item for item in passes if item.facts["experiment"] in names]
    table = table[table["experiment"].isin(names)]
    confusions = summaries.confusions(passes)
    calls = {}  # path → how it is drawn

    def plan(name, draw, *args):
        path = folder / f"{name}.png"
        calls[path] = joblib.delayed(draw)(*args, title=title, path=path)

    for name in report.clip_figures:
        plan(name, of_clips, name, material.manifest, report.labels)
    for protocol in PROTOCOLS:
        of_protocol = [item for item in passes if item.facts["protocol"] == protocol]
        trained = [item for item in of_protocol if item.facts["kind"] == "network"]
        what = PROTOCOLS[protocol].title
        if trained:
            trainings = summaries.curves(report, trained)
            trainings = {name: trainings[name] for name in names if name in trainings}
            plan(f"curves_{protocol}", results.curves, trainings, what, chance)
        matrices = {name: confusions[name, protocol] for name in names if (name, protocol) in confusions}
        if matrices:
            printed = summaries.printed(report, of_protocol) if protocol == "as_reported" else {}
            draw = functools.partial(results.confusion_matrices, printed=printed)
            plan(f"confusion_{protocol}", draw, matrices, report.labels, what)
        asked = reported.votes(report) is not None
        if matrices and asked and protocol == "speaker_independent":
            votes = reported.listeners_matrix(report)
            shown = f"{what}\nVotes: {corpora.titles(report.corpora)}, {votes.sum()}"
            plan("listeners", results.listeners, votes, matrices, report.labels, shown)
    by_split = summaries.split_means(reported.splits(passes))
    if len(by_split):
        plan("splits", results.splits, by_split, chance)
    for metric in ("accuracy", "uar"):
        draw = functools.partial(results.protocols, parts=by_corpus(table, passes, metric) if chance is None else None)
        plan(f"protocols_{metric}", draw, table, metric, chance)
    counted = (table["metric"] == "tp") & table["reported"].notna() & (table["n"] > 0)
    if counted.any() and not reported.obstacle(report, passes[0].facts):
        plan("class_counts", results.class_counts, table, report.labels)
    for name in NAMES:
        if folder / f"{name}.png" not in calls:
            (folder / f"{name}.png").unlink(missing_ok=True)
    for _ in processes.results(calls.values(), jobs):
        pass
    return list(calls)


def by_corpus(table, passes, metric):
    """The scores on each corpus alone. → dict: name in the table → what stands above them"""
    facts, present, tested = passes[0].facts, set(table["metric"]), reported.tested_by_corpus(passes)
    return {
        f"{name}: {metric}": _panel(name, facts["clips_by_corpus"][name], tested)
        for name in facts["corpora"]
        if f"{name}: {metric}" in present
    }


def _panel(name, clips, tested):
    """The corpus, its clips and the chance level; of an unseen corpus not all clips, nor all classes, may be tested."""
    lines = [style.short(corpora.get(name).title), f"{clips} clips, chance level {1 / tested[''].at[name, 'true']:.3f}"]
    unseen = tested.get("corpus_independent", pd.DataFrame())
    if name in unseen.index and unseen.at[name, "clip"] < clips:
        n, classes = unseen.loc[name]
        lines.append(f"{PROTOCOLS['corpus_independent'].title}: {n} clips, chance level {1 / classes:.3f}")
    return "\n".join(lines)


def of_comparison(report, title, found, folder):
    """The figures of one comparison (of :func:`keras_ser.analysis.paired.compare`) into ``folder``. → list of paths"""
    shared = reported.shared(found.passes)
    chance = reported.chance(report, found.passes)
    paths = [results.ladder(found.scores, shared, chance, title, folder / "ladder.png")]
    if len(found.differences):
        paths.append(results.differences(found.differences, title, folder / "differences.png"))
        bins = summaries.reliability(found.answers)
        if len(bins):
            paths.append(results.reliability(bins, title, folder / "reliability.png"))
    return paths
