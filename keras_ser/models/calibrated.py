"""A trained network as a model to be asked: of some of its classes, by probabilities that hold."""

import keras


@keras.saving.register_keras_serializable(package="keras_ser")
class Calibrated(keras.layers.Layer):
    """Probabilities of some of the classes, flattened by a temperature (Guo et al., "On calibration of modern neural
    networks", 2017): of each the power ``1 / temperature``, divided by their sum.

    Args:
        classes: places of the classes that are answered.
        temperature: over 1: less sure than the network; under 1: surer.

    Input shape:
        Probabilities [batch, n_classes].

    Output shape:
        [batch, number of ``classes``].
    """

    def __init__(self, classes, temperature, **kwargs):
        super().__init__(**kwargs)
        self.classes, self.temperature = tuple(classes), float(temperature)

    def call(self, probabilities):
        kept = keras.ops.take(probabilities, self.classes, axis=1)
        # Divided by the greatest first: the power of what is almost 0 in all of them would be 0 in all of them.
        kept = (kept + 1e-30) / (keras.ops.max(kept, axis=1, keepdims=True) + 1e-30)
        powers = keras.ops.power(kept, 1 / self.temperature)
        return powers / keras.ops.sum(powers, axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return input_shape[0], len(self.classes)

    def get_config(self):
        return {**super().get_config(), "classes": self.classes, "temperature": self.temperature}
