"""Signal processing as pure functions on tensors.

Waveforms are float32 ``[batch, samples]`` in [-1, 1]; features ``[batch, frames, features]``. Where the clips of a
batch differ in length, ``lengths`` (int32 ``[batch]``, in samples) says where each ends: the result for a clip
depends neither on its batch mates nor on its padding. Names and defaults of parameters are librosa's, but
``sample_rate`` for ``sr``; of the gate noisereduce's.
"""
