"""The Conv2D model of the four-corpora report ("Formatting Data"), a PyTorch listing rebuilt layer for layer."""

import keras


def conv2d_mfcc(input_shape, n_classes):
    """Two strided convolutions over the MFCC as an image, each halved again by pooling, and two linear layers.

    ``input_shape`` (n_mfcc, frames, 1): (40, 158, 1) in the report, where 15 classes give 93,807 parameters. Output:
    class probabilities [batch, n_classes].

    As PyTorch has it, where Keras would do otherwise: a zero on every side before a strided convolution ("same" pads
    one side only), channels first when flattened, no activation between the linear layers, weights and biases drawn
    from ±1/√fan_in, batch normalisation with epsilon 1e-5 and a tenth of each batch in its moving averages (of the
    variance with n in the denominator, where PyTorch has n - 1). The softmax, in PyTorch a part of the loss, is the
    last layer here; Keras's loss takes the logits from before it.
    """
    layers = keras.layers

    def drawn(fan_in):
        # kaiming_uniform_(a=√5) for weights, uniform_(±1/√fan_in) for biases: one range for both.
        limit = fan_in**-0.5
        names = ("kernel_initializer", "bias_initializer")
        return {name: keras.initializers.RandomUniform(-limit, limit) for name in names}

    def block(channels):
        return [
            layers.ZeroPadding2D(1),
            layers.Conv2D(32, 3, strides=2, **drawn(9 * channels)),
            layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
        ]

    rows, frames, _ = input_shape
    for _ in range(2):
        rows, frames = (rows + 1) // 2 // 2, (frames + 1) // 2 // 2
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *block(1),
            *block(32),
            layers.Permute((3, 1, 2)),
            layers.Flatten(),
            layers.Dense(128, **drawn(32 * rows * frames)),
            layers.Dense(n_classes, name="logits", **drawn(128)),
            layers.Activation("softmax"),
        ],
        name="conv2d_mfcc",
    )
