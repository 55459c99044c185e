"""Fetch a public corpus from its home into a data root, with its licence shown first.

In: a corpus's name and a data root. Out: the folder `data_root/<name>`, there only when it is complete: files
arrive in `data_root/.<name>.partial`, which a later call goes on with, each file whole or not at all (pooch
moves it into place once its length and checksum are right).

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

import json
import os
import re
import stat
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import urlsplit, urlunsplit

import pooch
from tqdm import tqdm

from keras_ser import corpora
from keras_ser.audio import in_threads
from keras_ser.errors import UserError

RETRIES = 3
TIMEOUT_SECONDS = 60
CHUNK_BYTES = 1 << 18


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
    print(
        f"{corpus.title}\n  licence  {corpus.licence}\n  from     {corpus.home}\n  size     {home.size}\n"
        f"  to       {folder}\n  cite     {corpus.citation}",
        file=sys.stderr,
    )
    staging = folder.with_name(f".{corpus.folder}.partial")
    staging.mkdir(parents=True, exist_ok=True)
    pooch.get_logger().setLevel("WARNING")  # a line a file is too much for 7442 files

    fetch = partial(_fetch, staging, base_url)
    for stale in staging.glob(".listing*"):
        stale.unlink()
    try:
        items = home.items(fetch)
    except (zipfile.BadZipFile, json.JSONDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{corpus.home}: its listing is not what it was ({error!r}); download it by hand") from None
    if len(items) == 1:
        paths = [fetch(items[0], progress=True)]
    else:
        paths = list(tqdm(in_threads(fetch, items), total=len(items), desc=f"download {name}", unit="file"))
    archives = [path for path in paths if path.suffix == ".zip"]
    for archive in archives:
        try:
            unpack(archive, staging)
        except UserError:
            archive.unlink()  # so that the next call fetches it anew
            raise
    for done in (*archives, *staging.glob(".listing*")):
        done.unlink()
    clips = corpora.manifest(name, staging)
    os.replace(staging, folder)
    print(f"{len(clips)} of {corpus.n_clips} clips are in {folder}", file=sys.stderr)
    return folder


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip archive into `folder`; if any member is a link or would land outside, nothing is written.

    Raises:
        UserError: such a member, or a damaged archive.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            for member in zipped.infolist():
                _refuse_outside(member.filename, archive)
                if stat.S_ISLNK(member.external_attr >> 16):
                    raise UserError(f"{archive}: {member.filename!r} is a link; refused")
            zipped.extractall(folder)
    except zipfile.BadZipFile as error:
        raise UserError(f"{archive}: damaged ({error}); download it again") from None


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
    files = pooch.create(
        staging, "", registry={item.path: item.checksum}, urls={item.path: url}, retry_if_failed=RETRIES
    )
    get = pooch.HTTPDownloader(progressbar=progress, chunk_size=CHUNK_BYTES, timeout=TIMEOUT_SECONDS)
    try:
        return Path(files.fetch(item.path, downloader=get))
    except (ValueError, OSError) as error:  # OSError: requests' errors are such
        what = " ".join(str(error).split())
        raise UserError(f"{url}: {what}; run the same command again to go on from here") from None


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
                pointer = re.search(rb"oid (sha256:[0-9a-f]{64})", zipped.read(member))
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
        partial(_one_archive, Item("emodb.zip", "http://emodb.bilderbar.info/download/download.zip")),
    ),
    "ravdess": Home(
        "208 MB",
        partial(
            _one_archive,
            Item(
                "ravdess.zip",
                "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
                "md5:bc696df654c87fed845eb13823edef8a",
            ),
        ),
    ),
    "tess": Home("about 270 MB in 2800 files", _tess_items),
    "crema_d": Home("606 MB in 7442 files", _crema_d_items),
}
