"""spectral_features: best and worst features, networks beside the SVM, the use of augmentation (2, 3, 3.2).

Experiments of one family, named before the slash (``svm/energy``), differ in what follows alone.
"""

AS_TOLD = "svm"  # RBF, C = 10
OF_FEATURES = (AS_TOLD, "svm_grid")  # families that differ in the features
GRIDS = ("svm_grid", "svm_grid_hertz")  # families whose C and kernel cross-validation chooses
NETWORKS = ("cnn_1d", "cnn_2d")
AUGMENTED = {  # a network, how it is augmented → the family of the same with other augmentation
    ("cnn_1d/int16", "masks"): "cnn_1d_augmented",
    ("cnn_2d", "none"): "cnn_2d_augmented",
}


def conclusion(table, passes):
    """2, 3 and 3.2: the best and the worst feature type, the networks beside the SVM, the use of augmentation.

    → parts, one per protocol
    """
    parts = []
    for protocol, where in (("as_reported", "On the four test actors"), ("speaker_independent", "Over all speakers")):
        finished = [item for item in passes if item.facts["protocol"] == protocol and not item.diverged]
        rows = table[(table["protocol"] == protocol) & (table["metric"] == "accuracy") & (table["n"] > 0)]
        lines = answers(rows.set_index("experiment"), chosen_by_training_speakers(finished))
        if lines:
            parts.append("\n".join([f"{where}:", "", *(f"- {line}" for line in lines)]))
    return tuple(parts)


def family(experiment):
    """What an experiment's name begins with."""
    return experiment.partition("/")[0]


def chosen_by_training_speakers(passes):
    """2. Of the grids the one with the best accuracy in its cross-validation, chosen anew in each training.

    → (names that were chosen, accuracy over all trainings), None where no grid is there
    """
    grids = [run for item in passes if family(item.facts["experiment"]) in GRIDS for run in item.runs]
    best = {}
    for run in grids:
        training = (run.facts["seed"], run.facts["fold"])
        score = run.history()["val_accuracy"].max()
        if training not in best or score > best[training][0]:
            best[training] = (score, run)
    if not best:
        return None
    chosen = [run for _, run in best.values()]
    right = sum(run.metrics["accuracy"] * run.metrics["test"] for run in chosen)
    names = sorted({run.facts["experiment"] for run in chosen})
    return names, right / sum(run.metrics["test"] for run in chosen)


def accuracy(row):
    """Accuracy of a row of the table, with its spread over the repetitions where it has one."""
    return f"{row['mean']:.3f}" + (f" ± {row['std']:.3f}" if row["std"] > 0 else "")


def answers(rows, fair):
    """``rows``: accuracies of the table by experiment; ``fair``: of :func:`chosen_by_training_speakers`.

    → list of sentences
    """
    rows = rows.assign(mean=rows["mean"].astype(float), std=rows["std"].astype(float).fillna(0.0))
    described = {name: f"`{name}` {accuracy(row)}" for name, row in rows.iterrows()}
    mean, families = rows["mean"], rows.index.map(family)
    lines = []
    for name in OF_FEATURES:
        of_family = mean[families == name]
        if len(of_family) > 1:
            lines.append(
                f"`{name}`: best features {described[of_family.idxmax()]}, worst {described[of_family.idxmin()]}."
            )
    as_told, networks = mean.index[families == AS_TOLD], mean.index[families.isin(NETWORKS)]
    if len(as_told) and len(networks):
        best = mean[as_told].idxmax()
        bars = {f"the sheet's SVM with its best features, {described[best]}": mean[best]}
        if fair:
            names, share = fair
            names = " or ".join(f"`{name}`" for name in names)
            bars[f"the SVM that cross-validation over the training speakers chooses ({names}), {share:.3f}"] = share
        lines.append(
            "The sheet asks that no CNN fall below the SVM. The best features are chosen on the test clips here, which "
            "favours the SVM."
        )
        for bar, least in bars.items():
            met = [described[name] for name in networks if mean[name] >= least - 1e-6]
            missed = [described[name] for name in networks if mean[name] < least - 1e-6]
            parts = (("met by", met), ("not met by", missed))
            words = [f"{word} {', '.join(names)}" for word, names in parts if names]
            lines.append(f"Requirement CNN ≥ SVM, compared with {bar}: {'; '.join(words)}.")
    for (listed, base), augmented in AUGMENTED.items():
        others = mean.index[families == augmented]
        if listed in mean.index and len(others):
            changes = ", ".join(
                f"{name.removeprefix(f'{augmented}/').replace('_', ' ')} {mean[name] - mean[listed]:+.3f}"
                for name in others
            ).replace("-", "−")
            lines.append(
                f"Augmentation, difference of the mean accuracy from {described[listed]} ({base}): {changes}; "
                "described, not tested (`compare models` tests over speakers)."
            )
            if listed == "cnn_2d":
                lines.append(
                    "Flips reverse time or frequency and rotations mix them; neither occurs in speech. Shifts in time "
                    "and small changes of pitch and pace do."
                )
    return lines
