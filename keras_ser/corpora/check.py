"""Look at every clip of a corpus once, and say what is there, what is missing and what is wrong.

In: a corpus's name and its folder or data root, or recordings of one's own (`own`). Out: a `CheckResult`; its `text()`
is for people.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from keras_ser import audio, corpora
from keras_ser.corpora import index, own
from keras_ser.corpora.corpus import Corpus, locate
from keras_ser.errors import one_line
from keras_ser.progress import bar

# Kinds of problem. A clip with one of the first group cannot be used; the others are for people to judge.
UNUSABLE = {
    "missing": "a link to a file that is not there, or one that cannot be looked at",
    "no_file": "a folder, a pipe or a device in place of a sound file",
    "unreadable": "no sound file that libsndfile reads",
    "empty": "no samples",
    "rate": "a sample rate in its header that no recording has",
    "truncated": "cut off: shorter than its own header says",
    "lfs_pointer": "a Git LFS pointer instead of the sound: git lfs pull",
    "nan": "samples that are not finite numbers",
    "scale": "float samples far outside [-1, 1]",
    "part": "a part of a file that the file does not hold",
    "too_long": "longer than the free memory holds",
    "silent": "every sample is 0",
    "disputed": "of one's own recordings: the same samples as another one that has a different emotion",
}
DOUBTFUL = {
    "quiet": "never louder than -60 dB of full scale",
    "clipped": "three or more samples in a row at full scale",
    "stereo": "more than one channel (averaged when read)",
    "odd_rate": "not the sample rate of the corpus, or of most clips",
    "other_format": "the suffix names another format (some programs fail on it)",
    "duplicate_content": "the same samples as another clip",
    "repeated_name": "the same clip again (the first by path is used)",
    "unknown_name": "no clip of this corpus by its file name (not used)",
}
SIGNATURES = {  # the first bytes that a suffix promises
    ".wav": (b"RIFF", b"RIFX", b"RF64"),
    ".flac": (b"fLaC",),
    ".aif": (b"FORM",),
    ".aiff": (b"FORM",),
    ".ogg": (b"OggS",),
}
QUIET_PEAK = 1e-3  # -60 dB
N_SPEAKERS = 100  # that the report lists; of more it says how many clips they have
N_EXAMPLES = 10  # problems of one kind that the report lists by name


@dataclass(frozen=True)
class CheckResult:
    """What `check` found. `corpus`: None of recordings of one's own."""

    corpus: Corpus | None
    title: str
    folder: Path
    synthetic: bool
    minutes: float  # of sound that can be used
    classes: pd.DataFrame  # emotion, found, usable; of a corpus published and missing
    speakers: pd.DataFrame  # speaker, gender, age, clips, usable
    problems: pd.DataFrame  # kind, clip (or file), detail

    @property
    def obstacle(self) -> str:
        """Why nothing can be learnt from this corpus, "" if it can."""
        kinds = [("emotion(s)", self.classes), ("speaker(s)", self.speakers)]
        for what, counts in kinds if self.corpus else kinds[:1]:
            n_usable = int((counts["usable"] > 0).sum())
            if n_usable < 2:
                return f"clips that can be used: {n_usable} {what} only, two or more are needed"
        return ""

    @property
    def usable(self) -> bool:
        """Whether there are usable clips of at least two emotions and, of a corpus, two speakers."""
        return not self.obstacle

    def text(self) -> str:
        """The report for people."""
        corpus, n_clips, n_speakers = self.corpus, self.classes["found"].sum(), self.speakers["speaker"].nunique()
        made = "  SYNTHETIC: made by this program, no recording of a person\n" if self.synthetic else ""
        published, of_clips, of_speakers = "", "", ""
        if corpus:
            published = f"  licence  {corpus.licence}\n  from     {corpus.home}\n  cite     {corpus.citation}\n"
            of_clips, of_speakers = f" of {corpus.n_clips}", f" of {corpus.n_speakers}"
        place = "file  " if self.folder.is_file() else "folder"
        head = (
            f"{self.title}\n{made}  {place}   {self.folder}\n{published}"
            f"  found    {n_clips}{of_clips} clips, {n_speakers}{of_speakers} speakers, {self.minutes:.1f} minutes"
        )
        verdict = f"NOT USABLE: {self.obstacle}" if self.obstacle else "Usable."
        return "\n\n".join((head, _table(self.classes), self._speaker_text(), self._problem_text(), verdict))

    def _speaker_text(self) -> str:
        if self.speakers.empty:
            return "No speaker is known."
        clips = self.speakers.groupby("speaker")["clips"].sum()
        if len(clips) <= N_SPEAKERS:
            return _table(self.speakers)
        return (
            f"{len(clips)} speakers: {clips.min()} to {clips.max()} clips each, median {clips.median():g}; most has "
            f"{clips.idxmax()}"
        )

    def _problem_text(self) -> str:
        if self.problems.empty:
            return "No problems."
        blocks = []
        for kind, meaning in (UNUSABLE | DOUBTFUL).items():
            rows = self.problems[self.problems["kind"] == kind]
            if rows.empty:
                continue
            lines = [f"{kind}: {len(rows)}, {meaning}"]
            lines += [one_line(f"  {row.clip}  {row.detail}".rstrip()) for row in rows.head(N_EXAMPLES).itertuples()]
            if len(rows) > N_EXAMPLES:
                lines.append(f"  and {len(rows) - N_EXAMPLES} more")
            blocks.append("\n".join(lines))
        return "\n".join(blocks)


