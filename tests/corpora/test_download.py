"""download, against a server on this machine that answers the homes' paths, or fails on them."""

import errno
import hashlib
import http.server
import io
import json
import logging
import stat
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pooch
import pytest
import soundfile

from keras_ser import corpora
from keras_ser.corpora import download as module
from keras_ser.corpora.download import download, unpack
from keras_ser.errors import UserError
from keras_ser.progress import on_stderr

EMODB = "/download/download.zip"
RAVDESS = "/records/1188976/files/Audio_Speech_Actors_01-24.zip"
CREMA_D = "/CheyneyComputerScience/CREMA-D/archive/refs/heads/master.zip"
MEDIA = "/media/CheyneyComputerScience/CREMA-D/master/AudioWAV"
TESS = "/api/datasets/:persistentId/versions/:latest-published/files"


class Server:
    """Path → body. A path in `broken` breaks off in the middle that many times."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.broken: dict[str, int] = {}
        self.asked: list[str] = []


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "RETRIES", 0)
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.partition("?")[0]
            state.asked.append(path)
            body = state.files.get(path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if state.broken.get(path, 0):
                state.broken[path] -= 1
                body = body[: len(body) // 2]
                self.close_connection = True
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        state.url = f"http://127.0.0.1:{served.server_port}"
        yield state
        served.shutdown()
        thread.join()


def wav(seed):
    body = io.BytesIO()
    soundfile.write(body, np.random.default_rng(seed).uniform(-0.5, 0.5, 800), 16000, format="WAV")
    return body.getvalue()


def zipped(members):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return body.getvalue()


def left_over(root):
    return sorted(path.name for path in root.iterdir())


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
def test_an_archive_is_fetched_unpacked_and_cleared_away(level, server, tmp_path, capsys):
    server.files[EMODB] = zipped({"wav/03a01Fa.wav": wav(0), "wav/08a01Na.wav": wav(1), "erkennung.txt": b""})
    before = pooch.get_logger().level
    with on_stderr(level):
        folder = download("emodb", tmp_path / "data", base_url=server.url)
    assert pooch.get_logger().level == before  # whoever else uses it hears what he heard
    assert list(corpora.manifest("emodb", folder)["clip"]) == ["03a01Fa", "08a01Na"]
    assert left_over(tmp_path / "data") == ["emodb"]
    assert left_over(folder) == ["erkennung.txt", "wav"]
    told = capsys.readouterr().err
    if level == logging.WARNING:  # as of `--quiet`
        assert told == ""
    else:
        assert told.index("licence  free to use") < told.index("2 of 535 clips")
        assert "about 40 MB" in told


def test_what_is_there_is_not_touched(server, tmp_path):
    (tmp_path / "emodb").mkdir()
    with pytest.raises(UserError, match="already there"):
        download("emodb", tmp_path, base_url=server.url)
    assert not server.asked


def test_a_broken_transfer_is_not_taken_for_complete_and_can_be_repeated(server, tmp_path):
    server.files[EMODB] = zipped({"wav/03a01Fa.wav": wav(0)})
    server.broken[EMODB] = 1
    with pytest.raises(UserError, match="run the same command again"):
        download("emodb", tmp_path, base_url=server.url)
    assert left_over(tmp_path) == [".emodb.partial"]
    assert left_over(tmp_path / ".emodb.partial") == []
    assert len(corpora.manifest("emodb", download("emodb", tmp_path, base_url=server.url))) == 1


def test_a_broken_transfer_is_tried_again_by_itself(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RETRIES", 1)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.files[EMODB] = zipped({"wav/03a01Fa.wav": wav(0)})
    server.broken[EMODB] = 1
    download("emodb", tmp_path, base_url=server.url)
    assert server.asked == [EMODB, EMODB]


def test_the_published_checksum_is_held(server, tmp_path):
    server.files[RAVDESS] = zipped({"Actor_01/03-01-05-01-01-01-01.wav": wav(0)})
    with pytest.raises(UserError, match="bc696df654c87fed845eb13823edef8a"):
        download("ravdess", tmp_path, base_url=server.url)
    assert left_over(tmp_path / ".ravdess.partial") == []


def test_the_right_checksum_passes(server, tmp_path, monkeypatch):
    server.files[RAVDESS] = zipped({"Actor_01/03-01-05-01-01-01-01.wav": wav(0)})
    home = module.HOMES["ravdess"]
    item = replace(home.items.args[0], checksum=f"md5:{hashlib.md5(server.files[RAVDESS]).hexdigest()}")
    monkeypatch.setitem(module.HOMES, "ravdess", replace(home, items=lambda fetch: [item]))
    assert len(corpora.manifest("ravdess", download("ravdess", tmp_path, base_url=server.url))) == 1


def crema_d_on(server, *names):
    pointers = {}
    for seed, name in enumerate(names):
        body = wav(seed)
        server.files[f"{MEDIA}/{name}"] = body
        pointers[f"CREMA-D-master/AudioWAV/{name}"] = (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(body).hexdigest()}\n"
        )
    pointers["CREMA-D-master/AudioMP3/1001_DFA_ANG_XX.mp3"] = "version https://git-lfs.github.com/spec/v1\n"
    server.files[CREMA_D] = zipped(pointers)


def test_crema_d_goes_on_where_it_broke_off(server, tmp_path):
    names = ["1001_DFA_ANG_XX.wav", "1001_DFA_DIS_XX.wav", "1040_ITH_SAD_X.wav"]
    crema_d_on(server, *names)
    server.broken[f"{MEDIA}/{names[1]}"] = 99
    with pytest.raises(UserError, match=r"1001_DFA_DIS_XX\.wav.*go on from here"):
        download("crema_d", tmp_path, base_url=server.url)
    assert not (tmp_path / "crema_d").exists()
    server.asked.clear()
    server.broken.clear()
    folder = download("crema_d", tmp_path, base_url=server.url)
    assert f"{MEDIA}/{names[1]}" in server.asked
    assert f"{MEDIA}/{names[0]}" not in server.asked  # it was there
    assert left_over(folder / "AudioWAV") == names
    assert left_over(folder) == ["AudioWAV"]


def test_what_was_fetched_stays_until_all_is_in_its_place(server, tmp_path, monkeypatch):
    names = ["1001_DFA_ANG_XX.wav", "1001_DFA_DIS_XX.wav"]
    crema_d_on(server, *names)

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(corpora, "manifest", interrupt)
        with pytest.raises(KeyboardInterrupt):
            download("crema_d", tmp_path, base_url=server.url)
    server.asked.clear()
    assert left_over(download("crema_d", tmp_path, base_url=server.url) / "AudioWAV") == names
    assert not any(asked.startswith(MEDIA) for asked in server.asked)


def test_crema_d_sound_that_is_not_what_its_pointer_says(server, tmp_path):
    crema_d_on(server, "1001_DFA_ANG_XX.wav")
    server.files[f"{MEDIA}/1001_DFA_ANG_XX.wav"] = wav(99)
    with pytest.raises(UserError, match="SHA256"):
        download("crema_d", tmp_path, base_url=server.url)


def dataverse(*entries):
    """(directory, label, id, body) → Dataverse's listing."""
    return json.dumps(
        {
            "status": "OK",
            "data": [
                {
                    "label": label,
                    "directoryLabel": directory,
                    "dataFile": {
                        "id": number,
                        "checksum": {"type": "MD5", "value": hashlib.md5(body).hexdigest()},
                    },
                }
                for directory, label, number, body in entries
            ],
        }
    ).encode()


