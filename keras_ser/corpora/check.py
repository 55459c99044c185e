"""Look at every clip of a corpus once, and say what is there, what is missing and what is wrong.

In: a corpus's name and its folder or data root. Out: a `CheckResult`; its `text()` is for people.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from keras_ser import audio, corpora
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
}
DOUBTFUL = {
    "silent": "never louder than -60 dB of full scale",
    "clipped": "three or more samples in a row at full scale",
    "stereo": "more than one channel (averaged when read)",
    "odd_rate": "not the corpus's sample rate",
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
SILENT_PEAK = 1e-3  # -60 dB
N_EXAMPLES = 10  # problems of one kind that the report lists by name


@dataclass(frozen=True)
class CheckResult:
    """What `check` found."""

    corpus: Corpus
    folder: Path
    synthetic: bool
    minutes: float  # of sound that can be read
    classes: pd.DataFrame  # emotion, published, found, missing, readable
    speakers: pd.DataFrame  # speaker, gender, age, clips, readable
    problems: pd.DataFrame  # kind, clip (or file), detail

    @property
    def obstacle(self) -> str:
        """Why nothing can be learnt from this corpus, "" if it can."""
        for what, counts in (("emotion(s)", self.classes), ("speaker(s)", self.speakers)):
            n_readable = int((counts["readable"] > 0).sum())
            if n_readable < 2:
                return f"clips that can be read: {n_readable} {what} only, two or more are needed"
        return ""

    @property
    def usable(self) -> bool:
        """Whether there are readable clips of at least two emotions and two speakers."""
        return not self.obstacle

    def text(self) -> str:
        """The report for people."""
        corpus = self.corpus
        n_clips, n_speakers = self.classes["found"].sum(), len(self.speakers)
        made = "  SYNTHETIC: made by this program, no recording of a person\n" if self.synthetic else ""
        head = (
            f"{corpus.title}\n{made}"
            f"  folder   {self.folder}\n"
            f"  licence  {corpus.licence}\n"
            f"  from     {corpus.home}\n"
            f"  cite     {corpus.citation}\n"
            f"  found    {n_clips} of {corpus.n_clips} clips, {n_speakers} of {corpus.n_speakers} speakers, "
            f"{self.minutes:.1f} minutes"
        )
        verdict = f"NOT USABLE: {self.obstacle}" if self.obstacle else "Usable."
        return "\n\n".join((head, _table(self.classes), _table(self.speakers), self._problem_text(), verdict))

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


def check(name: str, root: str | Path) -> CheckResult:
    """Decode every clip of the corpus once, in threads, with progress on stderr.

    Raises:
        UserError: no such corpus or folder, or no clip of it there.
    """
    corpus = corpora.get(name)
    found = corpora.listing(name, root)
    clips = found.clips.copy()

    problems = [("unknown_name", str(path), _what_else(corpus, path.stem)) for path in found.strangers]
    problems += [("repeated_name", str(path), "") for path in found.repeats]
    same_sound = defaultdict(list)  # digest → clips
    seconds = []
    looks = audio.in_threads(_look, clips["path"])
    looks = bar(looks, total=len(clips), desc=f"check {name}", unit="clip", leave=False)
    for clip, look in zip(clips["clip"], looks, strict=True):
        problems += [(kind, clip, detail) for kind, detail in look.problems]
        if look.sample_rate and look.sample_rate != corpus.sample_rate:
            problems.append(("odd_rate", clip, f"{look.sample_rate} Hz, not {corpus.sample_rate}"))
        if look.digest:
            same_sound[look.digest].append(clip)
        seconds.append(look.seconds)
    for first, *again in same_sound.values():
        problems += [("duplicate_content", clip, f"= {first}") for clip in again]

    clips["readable"] = np.array(seconds) > 0
    return CheckResult(
        corpus=corpus,
        folder=locate(corpus, Path(root)),
        synthetic=bool(clips["synthetic"].any()),
        minutes=sum(seconds) / 60,
        classes=_count_classes(corpus, clips),
        speakers=clips.groupby(["speaker", "gender", "age"], dropna=False, as_index=False).agg(
            clips=("clip", "size"), readable=("readable", "sum")
        ),
        problems=pd.DataFrame(problems, columns=["kind", "clip", "detail"]),
    )


@dataclass(frozen=True)
class _Look:
    """What one file shows; `seconds` is 0 if it cannot be used."""

    problems: tuple[tuple[str, str], ...]
    sample_rate: int = 0
    seconds: float = 0.0
    digest: str = ""


def _look(path: str) -> _Look:
    try:
        channels, sample_rate = audio.read_channels(path)
    except audio.AudioError as error:
        return _Look(((error.kind, error.what),))
    n_samples, n_channels = channels.shape
    problems = []
    level = np.abs(channels)
    peak = level.max()
    if peak < SILENT_PEAK:
        problems.append(("silent", f"peak {peak:.1e}"))
    longest = audio.clipped_run(level.max(axis=1))
    if longest >= audio.CLIPPED_RUN:
        problems.append(("clipped", f"{longest} samples in a row"))
    if n_channels > 1:
        alike = "all alike" if (channels == channels[:, :1]).all() else "different"
        problems.append(("stereo", f"{n_channels} channels, {alike}"))
    with open(path, "rb") as file:
        signature = file.read(4)
    if signature not in SIGNATURES.get(Path(path).suffix.lower(), (signature,)):
        problems.append(("other_format", f"starts with {signature.decode('latin-1')!r}"))
    digest = audio.digest(audio.to_mono(channels), sample_rate)
    return _Look(tuple(problems), sample_rate, n_samples / sample_rate, digest)


def _count_classes(corpus: Corpus, clips: pd.DataFrame) -> pd.DataFrame:
    table = pd.DataFrame({"published": pd.Series(corpus.counts)}).rename_axis("emotion")
    table["found"] = clips["emotion"].value_counts().reindex(table.index, fill_value=0)
    table["missing"] = table["published"] - table["found"]
    table["readable"] = clips.groupby("emotion")["readable"].sum().reindex(table.index, fill_value=0)
    return table.reset_index()


def _what_else(corpus: Corpus, stem: str) -> str:
    return next((what for pattern, what in corpus.others.items() if re.fullmatch(pattern, stem)), "")


def _table(rows: pd.DataFrame) -> str:
    rows = rows.astype(object).where(rows.notna(), None)
    return tabulate(rows, headers="keys", showindex=False, disable_numparse=[0])  # speaker 03 is not 3
