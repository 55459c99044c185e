"""A small residual network over the MFCC as an image, an extension: the four-corpora report's reviewer asks for it."""

import keras


def resnet_mfcc(input_shape, n_classes):
    """Three residual blocks of 16, 32 and 64 channels on an image halved three times, then one mean over it.

    After K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2016, section 4.2, with one
    block where that has n. ``input_shape`` (n_mfcc, frames, 1). Output: class probabilities [batch, n_classes].
    """
    layers = keras.layers

    def convolution(x, filters, strides=1):
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    def block(x, filters, strides):
        y = layers.Activation("relu")(convolution(x, filters, strides))
        y = convolution(y, filters)
        if strides > 1:
            x = layers.Conv2D(filters, 1, strides=strides, use_bias=False)(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
        return layers.Activation("relu")(layers.Add()([x, y]))

    image = keras.Input(input_shape)
    x = layers.Activation("relu")(convolution(image, 16, 2))
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        x = block(x, filters, strides)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(n_classes, activation="softmax")(x), name="resnet_mfcc")