def check(name: str, root: str | Path, *, labels=None, speaker_from=None, cache=None) -> CheckResult:
    """Look at every clip, with progress on stderr.

    Args:
        name: of a corpus, or a path of recordings of one's own, with `labels` and `speaker_from` as of `own.read`.
        root: the data root, or the corpus's own folder.
        cache: the folder of the index, from which clips are known that have been looked at before; None: none is kept.

    Raises:
        UserError: no such corpus, table or folder, or no clip of it there.
    """
    if own.is_own(name):
        corpus, folder = None, Path(name).absolute()
        title, _, clips = own.read(name, labels=labels, speaker_from=speaker_from, data_root=root)
        problems = []
    else:
        corpus, listed = corpora.get(name), corpora.listing(name, root)
        folder, title, clips = locate(corpus, Path(root)), corpus.title, listed.clips.copy()
        problems = [("unknown_name", str(path), _what_else(corpus, path.stem)) for path in listed.strangers]
        problems += [("repeated_name", str(path), "") for path in listed.repeats]
    same_sound = defaultdict(list)  # digest → rows of clips
    seconds = []
    looks = index.looks(clips["path"], cache)
    looks = list(bar(looks, total=len(clips), desc=f"check {name}", unit="clip", leave=False))
    rates = Counter(look.rate for look in looks if isinstance(look, index.Look))
    usual = corpus.sample_rate if corpus else rates.most_common(1)[0][0] if rates else 0
    for row, (clip, path, look) in enumerate(zip(clips["clip"], clips["path"], looks, strict=True)):
        if isinstance(look, audio.AudioError):
            problems.append((look.kind, clip, look.what))
            seconds.append(0.0)
            continue
        if look.silent:  # what is trained on has none of them
            problems.append(("silent", clip, "the channels cancel out" if look.peak else "peak 0"))
            seconds.append(0.0)
            continue
        problems += [(kind, clip, detail) for kind, detail in _problems(path, look)]
        if look.rate != usual:
            problems.append(("odd_rate", clip, f"{look.rate} Hz, not {usual}"))
        same_sound[look.audio_hash].append(row)
        seconds.append(look.samples / look.rate)
    names, emotions = clips["clip"].tolist(), clips["emotion"].tolist()
    for rows in same_sound.values():
        first, other = rows[0], next((row for row in rows if emotions[row] != emotions[rows[0]]), None)
        disputed = corpus is None and other is not None  # what is trained on has none of them
        for row in rows if disputed else rows[1:]:
            twin = other if disputed and emotions[row] == emotions[first] else first
            differ = f", {emotions[row]} and {emotions[twin]}" if emotions[row] != emotions[twin] else ""
            problems.append(("disputed" if disputed else "duplicate_content", names[row], f"= {names[twin]}{differ}"))
            seconds[row] = 0.0 if disputed else seconds[row]

    clips["usable"] = np.array(seconds) > 0
    return CheckResult(
        corpus=corpus,
        title=title,
        folder=folder,
        synthetic=bool(clips["synthetic"].any()),
        minutes=sum(seconds) / 60,
        classes=_count_classes(corpus, clips),
        speakers=clips[clips["speaker"] != ""]
        .groupby(["speaker", "gender", "age"], dropna=False, as_index=False)
        .agg(clips=("clip", "size"), usable=("usable", "sum")),
        problems=pd.DataFrame(problems, columns=["kind", "clip", "detail"]),
    )


def _problems(path: str, look: index.Look) -> Iterator[tuple[str, str]]:
    """What is doubtful about a clip by itself: kind, detail."""
    if look.peak < QUIET_PEAK:
        yield "quiet", f"peak {look.peak:.1e}"
    if look.clipped >= audio.CLIPPED_RUN:
        yield "clipped", f"{look.clipped} samples in a row"
    if look.channels > 1:
        yield "stereo", f"{look.channels} channels, {'all alike' if look.alike else 'different'}"
    part = audio.part_of(path)
    signature = bytes.fromhex(look.start)
    if signature not in SIGNATURES.get((part[0] if part else Path(path)).suffix.lower(), (signature,)):
        yield "other_format", f"starts with {signature.decode('latin-1')!r}"


def _count_classes(corpus: Corpus | None, clips: pd.DataFrame) -> pd.DataFrame:
    counts = clips["emotion"].value_counts()
    if corpus:
        table = pd.DataFrame({"published": pd.Series(corpus.counts)}).rename_axis("emotion")
        table["found"] = counts.reindex(table.index, fill_value=0)
        table["missing"] = table["published"] - table["found"]
    else:
        table = counts.sort_index().rename("found").rename_axis("emotion").to_frame()
    table["usable"] = clips.groupby("emotion")["usable"].sum().reindex(table.index, fill_value=0)
    return table.reset_index()


def _what_else(corpus: Corpus, stem: str) -> str:
    return next((what for pattern, what in corpus.others.items() if re.fullmatch(pattern, stem)), "")


def _table(rows: pd.DataFrame) -> str:
    rows = rows.astype(object).where(rows.notna(), None)
    return tabulate(rows, headers="keys", showindex=False, disable_numparse=[0])  # speaker 03 is not 3
