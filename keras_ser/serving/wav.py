"""WAV files decoded in the graph, as :mod:`keras_ser.audio` decodes them outside of it.

In: the bytes of a file, a string scalar. Out: ``waveform`` float32 [samples] in [-1, 1], its rate in Hz, and a status:
"ok", or why the file cannot be decoded. It never raises: whatever is wrong with a file is its status.

Decoded are PCM of 8, 16, 24 and 32 bits and floats of 32 and 64 bits, plain or WAVE_FORMAT_EXTENSIBLE, with any number
of channels and any chunks before and after the samples. Source of the layout: "Multimedia Programming Interface and
Data Specifications 1.0", IBM and Microsoft, 1991 (chunks of an odd size are followed by one byte of padding);
"Multiple Channel Audio Data and WAVE Files", Microsoft, 2007 (the extensible header).
"""

import tensorflow as tf

from keras_ser import audio

OK = "ok"
MOST_CHUNKS = 256  # before the samples; a damaged file may seem to hold a chunk every eight bytes

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  # format tags
_RIFF, _WAVE, _FMT, _DATA = (int.from_bytes(name, "little") for name in (b"RIFF", b"WAVE", b"fmt ", b"data"))
_PLAIN_HEADER, _EXTENSIBLE_HEADER = 16, 40  # bytes that a format chunk has at least


def decode(content, *, first_channel=False):
    """One file to mono: the average of its channels, or the first of them.

    Args:
        content: string scalar, the bytes of the file.

    Returns: (waveform float32 [samples], rate int32 in Hz, status string). Where the status is not "ok", the waveform
    is empty and the rate 0.
    """
    octets = tf.io.decode_raw(content, tf.uint8)
    size = tf.size(octets, tf.int64)
    padded = tf.pad(octets, [[0, 64]])  # so that numbers near the end can be read without looking where it is

    def number(place, n_bytes):
        """Little-endian number at ``place`` (int64); 0 beyond the end."""
        place = tf.clip_by_value(place, 0, size)
        digits = tf.cast(padded[place : place + n_bytes], tf.int64)
        return tf.reduce_sum(tf.bitwise.left_shift(digits, tf.range(0, 8 * n_bytes, 8, tf.int64)))

    start = tf.constant(0, tf.int64)
    header, samples = _chunks(number, size)
    tag, n_channels, rate, bits = (number(header + at, n) for at, n in ((0, 2), (2, 2), (4, 4), (14, 2)))
    header_size, stated = number(header - 4, 4), number(samples - 4, 4)
    needed = tf.where(tag == EXTENSIBLE, tf.constant(_EXTENSIBLE_HEADER, tf.int64), _PLAIN_HEADER)
    tag = tf.where(tag == EXTENSIBLE, number(header + 24, 2), tag)  # the first field of the sub-format

    kinds = {
        (PCM, 8): lambda sound: (tf.cast(tf.io.decode_raw(sound, tf.uint8), tf.float32) - 128) / 128,
        (PCM, 16): lambda sound: tf.cast(_raw(sound, tf.int16), tf.float32) / 2**15,
        (PCM, 24): _from_24_bits,
        (PCM, 32): lambda sound: tf.cast(_raw(sound, tf.int32), tf.float32) / 2**31,
        (FLOAT, 32): lambda sound: _raw(sound, tf.float32),
        (FLOAT, 64): lambda sound: tf.cast(_raw(sound, tf.float64), tf.float32),
    }
    matches = tf.stack([(tag == known) & (bits == width) for known, width in kinds])
    frame_bytes = tf.maximum(n_channels * bits // 8, 1)
    available = tf.maximum(size - samples, 0)
    n_bytes = tf.where(stated >= audio.UNKNOWN_LENGTH, available, tf.minimum(stated, available))
    n_frames = n_bytes // frame_bytes

    lowest, highest = audio.RATES
    status = _first_that_holds(
        [
            (
                (number(start, 4) != _RIFF) | (number(start + 8, 4) != _WAVE),
                "no WAV file: it does not start with RIFF and WAVE",
            ),
            (samples == 0, "no samples: there is no data chunk"),
            (header == 0, "no format chunk before the samples"),
            (header_size < needed, "the format chunk is too short"),
            (~tf.reduce_any(matches), "neither PCM of 8, 16, 24 or 32 bits nor float of 32 or 64"),
            (n_channels == 0, "no channels"),
            ((rate < lowest) | (rate > highest), f"a sample rate outside of {lowest} to {highest} Hz"),
            ((stated < audio.UNKNOWN_LENGTH) & (stated > available + 1), "cut off: shorter than its header says"),
            (n_frames == 0, "no samples"),
        ]
    )

    def decoded():
        sound = tf.strings.substr(content, samples, n_frames * frame_bytes)
        kind = tf.argmax(matches, output_type=tf.int32)
        y = tf.switch_case(kind, [lambda convert=convert: convert(sound) for convert in kinds.values()])
        channels = tf.reshape(y, tf.stack([n_frames, n_channels]))
        peak = tf.reduce_max(tf.abs(channels))
        status = _first_that_holds(
            [
                (~tf.reduce_all(tf.math.is_finite(channels)), "samples that are not finite numbers"),
                (peak > audio.LARGEST_OVERSHOOT, "float samples far outside of [-1, 1]"),
            ]
        )
        channels = tf.clip_by_value(channels, -1, 1)
        mono = channels[:, 0] if first_channel else tf.reduce_mean(channels, axis=1)
        return mono[: tf.where(status == OK, tf.size(mono), 0)], status

    waveform, status = tf.cond(status == OK, decoded, lambda: (tf.zeros([0]), status))
    return waveform, tf.where(status == OK, tf.cast(rate, tf.int32), 0), status


def _chunks(number, size):
    """Where the content of the format chunk and of the samples begins, 0 where there is none. → int64, int64"""

    def goes_on(place, _, samples):
        return (samples == 0) & (place + 8 <= size)

    def step(place, header, samples):
        name, length, content = number(place, 4), number(place + 4, 4), place + 8
        after = content + length
        # Some programs leave the padding out.
        after += tf.cast((length % 2 == 1) & (number(after, 4) != _DATA), tf.int64)
        return after, tf.where(name == _FMT, content, header), tf.where(name == _DATA, content, samples)

    start = (tf.constant(12, tf.int64), tf.constant(0, tf.int64), tf.constant(0, tf.int64))
    _, header, samples = tf.while_loop(goes_on, step, start, maximum_iterations=MOST_CHUNKS)
    return header, samples


def _first_that_holds(faults):
    """The words of the first fault whose condition holds, or "ok". ``faults``: (condition, words), …"""
    status = tf.constant(OK)
    for condition, words in reversed(faults):
        status = tf.where(condition, words, status)
    return status


def _raw(sound, dtype):
    return tf.io.decode_raw(sound, dtype, little_endian=True)


def _from_24_bits(sound):
    octets = tf.reshape(tf.io.decode_raw(sound, tf.uint8), [-1, 3])
    return tf.cast(tf.bitcast(tf.pad(octets, [[0, 0], [1, 0]]), tf.int32), tf.float32) / 2**31
