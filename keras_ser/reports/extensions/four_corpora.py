"""What the report's reviewer asks: why batches of 512, and why no ResNet."""

from keras_ser.models.resnet_mfcc import resnet_mfcc
from keras_ser.reports.four_corpora import experiment

SMALL_BATCHES = {"batch_size": 32, "extension": True}
EXPERIMENTS = (
    experiment("cnn_batch_32", **SMALL_BATCHES, note="batches of 32 (the reviewer: 512 is large)"),
    experiment(
        "resnet",
        resnet_mfcc,
        **SMALL_BATCHES,
        note="a small residual network, batches of 32 (the reviewer: why not a ResNet)",
    ),
)
