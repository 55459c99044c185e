"""One value a clip: waveform [batch, samples] → [batch]."""

import tensorflow as tf

from keras_ser.dsp.spectrum import clear_padding


def mean_energy(waveform, lengths=None):
    """Mean square of the samples of each clip; 0 where there are none. → [batch]."""
    count = tf.shape(waveform)[1] if lengths is None else lengths
    energy = tf.reduce_sum(tf.square(clear_padding(waveform, lengths)), axis=1)
    return tf.math.divide_no_nan(energy, tf.cast(count, energy.dtype))
