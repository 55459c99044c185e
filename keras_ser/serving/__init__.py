"""A trained model outside of training: SavedModel, TensorFlow Lite, prediction, a page to try it."""
