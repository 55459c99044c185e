"""What every layer asks of its inputs and arguments, and how it says no: the rule, then what was received.

Both are checked while a model is built or a graph is traced; nothing is left to the running graph.
"""

import inspect
from numbers import Integral, Real
from typing import NamedTuple

import keras
import tensorflow as tf


class Kind(NamedTuple):
    """A kind of input: its axes, and what to do with one of another rank (rank → remedy) or of whole numbers."""

    axes: str
    rank: int
    of_rank: dict[int, str]
    of_integers: str = "Cast it: keras.ops.cast({name}, 'float32')."


WAVEFORM = Kind(
    "[batch, samples] in [-1, 1]",
    2,
    {
        1: "Add a batch axis: {name}[None].",
        3: "Remove the last axis: keras.ops.squeeze({name}, -1), or mix the channels: keras.ops.mean({name}, -1).",
    },
    "Scale it to [-1, 1]: 16-bit samples by keras.ops.cast({name}, 'float32') / 32768.",
)
FEATURES = Kind(
    "[batch, frames, features]",
    3,
    {2: "Add a batch axis: {name}[None], or to one value per frame a last axis: {name}[..., None]."},
)
PLANE = Kind("[batch, height, width]", 3, {2: "Add a batch axis: {name}[None]."})
IMAGES = Kind("[batch, height, width, channels]", 4, {3: "Add the axis of channels: {name}[..., None]."})


class Checked:
    """Mixin of the layers: checks the first input of a call, and keeps the shapes that are known.

    ``accepts`` is the :class:`Kind` of the first argument of ``call``. ``lengths`` may be of any integer dtype.
    """

    accepts = WAVEFORM

    def __call__(self, *args, **kwargs):
        names = list(inspect.signature(self.call).parameters)

        def checked(name, value):
            if name == names[0]:
                self.check(name, value)
            return check_lengths(value) if name == "lengths" and value is not None else value

        args = [*map(checked, names, args), *args[len(names) :]]
        outputs = super().__call__(*args, **{name: checked(name, value) for name, value in kwargs.items()})
        first = outputs[0] if isinstance(outputs, tuple) else outputs
        if tf.is_symbolic_tensor(first):  # a graph being traced: its operations lose what the shape rule knows
            first.set_shape(self.compute_output_shape(self._shape_of(args[0] if args else kwargs[names[0]])))
        return outputs

    def check(self, name, x):
        """Raises ValueError if ``x``, the argument ``name`` of a call, is not what the layer accepts."""
        check_input(name, x, self.accepts)

    def _shape_of(self, x):
        """Shape of a tensor, or list of shapes of a list of them, as ``compute_output_shape`` takes it."""
        if isinstance(x, (list, tuple)):
            return [self._shape_of(part) for part in x]
        shape = tf.TensorShape(x.shape)
        return (None,) * self.accepts.rank if shape.rank is None else tuple(shape)


def check_input(name, x, kind):
    """Raises ValueError if ``x`` is of another rank than ``kind``, or holds no floating-point numbers."""
    rule = f"`{name}` must be float32 {kind.axes}."
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        raise ValueError(f"{rule} Received: {name}={x!r} (of type {type(x).__name__}). Pass an array or a tensor.")
    shape, dtype = tf.TensorShape(x.shape), keras.backend.standardize_dtype(x.dtype)
    received = f"{rule} Received: shape={'unknown' if shape.rank is None else tuple(shape)}, dtype={dtype}."
    if shape.rank not in (None, kind.rank):
        remedy = kind.of_rank.get(shape.rank, f"It must have {kind.rank} axes.")
        raise ValueError(f"{received} {remedy.format(name=name)}")
    if not keras.backend.is_float_dtype(dtype):
        raise ValueError(f"{received} {kind.of_integers.format(name=name)}")


def check_lengths(lengths):
    """→ ``lengths`` as int32 [batch], symbols as they are. Raises ValueError if they are no whole numbers [batch]."""
    if not isinstance(lengths, keras.KerasTensor):
        lengths = tf.convert_to_tensor(lengths)
    shape, dtype = tf.TensorShape(lengths.shape), keras.backend.standardize_dtype(lengths.dtype)
    if shape.rank not in (None, 1) or not keras.backend.is_int_dtype(dtype):
        raise ValueError(
            f"`lengths` must be int32 [batch], the samples of each clip. Received: shape={tuple(shape)}, dtype={dtype}."
        )
    return lengths if isinstance(lengths, keras.KerasTensor) else tf.cast(lengths, tf.int32)


def require(holds, rule, **received):
    """Raises ValueError unless ``holds``: the rule about an argument, then what was received."""
    if not holds:
        raise ValueError(f"{rule}. Received: {', '.join(f'{name}={value!r}' for name, value in received.items())}")


def is_number(value):
    """Whether ``value`` is a real number (True and False are none)."""
    return isinstance(value, Real) and not isinstance(value, bool)


def require_positive_integers(**arguments):
    """Raises ValueError unless every argument is a whole number of at least 1."""
    for name, value in arguments.items():
        is_integer = isinstance(value, Integral) and not isinstance(value, bool)
        require(is_integer and value > 0, f"`{name}` must be a positive integer", **{name: value})


def require_band(sample_rate, fmin, fmax):
    """Raises ValueError unless 0 <= fmin < fmax <= sample_rate / 2 (``fmax`` None: half the sample rate)."""
    nyquist = sample_rate / 2
    require(is_number(fmin) and fmin >= 0, "`fmin` must be a frequency in Hz, at least 0", fmin=fmin)
    if fmax is not None:
        rule = f"`fmax` must be None or a frequency of at most half the sample rate, {nyquist:g} Hz"
        require(is_number(fmax) and fmax <= nyquist, rule, fmax=fmax)
    require(fmin < (nyquist if fmax is None else fmax), "`fmin` must be less than `fmax`", fmin=fmin, fmax=fmax)


def require_range(name, value, least=float("-inf")):
    """→ (low, high) of the argument ``name``, two numbers. Raises ValueError unless ``least <= low <= high``."""
    pair = tuple(value) if isinstance(value, (list, tuple)) else ()
    ordered = len(pair) == 2 and all(map(is_number, pair)) and least <= pair[0] <= pair[1] < float("inf")
    at_least = "" if least == float("-inf") else f", at least {least:g}"
    require(ordered, f"`{name}` must be a pair (low, high) of numbers with low <= high{at_least}", **{name: value})
    return pair


def require_seed(seed):
    """Raises ValueError unless ``seed`` is a whole number or None."""
    holds = seed is None or (isinstance(seed, Integral) and not isinstance(seed, bool))
    require(holds, "`seed` must be an integer or None", seed=seed)
