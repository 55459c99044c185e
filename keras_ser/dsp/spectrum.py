"""Short-time Fourier transform and its inverse, numerically those of librosa 0.11.

Periodic Hann window, frames centred on multiples of ``hop_length`` (the clip is padded by ``n_fft // 2`` on both
sides), any ``n_fft``: powers of two are not required.
"""

import numpy as np
import tensorflow as tf


def frame_count(lengths, hop_length):
    """Frames of a clip whose frames are centred: ``1 + lengths // hop_length`` (librosa has one less where the frames
    are odd and ``hop_length`` divides the length).
    """
    return 1 + lengths // hop_length


def frame_mask(lengths, hop_length, n_frames):
    """Which frames belong to each clip. → bool [batch, n_frames]."""
    return tf.sequence_mask(frame_count(lengths, hop_length), n_frames)


def own_lengths(waveform, lengths):
    """How many samples of its row each clip fills, which may have been cut: all of them where ``lengths`` is None.

    → int32 [batch]
    """
    n_samples = tf.shape(waveform)[1]
    return tf.fill(tf.shape(waveform)[:1], n_samples) if lengths is None else tf.minimum(lengths, n_samples)


def root(values):
    """The square root, whose gradient is 0 where it is 0, and not infinite: in silence."""
    positive = values > 0
    return tf.where(positive, tf.sqrt(tf.where(positive, values, 1.0)), 0.0)


def clear_padding(waveform, lengths):
    """Zero everything after the end of each clip. ``lengths`` None: every clip fills its row. → [batch, samples]."""
    if lengths is None:
        return waveform
    return tf.where(tf.sequence_mask(lengths, tf.shape(waveform)[1]), waveform, 0.0)


def hann(n_fft):
    """Periodic Hann window (tf.signal.hann_window's is symmetric where n_fft is odd). → float32 [n_fft]"""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


def stft(waveform, *, n_fft, hop_length, lengths=None):
    """Short-time Fourier transform: ``librosa.stft``, frames first.

    Args:
        waveform: float32 [batch, samples].
        lengths: int32 [batch]; what lies beyond is taken as 0.

    Returns: complex64 [batch, frames, 1 + n_fft // 2]. A clip of n samples has ``frame_count(n)`` frames; those after
        them may still hold its tail.
    """
    waveform = tf.pad(clear_padding(waveform, lengths), [[0, 0], [n_fft // 2, n_fft // 2]])
    frames = tf.signal.frame(waveform, n_fft, hop_length)  # [batch, frames, n_fft]
    return tf.signal.rfft(frames * hann(n_fft), [n_fft])


def squared_magnitude(spectrum):
    """|x|², without a root that would be squared again."""
    return tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))


def own_frames(waveform, n_fft, hop_length, lengths=None, pad_mode="constant", at_most=None):
    """The centred frames of all clips, one after the other: padding is then neither transformed nor multiplied.

    Frame t of a clip is centred on its sample t · hop_length; ``pad_mode``: how a clip goes on before its start and
    after its end, "constant" (zeros) or "reflect"; ``at_most``: no more than so many frames of a clip are taken.

    Returns: frames [n, n_fft], and what puts a result [n, …] back in place: → [batch, frames, …], 0 after a clip's end.
    """
    lengths = own_lengths(waveform, lengths)
    n_samples = tf.shape(waveform)[1]
    n_frames = frame_count(n_samples, hop_length)
    n_frames = n_frames if at_most is None else tf.minimum(n_frames, at_most)
    mask = frame_mask(lengths, hop_length, n_frames)  # [batch, frames]
    index = tf.where(mask)  # [n, 2]: clip and frame

    def put_back(values):
        return tf.scatter_nd(index, values, tf.concat([tf.shape(mask, tf.int64), tf.shape(values, tf.int64)[1:]], 0))

    # Cut into blocks of a hop: a frame is a run of blocks.
    before, n_blocks = n_fft // 2, -(-n_fft // hop_length)
    blocks = tf.maximum(n_frames - 1 + n_blocks, -(-(n_samples + before) // hop_length))  # of a clip
    extended = _extend(waveform, lengths, before, blocks * hop_length - n_samples - before, pad_mode)
    first = index[:, 0] * tf.cast(blocks, tf.int64) + index[:, 1]
    taken = tf.gather(tf.reshape(extended, [-1, hop_length]), first[:, None] + tf.range(n_blocks, dtype=tf.int64))
    return tf.reshape(taken, [-1, n_blocks * hop_length])[:, :n_fft], put_back


def _extend(waveform, lengths, before, after, pad_mode):
    """Each clip with what ``pad_mode`` puts around it. → [batch, before + samples + after]"""
    waveform = clear_padding(waveform, lengths)
    if pad_mode == "constant":
        return tf.pad(waveform, [[0, 0], [before, after]])
    if pad_mode != "reflect":
        raise ValueError(f"`pad_mode` must be 'constant' or 'reflect'. Received: pad_mode={pad_mode!r}")
    last = tf.cast(lengths, tf.int32)[:, None] - 1
    position = tf.range(-before, tf.shape(waveform)[1] + after) % tf.maximum(2 * last, 1)
    waveform = tf.pad(waveform, [[0, 0], [0, 1]])  # a clip of no samples has a first one too
    return tf.gather(waveform, tf.maximum(last - tf.abs(last - position), 0), batch_dims=1)


def istft(spectrum, *, n_fft, hop_length, n_samples, n_frames=None):
    """Inverse of :func:`stft`: ``librosa.istft``, frames first.

    Args:
        spectrum: complex64 [batch, frames, 1 + n_fft // 2].
        n_samples: width of the output.
        n_frames: int32 [batch], frames of each clip; those after them must be 0. None: all.

    Returns: float32 [batch, n_samples].
    """
    frames = tf.signal.irfft(spectrum, [n_fft]) * hann(n_fft)  # [batch, frames, n_fft]
    n_frames = tf.fill(tf.shape(frames)[:1], tf.shape(frames)[1]) if n_frames is None else n_frames
    exists = tf.sequence_mask(n_frames, tf.shape(frames)[1], tf.float32)
    summed = tf.signal.overlap_and_add(frames, hop_length)  # [batch, (frames - 1) · hop_length + n_fft]
    weight = _window_sum_of_squares(exists, n_fft, hop_length)
    summed = tf.math.divide_no_nan(summed, weight)[:, n_fft // 2 :]
    missing = tf.maximum(0, n_samples - tf.shape(summed)[1])
    return tf.pad(summed, [[0, 0], [0, missing]])[:, :n_samples]


def _window_sum_of_squares(exists, n_fft, hop_length):
    """Overlap-add of the squared window of the frames that exist. → [batch, (frames - 1) · hop_length + n_fft]

    Added in pieces of one hop, of which a window has ceil(n_fft / hop_length): no [batch, frames, n_fft] is built.
    """
    pieces = -(-n_fft // hop_length)
    squared = np.pad(hann(n_fft) ** 2, (0, pieces * hop_length - n_fft)).reshape(pieces, hop_length)
    total = 0.0
    for piece in range(pieces):
        # [batch, frames + pieces - 1, 1] × [hop_length]
        shifted = tf.pad(exists, [[0, 0], [piece, pieces - 1 - piece]])
        total += shifted[..., None] * squared[piece]
    total = tf.reshape(total, [tf.shape(exists)[0], -1])
    return total[:, : (tf.shape(exists)[1] - 1) * hop_length + n_fft]
