"""The architectures of reports and recipes: one function each, ``name(input_shape, n_classes) → keras.Model``.

The input is what a front end gives, the output is a softmax.

``from keras_ser.models import cnn`` is the function. To import this module registers the layers that the models are
made of, so that saved ones load.
"""

from keras_ser.models import calibrated  # noqa: F401, its layer is that of any calibrated model
from keras_ser.models.attentive_cnn import attentive_cnn
from keras_ser.models.cnn import cnn
from keras_ser.models.cnn_lstm import cnn_lstm
from keras_ser.models.conv1d import conv1d
from keras_ser.models.conv1d_lstm import conv1d_lstm
from keras_ser.models.conv1d_stack import conv1d_stack
from keras_ser.models.conv1d_wave import conv1d_wave
from keras_ser.models.conv2d_image import conv2d_image
from keras_ser.models.conv2d_mel import conv2d_mel
from keras_ser.models.conv2d_mfcc import conv2d_mfcc
from keras_ser.models.lstm import lstm
from keras_ser.models.mlp import mlp
from keras_ser.models.resnet_mfcc import resnet_mfcc
from keras_ser.models.svm import svm

__all__ = [
    "attentive_cnn",
    "cnn",
    "cnn_lstm",
    "conv1d",
    "conv1d_lstm",
    "conv1d_stack",
    "conv1d_wave",
    "conv2d_image",
    "conv2d_mel",
    "conv2d_mfcc",
    "lstm",
    "mlp",
    "resnet_mfcc",
    "svm",
]
