"""Which figures a report and a comparison have, drawn into a folder. Needs what the extra ``reports`` brings."""

from keras_ser import corpora
from keras_ser.analysis import reported, summaries
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.output.figures import recordings, results

OF_CLIPS = {
    draw.__name__: draw
    for draw in (
        recordings.class_distribution,
        recordings.class_shares,
        recordings.durations,
        recordings.waveforms,
        recordings.clips,
        recordings.chirp,
        recordings.mel_images,
    )
}
# What a folder of a report's figures may hold; other files in it are the user's.
NAMES = (
    *OF_CLIPS,
    *(f"{kind}_{protocol}" for kind in ("curves", "confusion") for protocol in PROTOCOLS),
    *("splits", "listeners", "protocols_accuracy", "protocols_uar", "class_counts"),
)


def of_report(report, material, passes, table, folder):
    """The figures of one report into ``folder``, in place of those of before; of experiments that are extensions only
    where there are no others. → list of paths
    """
    title = f"{material.description}, {len(material.manifest)} clips"
    chance = 1 / len(report.labels)
    ran = {item.facts["experiment"] for item in passes}
    experiments = [item for item in report.experiments if item.name in ran]
    names = [item.name for item in experiments if not item.extension] or [item.name for item in experiments]
    passes = [item for item in passes if item.facts["experiment"] in names]
    table = table[table["experiment"].isin(names)]
    confusions = summaries.confusions(passes)
    paths = [
        OF_CLIPS[name](material.manifest, report.labels, title, folder / f"{name}.png") for name in report.clip_figures
    ]
    for protocol in PROTOCOLS:
        of_protocol = [item for item in passes if item.facts["protocol"] == protocol]
        trained = [item for item in of_protocol if item.facts["kind"] == "network"]
        what = PROTOCOLS[protocol].title
        if trained:
            trainings = summaries.curves(report, trained)
            trainings = {name: trainings[name] for name in names if name in trainings}
            paths.append(results.curves(trainings, what, chance, title, folder / f"curves_{protocol}.png"))
        matrices = {name: confusions[name, protocol] for name in names if (name, protocol) in confusions}
        if matrices:
            path = folder / f"confusion_{protocol}.png"
            printed = summaries.printed(report, of_protocol) if protocol == "as_reported" else {}
            paths.append(results.confusion_matrices(matrices, report.labels, what, title, path, printed))
        asked = reported.votes(report) is not None
        if matrices and asked and protocol == "speaker_independent":
            votes = reported.listeners_matrix(report)
            shown = f"{what}\nVotes: {corpora.titles(report.corpora)}, {votes.sum()}"
            paths.append(results.listeners(votes, matrices, report.labels, shown, title, folder / "listeners.png"))
    by_split = summaries.split_means(reported.splits(passes))
    if len(by_split):
        paths.append(results.splits(by_split, chance, title, folder / "splits.png"))
    for metric in ("accuracy", "uar"):
        paths.append(results.protocols(table, metric, chance, title, folder / f"protocols_{metric}.png"))
    counted = table.loc[table["metric"] == "tp", "reported"].notna().any()
    if counted and not reported.obstacle(report, passes[0].facts):
        paths.append(results.class_counts(table, report.labels, title, folder / "class_counts.png"))
    for name in NAMES:
        if folder / f"{name}.png" not in paths:
            (folder / f"{name}.png").unlink(missing_ok=True)
    return paths


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
