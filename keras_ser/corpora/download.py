"""Fetch a public corpus from its home into a data root; a note (INFO) says its licence first.

In: a corpus's name and a data root. Out: the folder `data_root/<name>`, there only when it is complete: files
arrive in `data_root/.<name>.partial`, which a later call goes on with, each file whole or not at all (pooch
moves it into place once its length and checksum are right). The folder is made anew of the files that the home
lists and of what their archives hold; nothing else that an earlier call left behind comes into it, and an archive
that cannot be unpacked is deleted.

Homes. None was reachable when this was written; public source code and documentation vouch for the addresses:

emodb    http://emodb.bilderbar.info/download/download.zip; no published checksum, the zip has its own CRCs
ravdess  Zenodo record 1188976, Audio_Speech_Actors_01-24.zip, 208,468,073 bytes; its MD5 is the one Zenodo
         publishes, quoted alike by ten public projects
crema_d  the Git repository holds LFS pointers: its archive gives the 7442 names (its own tables spell one of
         them otherwise) and SHA-256 sums; the sound comes from GitHub's media endpoint, which TensorFlow
         Datasets uses too
tess     Borealis, the Dataverse that holds doi:10.5683/SP2/E8H2MF: its API lists the files with their
         checksums (guides.dataverse.org); a bundle of the whole may be cut off at the server's size limit
savee    needs registration
"""

import errno
import json
import os
import re
import shutil
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import urlsplit, urlunsplit

import pooch

from keras_ser import corpora, files
from keras_ser.audio import in_threads
from keras_ser.errors import UserError
from keras_ser.progress import are_bars_shown, at_level, bar, log

RETRIES = 3
TIMEOUT_SECONDS = 60
CHUNK_BYTES = 1 << 18
BLOCK_BYTES = 4096  # that a file takes on a disk, if it is empty too
LONGEST_POINTER = 1024  # bytes of a Git LFS pointer
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)  # what is no fault of an archive


@dataclass(frozen=True)
class Item:
    """One file to fetch."""

    path: str  # below the corpus's folder
    url: str
    checksum: str | None = None  # "md5:…", "sha256:…" as published


@dataclass(frozen=True)
class Home:
    """Where a corpus lives. `items` lists its files, and may fetch a listing by the function it is given."""

    size: str
    most_bytes: int  # that its archives may unpack to: twice of what the corpus takes on a disk, or more
    items: Callable[[Callable[[Item], Path]], list[Item]]


def download(name: str, data_root: str | Path, *, base_url: str | None = None) -> Path:
    """Fetch one corpus.

    Args:
        name: "emodb", "ravdess", "crema_d" or "tess".
        data_root: the folder that will hold `name`.
        base_url: scheme and host of a mirror that answers the homes' paths.

    Returns:
        The corpus's folder.

    Raises:
        UserError: the folder is there already, the corpus needs registration, a file could not be fetched or
            has the wrong checksum, or an archive would write outside the folder.
    """
    corpus = corpora.get(name)
    folder = Path(data_root) / corpus.folder
    if name not in HOMES:
        raise UserError(f"{corpus.title} needs registration: sign up at {corpus.home} and unpack it to {folder}")
    if folder.exists():
        raise UserError(f"{folder}: already there; run `corpus check {name}`, or move it away to fetch it again")
    home = HOMES[name]
    log.info(
        "%s\n  licence  %s\n  from     %s\n  size     %s\n  to       %s\n  cite     %s",
        *(corpus.title, corpus.licence, corpus.home, home.size, folder, corpus.citation),
    )
    staging = folder.with_name(f".{corpus.folder}.partial")
    with files.writing(staging):
        staging.mkdir(parents=True, exist_ok=True)

    fetch = partial(_fetch, staging, base_url)
    for stale in staging.glob(".listing*"):
        stale.unlink()
    with at_level(pooch.get_logger(), "WARNING"):  # a line per file is too much for 7442 files
        items = _listed(home, corpus.home, fetch)
        if len(items) == 1:
            paths = [fetch(items[0], progress=are_bars_shown())]
        else:
            paths = list(bar(in_threads(fetch, items), total=len(items), desc=f"download {name}", unit="file"))
    with files.replaced(folder) as whole:
        whole.mkdir()
        for item, path in zip(items, paths, strict=True):
            if path.suffix == ".zip":
                unpack(path, whole, home.most_bytes)
            else:
                (whole / item.path).parent.mkdir(parents=True, exist_ok=True)
                _placed(path, whole / item.path)
        clips = corpora.manifest(name, whole)
    shutil.rmtree(staging)
    log.info("%d of %d clips are in %s", len(clips), corpus.n_clips, folder)
    return folder


def _placed(path: Path, where: Path) -> None:
    """`path` stays until all is there: what breaks off before goes on with it."""
    try:
        os.link(path, where)
    except OSError:  # not every disk has links
        shutil.copyfile(path, where)


def _listed(home: Home, address: str, fetch: Callable[[Item], Path]) -> list[Item]:
    """The files of a home. Raises UserError where its listing cannot be had."""
    try:
        return home.items(fetch)
    except UserError:
        raise
    except Exception as error:  # whatever reading and taking apart a listing of another form, or a damaged one, raises
        raise UserError(
            f"{address}: its listing is not what it was ({_in_words(error)}); download it by hand"
        ) from None


