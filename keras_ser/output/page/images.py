"""Images of the results page: what each shows, in words, and how a page refers to it."""

import base64
import io
import os

from PIL import Image

from keras_ser.data.protocols import PROTOCOLS
from keras_ser.errors import UserError

COLOURS = 48  # of a chart
CAPTIONS = {
    "class_distribution": "Clips per class, women and men apart.",
    "class_shares": "Share of each class in each corpus.",
    "durations": "Duration of the clips by class in each corpus, mean and standard deviation.",
    "waveforms": "Waveform of one clip of each class.",
    "clips": "Waveform, spectrogram and MFCC of one clip of each class.",
    "chirp": "A chirp over six octaves, as waveform and spectrogram.",
    "mel_images": "Mel spectrograms of a training and a test clip of each class, and the 2D CNN's image of it.",
    "splits": "Accuracy and weighted F1 on each split; the numbers are under “Train, validation, test”.",
    "listeners": "Confusion matrices of human listeners and of the models.",
    "protocols_accuracy": "Accuracy by protocol, with its 95 % interval if there is one; dashes are reported values.",
    "protocols_uar": "UAR by protocol, with its 95 % interval if there is one.",
    "class_counts": "True positives, false positives and false negatives per class, reported and obtained.",
    "ladder": "Top: accuracy under each protocol. Bottom: share of test examples whose clip, speaker or sentence is "
    "also in train.",
    "differences": "Differences of accuracy on the same clips, with intervals over speakers where there are any: of "
    "95 %, more where they are corrected for several tests.",
    "reliability": "Accuracy by confidence; on the diagonal a model is as often right as it says.",
    **{
        f"curves_{name}": f"Learning curves, {protocol.title}: one line per training, a dot on a chosen epoch."
        for name, protocol in PROTOCOLS.items()
    },
}


def image(path, page):
    """A PNG as an image of a page in the folder ``page``. → dict ``name, caption, src, width, height``

    Raises: UserError where it is damaged.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
    except OSError as error:
        raise UserError(f"{path}: the image cannot be read ({error}); delete it and reproduce again") from error
    src = os.path.relpath(path, page).replace(os.sep, "/")
    return {"name": path.stem, "caption": CAPTIONS[path.stem], "src": src, "width": width, "height": height}


def embedded(image):
    """An image within the page, as WebP. → dict ``src`` (data URI), ``width``, ``height``"""
    # Charts are smaller, and sharper, with few colours and no loss; spectrograms with loss.
    few = image.quantize(COLOURS, dither=Image.Dither.NONE).convert("RGB")
    packed = min(_webp(image, quality=50), _webp(few, lossless=True), key=len)
    src = f"data:image/webp;base64,{base64.b64encode(packed).decode()}"
    return {"src": src, "width": image.width, "height": image.height}


def _webp(image, **options):
    file = io.BytesIO()
    image.save(file, "WEBP", **options)
    return file.getvalue()
