"""keras_ser: five speech emotion recognition reports in Keras, each figure beside the one it claims.

The map, from the ground up (imports go one way, tests/test_architecture.py holds them):

corpora, audio    where speech comes from, and the one place that opens a file
dsp, layers       waveform → features as TensorFlow functions, and the same as Keras layers
reference         the same features by librosa and noisereduce: the oracle of the tests
data              who is in train, validation and test; what they share; the feature cache; tf.data
models            one function per architecture
training, evaluation, metrics, records    fit, predict, score, and what a run leaves on disk
report, reports   what a report is made of, and the reports
experiment, comparison, plots             run one experiment; tables and pictures from stored runs
cli               the command line
"""

__version__ = "0.1.0"
