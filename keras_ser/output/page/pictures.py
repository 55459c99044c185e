"""Pictures of the results page: what each shows, in words, and how it is put into the page."""

import base64
import io

from PIL import Image

from keras_ser.errors import UserError

OVERVIEW = (
    "Dash: reported. Dot: our re-implementation on the report's own split. Ring: our re-implementation on unseen "
    "speakers. Lines: 95 % intervals, over speakers where enough of them are tested, else over repetitions. Faded: a "
    "different or incomplete corpus, which cannot be compared with the report. The numbers are in the table below."
)
COLOURS = 48  # of a chart
CAPTIONS = {
    "class_distribution": "Clips per class, women and men apart.",
    "class_shares": "Share of each class in each corpus.",
    "durations": "Duration of the clips by class in each corpus, mean and standard deviation.",
    "waveforms": "Waveform of one clip of each class.",
    "clips": "Waveform, spectrogram and MFCC of one clip of each class.",
    "chirp": "A chirp over six octaves, as waveform and spectrogram.",
    "mel_pictures": "Mel spectrograms of a training and a test clip of each class, and the 2D CNN's image of it.",
    "splits": "Accuracy and weighted F1 on each split; the numbers are under “Train, validation, test”.",
    "listeners": "Confusion matrices of human listeners and of the models.",
    "protocols_accuracy": "Accuracy by protocol, mean and 95 % interval; a dash marks what is reported.",
    "protocols_uar": "UAR by protocol, mean and 95 % interval.",
    "class_counts": "True positives, false positives and false negatives per class, reported and obtained.",
    "ladder": "Accuracy under each protocol, over what its train and test share.",
    "differences": "Differences of accuracy on the same clips, with 95 % intervals over speakers.",
    "reliability": "Accuracy by confidence; on the diagonal a model is as often right as it says.",
}


def picture(path):
    """A PNG as a smaller WebP within the page. → dict ``name, caption, src, width, height``

    Raises: UserError where it is damaged.
    """
    try:
        with Image.open(path) as image:
            return {"name": path.stem, "caption": caption(path.stem), **embedded(image.convert("RGB"))}
    except OSError as error:
        raise UserError(f"{path}: the picture cannot be read ({error}); delete it and reproduce again") from error


def embedded(image):
    """→ dict ``src`` (data URI), ``width``, ``height``"""
    # Charts are smaller, and sharper, with few colours and no loss; spectrograms with loss.
    few = image.quantize(COLOURS, dither=Image.Dither.NONE).convert("RGB")
    packed = min(_webp(image, quality=50), _webp(few, lossless=True), key=len)
    src = f"data:image/webp;base64,{base64.b64encode(packed).decode()}"
    return {"src": src, "width": image.width, "height": image.height}


def _webp(image, **options):
    file = io.BytesIO()
    image.save(file, "WEBP", **options)
    return file.getvalue()


def caption(stem):
    """What a picture of that name shows."""
    if stem.startswith("curves_"):
        return f"Learning curves, protocol {stem.removeprefix('curves_')}: loss and accuracy, one line per training."
    return CAPTIONS.get(stem, f"{stem.replace('_', ' ')}.")
