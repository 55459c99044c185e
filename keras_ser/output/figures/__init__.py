"""Every figure. Data in, a PNG file or pixels out; computes no number, and sets nothing for the process.

``recordings``: of clips; ``results``: of what models do; ``style``: how all of them look. Each names its corpus.
"""

from keras_ser import corpora, files
from keras_ser.analysis import reported, summaries
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.output.figures import recordings, results
from keras_ser.output.figures.recordings import recording, timeline
from keras_ser.output.figures.results import confusion_picture

__all__ = ["OF_CLIPS", "confusion_picture", "of_comparison", "of_report", "recording", "timeline"]

OF_CLIPS = {
    draw.__name__: draw
    for draw in (
        recordings.class_distribution,
        recordings.class_shares,
        recordings.durations,
        recordings.waveforms,
        recordings.clips,
        recordings.chirp,
        recordings.mel_pictures,
    )
}


def of_report(report, material, passes, table, folder):
    """The figures of one report in place of the folder of those before; of experiments that are extensions only where
    there are no others. → list of paths
    """
    title = f"{material.description}, {len(material.manifest)} clips"
    chance = 1 / len(report.labels)
    ran = {item.facts["experiment"] for item in passes}
    experiments = [item for item in report.experiments if item.name in ran]
    names = [item.name for item in experiments if not item.ours] or [item.name for item in experiments]
    passes = [item for item in passes if item.facts["experiment"] in names]
    table = table[table["experiment"].isin(names)]
    confusions = summaries.confusions(passes)
    with files.replaced(folder) as part:
        part.mkdir()
        for name in report.pictures:
            OF_CLIPS[name](material.manifest, report.labels, title, part / f"{name}.png")
        for protocol in PROTOCOLS:
            trained = [
                item for item in passes if item.facts["protocol"] == protocol and item.facts["kind"] == "network"
            ]
            what = PROTOCOLS[protocol].title
            if trained:
                trainings = summaries.curves(report, trained)
                trainings = {name: trainings[name] for name in names if name in trainings}
                results.curves(trainings, what, chance, title, part / f"curves_{protocol}.png")
            matrices = {name: confusions[name, protocol] for name in names if (name, protocol) in confusions}
            if matrices:
                path = part / f"confusion_{protocol}.png"
                results.confusion_matrices(matrices, report.labels, what, title, path)
            if matrices and report.listeners and protocol == "speaker_independent":
                votes = reported.listeners_matrix(report)
                said = f"{what}\nVotes: {corpora.titles(report.corpora)}, {votes.sum()}"
                results.listeners(votes, matrices, report.labels, said, title, part / "listeners.png")
        by_split = summaries.split_means(reported.splits(passes))
        if len(by_split):
            results.splits(by_split, chance, title, part / "splits.png")
        for metric in ("accuracy", "uar"):
            results.protocols(table, metric, chance, title, part / f"protocols_{metric}.png")
        counted = table.loc[table["metric"] == "tp", "reported"].notna().any()
        if counted and not reported.obstacle(report, passes[0].facts):
            results.class_counts(table, report.labels, title, part / "class_counts.png")
    return sorted(folder.glob("*.png"))


def of_comparison(report, title, passes, scores, differences, clips, folder):
    """The figures of one comparison (numbers of :mod:`keras_ser.analysis.paired`) into ``folder``. → list of paths"""
    shared = reported.shared(passes)
    paths = [results.ladder(scores, shared, 1 / len(report.labels), title, folder / "ladder.png")]
    if len(differences):
        paths.append(results.differences(differences, title, folder / "differences.png"))
        bins = summaries.reliability(clips)
        if len(bins):
            paths.append(results.reliability(bins, title, folder / "reliability.png"))
    return paths