def test_tess_as_files_and_as_archives(server, tmp_path):
    clip, archive = wav(0), zipped({"YAF_sad/YAF_back_sad.wav": wav(1)})
    server.files[TESS] = dataverse(("OAF_Fear", "OAF_back_fear.wav", 7, clip), ("", "YAF_sad.zip", 8, archive))
    server.files |= {"/api/access/datafile/7": clip, "/api/access/datafile/8": archive}
    folder = download("tess", tmp_path, base_url=server.url)
    assert list(corpora.manifest("tess", folder)["clip"]) == ["OAF_back_fear", "YAF_back_sad"]
    assert left_over(folder) == ["OAF_Fear", "YAF_sad"]


def test_a_listing_cannot_write_outside(server, tmp_path):
    server.files[TESS] = dataverse(("../..", "OAF_back_fear.wav", 7, b""))
    server.files["/api/access/datafile/7"] = b""
    with pytest.raises(UserError, match="outside"):
        download("tess", tmp_path / "data", base_url=server.url)
    assert left_over(tmp_path) == ["data"]


@pytest.mark.parametrize(
    "body",
    [
        *(b"<html>moved</html>", b'{"status": "OK"}', b'{"data": [{}]}', b"[]", b'"data"', b"\xff\xfe\0", b""),
        *(b"[" * 100_000, b'{"data": {"a": 1}}', b'{"data": [{"label": 7, "dataFile": {}}]}'),
        b'{"data": [{"label": "a.wav", "dataFile": {"id": 1, "checksum": {"type": 3, "value": []}}}]}',
    ],
)
def test_a_listing_of_another_form(server, tmp_path, body):
    server.files[TESS] = body
    with pytest.raises(UserError, match="not what it was"):
        download("tess", tmp_path, base_url=server.url)


def test_a_page_instead_of_the_archive(server, tmp_path):
    server.files[EMODB] = b"<html>moved</html>"
    with pytest.raises(UserError, match="damaged"):
        download("emodb", tmp_path, base_url=server.url)
    server.files[EMODB] = zipped({"03a01Fa.wav": wav(0)})
    download("emodb", tmp_path, base_url=server.url)  # the page was not kept


@pytest.mark.parametrize("label", ["", ".", "x\0.wav", "a" * 300 + ".wav", 7])
def test_a_listing_with_names_that_no_file_can_have(server, tmp_path, label):
    listing = json.loads(dataverse(("", "OAF_back_fear.wav", 7, wav(0)), ("", "x", 8, b"y")))
    listing["data"][1]["label"] = label
    server.files[TESS] = json.dumps(listing).encode()
    server.files |= {"/api/access/datafile/7": wav(0), "/api/access/datafile/8": b"y"}
    with pytest.raises(UserError) as caught:
        download("tess", tmp_path, base_url=server.url)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "tess").exists()


