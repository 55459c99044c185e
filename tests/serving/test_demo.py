"""The page as a person meets it: in Chromium, with a WAV file for a microphone."""

import http.client
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from keras_ser import audio, corpora
from keras_ser.errors import UserError
from keras_ser.serving import demo, predict

pytest.importorskip("gradio", reason="the extra 'demo' is not installed")

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium")


def free_port():
    with socket.socket() as probe:
        probe.bind((demo.HOST, 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def predictor(exported):
    return predict.load(exported["tess_mfcc"])


@pytest.fixture(scope="module")
def address(predictor):
    from gradio import close_all

    yield demo.serve(predictor, port=free_port(), block=False)
    close_all(verbose=False)


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    """Three seconds of a voice-like tone."""
    t = np.arange(3 * 16000) / 16000
    y = 0.3 * np.sin(2 * np.pi * (150 * t + 8 * np.sin(2 * np.pi * 3 * t))) * (1 + np.sin(2 * np.pi * 4 * t)) / 2
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    soundfile.write(path, y, 16000)
    return path


def test_the_page_answers_as_predict_does(address, predictor, voice):
    from gradio_client import Client, handle_file

    label, image, warnings = Client(address, verbose=False).predict(handle_file(str(voice)), api_name="/answer")
    (expected,) = predict.predict(predictor, [voice])
    found = {item["label"]: item["confidence"] for item in label["confidences"]}
    assert found == pytest.approx(dict(zip(predictor.labels, expected.probabilities.tolist(), strict=True)), abs=1e-6)
    assert label["label"] == expected.top(1)[0][0]
    assert Path(image).stat().st_size > 1000
    said = [*expected.warnings, "the model expects 22050 Hz; recorded at less: 1 at 16000 Hz (nothing above 8000 Hz)"]
    assert warnings == "\n".join(f"- {warning}" for warning in said)


def test_no_sound_is_said_so(address, tmp_path):
    from gradio_client import Client, handle_file

    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0), 16000)
    with pytest.raises(Exception, match="this recording: "):
        Client(address, verbose=False).predict(handle_file(str(empty)), api_name="/answer")


def test_where_there_is_no_answer_no_emotion_is_named(predictor, tmp_path):
    from gradio_client import Client, handle_file

    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(16000), 16000)
    of_speech_alone = demo.serve(replace(predictor, needs_speech=True), port=free_port(), block=False)
    client = Client(of_speech_alone, verbose=False)
    label, image, warnings = client.predict(handle_file(str(silent)), api_name="/answer")
    assert not label
    assert image
    assert "silent: every sample is 0" in warnings


def test_a_pause_in_a_recording_takes_no_answer_from_the_rest(predictor, embedded, tmp_path):
    from gradio_client import Client, handle_file

    speech = np.concatenate([audio.read(path)[0] for path in corpora.manifest("tess", embedded)["path"][:12]])
    path, rate = tmp_path / "pause.wav", 24414
    soundfile.write(path, np.concatenate([speech, np.zeros(10 * rate)]), rate)
    of_speech_alone = replace(predictor, needs_speech=True)
    (expected,) = predict.predict(of_speech_alone, [path])
    assert set(expected.answered) == {True, False}
    client = Client(demo.serve(of_speech_alone, port=free_port(), block=False), verbose=False)
    label, *_ = client.predict(handle_file(str(path)), api_name="/answer")
    assert label["label"] == expected.label


def test_it_listens_to_this_machine_alone(address, predictor):
    assert address.startswith("http://127.0.0.1:")
    port = int(address.rstrip("/").rpartition(":")[2])
    with pytest.raises(UserError, match="is taken: choose another with --port"):
        demo.serve(predictor, port=port, block=False)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:9999"}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:7860"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://127.0.0.1@evil.example"}, 403),
    ],
)
def test_it_answers_pages_of_this_machine_alone(address, headers, status):
    for path in ("", "config", "gradio_api/info"):
        connection = http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"))
        connection.request("GET", f"/{path}", headers=headers)
        assert connection.getresponse().status == status
        connection.close()


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_record_a_voice_and_see_the_answer(address, predictor, voice):
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    alone = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    microphone = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    microphone.append(f"--use-file-for-fake-audio-capture={voice}")
    said, asked = [], []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*alone, *microphone])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.get_by_role("button", name="Record audio").click()
        page.get_by_role("button", name="Record", exact=True).click()
        page.wait_for_timeout(1500)
        page.get_by_role("button", name="Stop", exact=True).first.click()
        page.get_by_text("%").nth(len(predictor.labels) - 1).wait_for()
        page.wait_for_function("[...document.images].some(image => image.naturalWidth > 500)")
        text = page.inner_text("body")
        widths = []
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            widths.append(page.evaluate("document.documentElement.scrollWidth") - width)
        browser.close()
    assert all(label in text for label in predictor.labels)
    assert predictor.title in text
    assert said == []
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {address.split("/")[2]}
    assert max(widths) <= 0