def unpack(archive: Path, folder: Path, most_bytes: int) -> None:
    """Unpack a zip archive into `folder`; one that cannot be unpacked is deleted, so that it is fetched anew.

    If any member is a link or would land outside, or all of them take more than `most_bytes`, nothing is written.

    Raises:
        UserError: such members, or a damaged, encrypted or otherwise unreadable archive.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = zipped.infolist()
            for member in members:
                _refuse_outside(member.filename, archive)
                if stat.S_ISLNK(member.external_attr >> 16):
                    raise UserError(f"{archive}: {member.filename!r} is a link; refused")
            n_bytes = sum(
                member.file_size + BLOCK_BYTES for member in members
            )  # no member unpacks to more than it says
            if n_bytes > most_bytes:
                size, most = (f"{number / 1e6:,.0f} MB" for number in (n_bytes, most_bytes))
                raise UserError(f"{archive}: unpacked it would take {size}, the corpus takes less than {most}; refused")
            zipped.extractall(folder)
    except UserError:
        archive.unlink()
        raise
    except Exception as error:  # whatever the decompressors raise, which is no part of zipfile's interface
        if isinstance(error, OSError) and error.errno in DISK:
            raise
        archive.unlink()
        raise UserError(f"{archive}: damaged ({_in_words(error)}); download it again") from None


def _in_words(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _refuse_outside(name: str, source: object) -> None:
    path = PureWindowsPath(name)  # knows both kinds of slash, and drives
    if path.drive or path.root or ".." in path.parts:
        raise UserError(f"{source}: {name!r} lies outside the corpus's folder; refused")


def _fetch(staging: Path, base_url: str | None, item: Item, progress: bool = False) -> Path:
    """Fetch one file into `staging`, unless it is there already."""
    url = item.url
    if base_url:
        url = urlunsplit(urlsplit(base_url)[:2] + urlsplit(url)[2:])
    _refuse_outside(item.path, url)
    registry = pooch.create(
        staging, "", registry={item.path: item.checksum}, urls={item.path: url}, retry_if_failed=RETRIES
    )
    get = pooch.HTTPDownloader(progressbar=progress, chunk_size=CHUNK_BYTES, timeout=TIMEOUT_SECONDS)
    try:
        (staging / item.path).parent.mkdir(parents=True, exist_ok=True)  # pooch makes it once per thread, and fails
        return Path(registry.fetch(item.path, downloader=get))
    except (ValueError, OSError) as error:  # OSError: requests' errors are such
        if isinstance(error, OSError) and error.errno in DISK:
            with files.writing(staging / item.path):
                raise
        raise UserError(f"{url}: {_in_words(error)}; run the same command again to go on from here") from None


def _one_archive(item: Item, fetch: Callable[[Item], Path]) -> list[Item]:
    return [item]


def _crema_d_items(fetch: Callable[[Item], Path]) -> list[Item]:
    """Names and checksums from the Git LFS pointers in the repository's archive."""
    repository = "CheyneyComputerScience/CREMA-D"
    archive = fetch(Item(".listing.zip", f"https://github.com/{repository}/archive/refs/heads/master.zip"))
    items = []
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.namelist():
            path = PurePosixPath(member)
            if path.match("AudioWAV/*.wav"):
                with zipped.open(member) as file:
                    pointer = re.search(rb"oid (sha256:[0-9a-f]{64})", file.read(LONGEST_POINTER))
                if not pointer:
                    raise UserError(f"{archive}: {member} is no Git LFS pointer, as it was; get it by `git clone`")
                url = f"https://media.githubusercontent.com/media/{repository}/master/AudioWAV/{path.name}"
                items.append(Item(f"AudioWAV/{path.name}", url, pointer[1].decode()))
    return items


def _tess_items(fetch: Callable[[Item], Path]) -> list[Item]:
    """Names and checksums from Dataverse's listing of the data set."""
    api = "https://borealisdata.ca/api"
    query = "versions/:latest-published/files?persistentId=doi:10.5683/SP2/E8H2MF"
    listing = fetch(Item(".listing.json", f"{api}/datasets/:persistentId/{query}"))
    items = []
    for entry in json.loads(listing.read_text(encoding="utf-8"))["data"]:
        path = PurePosixPath(entry.get("directoryLabel", "")) / entry["label"]
        file = entry["dataFile"]
        kind = file["checksum"]["type"].lower().replace("-", "")  # "SHA-256" → "sha256"
        url = f"{api}/access/datafile/{file['id']}"
        items.append(Item(str(path), url, f"{kind}:{file['checksum']['value']}"))
    return items


HOMES = {
    "emodb": Home(
        "about 40 MB",
        200_000_000,
        partial(_one_archive, Item("emodb.zip", "http://emodb.bilderbar.info/download/download.zip")),
    ),
    "ravdess": Home(
        "208 MB",
        1_500_000_000,
        partial(
            _one_archive,
            Item(
                "ravdess.zip",
                "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
                "md5:bc696df654c87fed845eb13823edef8a",
            ),
        ),
    ),
    "tess": Home("about 270 MB in 2800 files", 1_000_000_000, _tess_items),
    "crema_d": Home("606 MB in 7442 files", 1_500_000_000, _crema_d_items),
}