def damaged_archive(kind):
    body = zipped({"wav/03a01Fa.wav": wav(0), "wav/08a01Na.wav": wav(1)})
    if kind == "encrypted":
        place = body.index(b"PK\1\2")
        return body[:6] + b"\1" + body[7 : place + 8] + b"\1" + body[place + 9 :]
    if kind == "unknown compression":
        place = body.index(b"PK\1\2")
        return body[:8] + b"\x63" + body[9 : place + 10] + b"\x63" + body[place + 11 :]
    if kind == "cut off":
        return body[:-200]
    if kind == "turned bits":
        return body[:300] + bytes(byte ^ 255 for byte in body[300:900]) + body[900:]
    if kind == "a file for a folder":
        return zipped({"wav": b"", "wav/03a01Fa.wav": wav(0)})
    if kind == "a name too long":
        return zipped({"03a01Fa.wav": wav(0), "a" * 300: b""})
    if kind == "a bomb":
        with zipfile.ZipFile(file := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("03a01Fa.wav", bytes(250_000_000))
        return file.getvalue()
    if kind == "very many files":
        return zipped(dict.fromkeys(map(str, range(60_000)), b""))
    compression = {"bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA, "deflate": zipfile.ZIP_DEFLATED}[kind]
    with zipfile.ZipFile(file := io.BytesIO(), "w", compression) as archive:
        archive.writestr("03a01Fa.wav", wav(0))
    body = file.getvalue()
    return body[:60] + bytes(60) + body[120:]


KINDS = (
    *("encrypted", "unknown compression", "cut off", "turned bits", "a file for a folder", "a name too long"),
    *("bzip2", "lzma", "deflate", "a bomb", "very many files"),
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_cannot_be_unpacked_is_one_line_and_fetched_anew(server, tmp_path, kind):
    server.files[EMODB] = damaged_archive(kind)
    with pytest.raises(UserError, match=r"emodb\.zip: (damaged|unpacked it would take)") as caught:
        download("emodb", tmp_path, base_url=server.url)
    assert "\n" not in str(caught.value)
    assert left_over(tmp_path) == [".emodb.partial"]
    assert left_over(tmp_path / ".emodb.partial") == []
    server.files[EMODB] = zipped({"09a01Na.wav": wav(0)})
    folder = download("emodb", tmp_path, base_url=server.url)
    assert left_over(folder) == ["09a01Na.wav"]  # and none of the archive that failed
    assert left_over(tmp_path) == ["emodb"]


def test_files_that_the_listing_no_longer_has_do_not_stay(server, tmp_path):
    (tmp_path / ".tess.partial" / "OAF_Fear").mkdir(parents=True)
    (tmp_path / ".tess.partial" / "OAF_Fear" / "OAF_dog_fear.wav").write_bytes(wav(5))
    (tmp_path / ".tess.partial" / "tmp12345").write_bytes(b"half of a file, from a call that was killed")
    server.files[TESS] = dataverse(("OAF_Fear", "OAF_back_fear.wav", 7, wav(0)))
    server.files["/api/access/datafile/7"] = wav(0)
    folder = download("tess", tmp_path, base_url=server.url)
    assert [path.name for path in folder.rglob("*.*")] == ["OAF_back_fear.wav"]
    assert left_over(tmp_path) == ["tess"]


def test_a_full_disk_is_no_fault_of_the_archive(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    server.files[EMODB] = zipped({"wav/03a01Fa.wav": wav(0)})
    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "extractall", full)
        with pytest.raises(UserError, match="free some space"):
            download("emodb", tmp_path, base_url=server.url)
    assert left_over(tmp_path / ".emodb.partial") == ["emodb.zip"]
    download("emodb", tmp_path, base_url=server.url)
    assert server.asked == [EMODB]


def test_an_address_that_is_gone(server, tmp_path):
    with pytest.raises(UserError, match="404"):
        download("emodb", tmp_path, base_url=server.url)


def test_savee_needs_registration(tmp_path):
    with pytest.raises(UserError, match=r"registration.*http://kahlan\.eps\.surrey\.ac\.uk/savee/"):
        download("savee", tmp_path)
    assert not left_over(tmp_path)


@pytest.mark.parametrize(
    "name", ["../evil.wav", "a/../../evil.wav", "/evil.wav", "..\\evil.wav", "C:\\evil.wav", "C:evil.wav"]
)
def test_an_archive_cannot_write_outside(tmp_path, name):
    archive = tmp_path / "x.zip"
    archive.write_bytes(zipped({"good.wav": b"", name: b"evil"}))
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match="outside"):
        unpack(archive, tmp_path / "in", 10**6)
    assert left_over(tmp_path) == ["in"]
    assert left_over(tmp_path / "in") == []


def test_an_archive_cannot_hold_links(tmp_path):
    archive = tmp_path / "x.zip"
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "w") as body:
        body.writestr(link, "/etc/passwd")
    with pytest.raises(UserError, match="is a link"):
        unpack(archive, tmp_path, 10**6)
