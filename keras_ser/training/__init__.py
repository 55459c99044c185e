"""One model fitted and scored: Keras networks, support vector machines, metrics."""
