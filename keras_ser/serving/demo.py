"""A page on which to record or upload a voice and see what a model says of it.

It is served to this machine alone (127.0.0.1), to pages of this machine alone (whatever site a browser has open beside
it), and loads nothing from elsewhere. Needs Gradio, which is no dependency of
the package but an extra: ``pip install keras-ser[demo]``.
"""

import os
from urllib.parse import urlsplit

from keras_ser import audio
from keras_ser.analysis import examples
from keras_ser.errors import UserError
from keras_ser.output.figures.recordings import recording
from keras_ser.serving.predict import Predictor, lower_rates, predict

HOST = "127.0.0.1"
OWN_NAMES = (HOST, "localhost")


class OwnPagesOnly:
    """ASGI middleware: refuses (403) a request whose Host or Origin is not this machine.

    A browser sends such when a page from elsewhere calls this address, or a name that was made to point to it.
    """

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and not self._is_own(scope["headers"]):
            headers = [(b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": b"This page answers to this machine alone."})
        else:
            await self.app(scope, receive, send)

    def _is_own(self, headers):
        """``headers``: (name, value) in bytes."""
        hosts = ["//" + value.decode("latin-1") for name, value in headers if name == b"host"]
        origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        try:
            return bool(hosts) and all(urlsplit(address).hostname in OWN_NAMES for address in hosts + origins)
        except ValueError:  # no address at all
            return False


def gradio():
    """The library, told to stay at home."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio

    return gradio


def page(predictor: Predictor):
    """The page, not yet served. → gradio.Blocks"""
    gr = gradio()

    def answer(path):
        """A recording → label with probabilities, image, warnings."""
        if path is None:
            return None, None, ""
        (prediction,) = predict(predictor, [path])
        if isinstance(prediction, UserError):
            raise gr.Error(str(prediction).replace(str(path), "this recording"))
        y, rate = audio.read(path)
        lower = lower_rates({prediction.rate: 1}, predictor.sample_rate)
        warnings = "\n".join(f"- {warning}" for warning in (*prediction.warnings, lower) if warning)
        probabilities = dict(zip(prediction.labels, prediction.probabilities.tolist(), strict=True))
        return (
            probabilities if prediction.label else None,
            recording(y, rate, examples.mel_bands(y, rate)),
            warnings,
        )

    with gr.Blocks(title="keras_ser demo", delete_cache=(3600, 3600)) as blocks:
        caution = f"\n\nCaution: {predictor.caution}" if predictor.caution else ""
        gr.Markdown(f"# Emotion from a recording\n\n{predictor.title}{caution}")
        with gr.Row():
            with gr.Column():
                voice = gr.Audio(
                    sources=["microphone", "upload"], type="filepath", label="A voice", buttons=["download"]
                )
                warnings = gr.Markdown()
            probabilities = gr.Label(label="Probabilities", num_top_classes=len(predictor.labels))
        image = gr.Image(label="Waveform and mel spectrogram", show_label=False, buttons=["fullscreen"])
        gr.Markdown(
            "Trained on acted speech. Acted emotions are not felt ones: not for decisions about people. Nothing leaves "
            "this machine."
        )
        voice.change(answer, voice, [probabilities, image, warnings], api_name="answer")
    return blocks


def serve(predictor: Predictor, *, port: int, block=True):
    """Serve the page until interrupted. ``block`` False: return at once. → its address

    Raises UserError if the port is taken.
    """
    blocks, theme = page(predictor), gradio().themes
    from starlette.middleware import Middleware

    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
    try:
        _, address, _ = blocks.launch(
            server_name=HOST,
            server_port=port,
            theme=theme.Default(**fonts),
            footer_links=[],
            share=False,
            app_kwargs={"middleware": [Middleware(OwnPagesOnly)]},
            quiet=True,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise UserError(f"port {port} of {HOST} is taken: choose another with --port") from error
    print(f"{address} (Ctrl+C ends it)", flush=True)
    if block:
        blocks.block_thread()
    return address
