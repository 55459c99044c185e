"""The reports' architectures: one function each, ``name(input_shape, n_classes) → keras.Model``, inputs to softmax."""
