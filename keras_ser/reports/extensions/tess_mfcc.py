"""How much the choices matter that the report leaves to us: the CNN with other coefficients, lengths and rates."""

from keras_ser.models.conv1d import conv1d
from keras_ser.reports.tess_mfcc import experiment, reduce_learning_rate

EXPERIMENTS = (
    experiment("cnn_13_mfcc", conv1d, reduce_learning_rate, n_mfcc=13),
    experiment("cnn_40_mfcc", conv1d, reduce_learning_rate, n_mfcc=40),
    experiment("cnn_60_frames", conv1d, reduce_learning_rate, n_frames=60),
    experiment("cnn_130_frames", conv1d, reduce_learning_rate, n_frames=130),
    experiment("cnn_16_khz", conv1d, reduce_learning_rate, sample_rate=16000),
)
