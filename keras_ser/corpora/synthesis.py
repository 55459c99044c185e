"""A source–filter voice: a line of phones, a speaker and a manner of speaking → a waveform.

In: a text of one-character phones (SAMPA-like, see PHONES; a space ends a word), a `Speaker`, a `Manner`, the
sample rate in Hz. Out: float64 [samples], mono, |sample| ≤ 0.95.

The source is Rosenberg's glottal pulse (1971, pulse C) with shimmer, jitter and breath noise; the filter is
Klatt's cascade of second-order resonators (1980), set anew every 8 ms, with vowels' F1–F3 after Peterson &
Barney (1952), smoothed from phone to phone; fricatives and bursts are band-passed noise beside the cascade. No
recording of a human voice is used.
"""

from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from scipy.linalg.blas import dtbsv
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfilt

FRAME_SECONDS = 0.008
UPPER_FORMANTS = (3500.0, 4500.0, 5500.0, 6500.0, 7500.0)  # F4–F8 of a neutral tract 17.5 cm long, in Hz
BANDWIDTHS = np.array((70.0, 90.0, 130.0, 200.0, 280.0, 350.0, 400.0, 450.0))  # F1–F8, in Hz


@dataclass(frozen=True)
class Phone:
    """What one phone asks of the tract. Formants of an adult male in Hz; gains relative to a vowel's."""

    seconds: float
    formants: tuple[float, float, float]
    voice: float
    breath: float = 0.0  # noise through the formants, at the glottis
    closure: float = 0.0  # seconds of silence (or of murmur, if voiced) before the sound itself
    noise: float = 0.0  # noise beside the formants: friction or burst
    band: tuple[float, float] = (0.0, 0.0)  # of that noise, in Hz

    @property
    def is_vowel(self):
        return self.voice == 1.0


def _vowel(seconds, *formants):
    return Phone(seconds, formants, voice=1.0)


def _fricative(voice, noise, low, high, *formants):
    return Phone(0.085 - 0.03 * voice, formants, voice, noise=noise, band=(low, high))


def _plosive(voice, noise, low, high, *formants):
    return Phone(0.018, formants, voice, 0.3 - 0.3 * voice, 0.05 + 0.02 * voice, noise, (low, high))


PHONES = {
    "i": _vowel(0.10, 270, 2290, 3010),
    "I": _vowel(0.07, 390, 1990, 2550),
    "e": _vowel(0.11, 400, 2150, 2700),
    "E": _vowel(0.08, 530, 1840, 2480),
    "{": _vowel(0.11, 660, 1720, 2410),
    "a": _vowel(0.10, 730, 1300, 2450),
    "A": _vowel(0.11, 730, 1090, 2440),
    "O": _vowel(0.10, 570, 840, 2410),
    "o": _vowel(0.11, 430, 800, 2400),
    "U": _vowel(0.07, 440, 1020, 2240),
    "u": _vowel(0.10, 300, 870, 2240),
    "V": _vowel(0.08, 640, 1190, 2390),
    "3": _vowel(0.10, 490, 1350, 1690),
    "@": _vowel(0.05, 500, 1450, 2450),
    "y": _vowel(0.10, 280, 1800, 2200),
    "Y": _vowel(0.07, 390, 1650, 2250),
    "2": _vowel(0.10, 390, 1550, 2250),
    "m": Phone(0.065, (270, 1000, 2200), 0.5),
    "n": Phone(0.060, (270, 1650, 2550), 0.5),
    "N": Phone(0.065, (270, 2000, 2600), 0.5),
    "l": Phone(0.055, (360, 1150, 2700), 0.7),
    "r": Phone(0.055, (430, 1200, 1700), 0.7),
    "w": Phone(0.055, (300, 700, 2200), 0.7),
    "j": Phone(0.050, (280, 2200, 2950), 0.7),
    "h": Phone(0.060, (500, 1500, 2500), 0.0, breath=0.6),
    "f": _fricative(0.0, 0.12, 1500, 7500, 400, 1100, 2200),
    "v": _fricative(0.4, 0.06, 1500, 7500, 350, 1100, 2200),
    "T": _fricative(0.0, 0.10, 3000, 7500, 400, 1400, 2600),
    "D": _fricative(0.4, 0.05, 3000, 7500, 350, 1400, 2600),
    "s": _fricative(0.0, 0.40, 4000, 9500, 350, 1700, 2600),
    "z": _fricative(0.4, 0.20, 4000, 9500, 300, 1700, 2600),
    "S": _fricative(0.0, 0.45, 2000, 6500, 350, 1900, 2500),
    "Z": _fricative(0.4, 0.22, 2000, 6500, 300, 1900, 2500),
    "C": _fricative(0.0, 0.25, 2800, 6500, 350, 2000, 2800),
    "x": _fricative(0.0, 0.25, 900, 3500, 450, 1100, 2300),
    "p": _plosive(0.0, 0.25, 400, 2500, 350, 900, 2200),
    "b": _plosive(0.4, 0.18, 400, 2500, 300, 900, 2200),
    "t": _plosive(0.0, 0.45, 3000, 7500, 350, 1700, 2600),
    "d": _plosive(0.4, 0.30, 3000, 7500, 300, 1700, 2600),
    "k": _plosive(0.0, 0.40, 1400, 4500, 350, 1900, 2400),
    "g": _plosive(0.4, 0.28, 1400, 4500, 300, 1900, 2400),
}


@dataclass(frozen=True)
class Speaker:
    """The part of a voice that feelings do not change."""

    f0: float  # Hz, of unmoved speech
    tract: float  # formants are the table's times this: about 1 for men, 1.17 for women
    formants: tuple[float, ...]  # own factor on each of F1–F8
    open_quotient: float  # share of a period in which the glottis is open
    noise: float  # dBFS, of the room in which this speaker was recorded


@dataclass(frozen=True)
class Manner:
    """How one utterance is spoken; all zero is unmoved speech. These are the cues that emotions act on."""

    pitch: float = 0.0  # semitones above the speaker's f0
    range: float = 0.0  # doublings of the f0 movements
    rate: float = 0.0  # doublings of the speaking rate
    level: float = 0.0  # dB
    brightness: float = 0.0  # octaves by which the source's low-pass rises
    breath: float = 0.0  # doublings of the breath noise
    tremor: float = 0.0  # semitones of wavering
    pause: float = 0.0  # added to the share of words that a pause follows
    articulation: float = 0.0  # doublings of the vowels' distance from the neutral vowel
    rise: float = 0.0  # semitones that the last syllable goes up (or, negative, down)


CUES = tuple(field.name for field in fields(Manner))


def speak(text, speaker, manner, rate, rng, silence=(0.1, 0.1)):
    """Say a line of phones.

    Args:
        text: phones of PHONES, words parted by spaces.
        speaker, manner: who speaks, and how.
        rate: Hz.
        rng: numpy Generator; the same state gives the same samples.
        silence: seconds of room noise before and after the speech.

    Returns:
        float64 [samples], |sample| ≤ 0.95. The voiced part has an RMS of -32 dBFS plus `manner.level`.

    Raises:
        ValueError: a symbol of the text is no phone.
    """
    unknown = sorted(set(text) - {*PHONES, " "})
    if unknown:
        raise ValueError(f"`text` must be made of the phones {''.join(PHONES)}. Received: {unknown}")
    hop = round(FRAME_SECONDS * rate)
    sounds, frames = _timing(text, manner, rng)
    first = np.cumsum(frames) - frames
    samples = int(frames.sum()) * hop

    def track(values, seconds):
        """One value per sound → one per frame, moving from sound to sound in about `seconds`."""
        steps = np.repeat(np.asarray(values, float), frames, axis=0)
        return gaussian_filter1d(steps, seconds / FRAME_SECONDS / 2, axis=0, mode="nearest")

    def per_sample(frame_track):
        return np.interp(np.arange(samples), (np.arange(len(frame_track)) + 0.5) * hop, frame_track)

    # Source: [samples]. The difference of the flow is the flow seen through the lips' radiation.
    stress = np.array([phone.is_vowel for phone in sounds]) * rng.uniform(0.6, 1.4, len(sounds))
    f0 = per_sample(_intonation(track(stress, 0.1), speaker, manner, rng))
    flow = _glottal_flow(f0 / rate, speaker.open_quotient, rng)
    voice = per_sample(track([phone.voice for phone in sounds], 0.02)) * per_sample(1 + 0.25 * track(stress, 0.06))
    breath = 0.03 * 2.0**manner.breath * voice * (0.3 + flow)
    breath += 0.12 * per_sample(track([phone.breath for phone in sounds], 0.02))
    source = voice * np.diff(flow, prepend=0.0) * rate / f0 / 8 + breath * rng.standard_normal(samples)

    # Filter: formants [frames, n], as many as the rate has room for.
    neutral = np.array([500.0, 1500.0, 2500.0])
    formants = neutral + (track([phone.formants for phone in sounds], 0.03) - neutral) * 2.0**manner.articulation
    formants = np.hstack([formants, np.broadcast_to(UPPER_FORMANTS, (len(formants), len(UPPER_FORMANTS)))])
    formants *= speaker.tract * np.array(speaker.formants)
    formants = formants[:, formants.max(axis=0) < 0.42 * rate]
    wave = _cascade(source, formants, 3500 * 2.0**manner.brightness, hop, rate)
    wave /= np.sqrt(np.mean(wave**2))

    for phone, start, count in zip(sounds, first * hop, frames * hop, strict=True):
        if phone.noise:
            friction = sosfilt(_friction_band(phone, speaker.tract, rate), rng.standard_normal(count))
            wave[start : start + count] += phone.noise * friction / friction.std() * np.hanning(count + 2)[1:-1] ** 0.5

    wave *= 10 ** ((manner.level - 32) / 20)
    wave = np.pad(wave, [round(seconds * rate) for seconds in silence])
    # A room's noise is duller than white: a one-pole low-pass brings that.
    room = sosfilt([[0.5, 0, 0, 1, -0.5, 0]], rng.standard_normal(len(wave)))
    wave += 10 ** (speaker.noise / 20) * room / room.std()
    return wave * min(1.0, 0.95 / np.abs(wave).max())


@cache
def _friction_band(phone, tract, rate):
    """A band-pass filter as second-order sections."""
    band = np.minimum(np.array(phone.band) * tract**0.5, 0.48 * rate)
    return butter(2, band, "bandpass", fs=rate, output="sos")


def _timing(text, manner, rng):
    """→ the sounds, pauses and closures among them, and how many frames each lasts: int [sounds]."""
    hush = Phone(0, (500.0, 1500.0, 2500.0), 0.0)
    sounds, seconds = [hush], [0.03]
    words = text.split()
    for number, word in enumerate(words, start=1):
        for place, symbol in enumerate(word):
            phone = PHONES[symbol]
            if phone.closure:
                sounds.append(Phone(0, phone.formants, 0.2 * bool(phone.voice)))
                seconds.append(phone.closure)
            drawl = 1.5 if number == len(words) and place >= len(word) - 2 and phone.is_vowel else 1.0
            sounds.append(phone)
            seconds.append(phone.seconds * drawl)
        if number < len(words) and rng.random() < 0.06 + manner.pause:
            sounds.append(hush)
            seconds.append(rng.uniform(0.06, 0.2))
    sounds.append(hush)
    seconds.append(0.06)
    seconds = np.array(seconds) * 2.0**-manner.rate * np.exp(rng.normal(0, 0.1, len(seconds)))
    return sounds, np.maximum(2, np.rint(seconds / FRAME_SECONDS)).astype(int)


def _intonation(stress, speaker, manner, rng):
    """Stress [frames] → f0 in Hz [frames]: declination, accents on some vowels, the ending, wavering."""
    count = len(stress)
    when = np.linspace(0, 1, count)
    seconds = np.arange(count) * FRAME_SECONDS
    movement = 1.5 - 3 * when + rng.normal(0, 0.3)
    for place in (np.arange(3) + rng.uniform(0.2, 0.8, 3)) / 3:
        movement += rng.uniform(1.5, 4) * np.exp(-(((when - place) / 0.07) ** 2))
    movement += 0.7 * (stress - stress.mean())
    ending = manner.rise * np.clip((when - 0.8) / 0.2, 0, 1)
    slow = gaussian_filter1d(rng.standard_normal(count), 0.02 / FRAME_SECONDS, mode="nearest")
    tremor = max(0.0, manner.tremor) * np.sin(2 * np.pi * (rng.uniform(5, 7) * seconds + rng.random()))
    jitter = (0.15 + 0.1 * max(0.0, manner.tremor)) * rng.standard_normal(count)
    semitones = manner.pitch + 2.0**manner.range * movement + ending + tremor + jitter + 0.5 * slow
    return np.clip(speaker.f0 * 2 ** (semitones / 12), 55, 700)


def _glottal_flow(cycles_per_sample, open_quotient, rng):
    """Cycles per sample [samples] → glottal flow [samples], about 0 to 1: Rosenberg's pulse C with shimmer."""
    phase = np.cumsum(cycles_per_sample)
    pulse, phase = np.floor(phase).astype(int), phase % 1
    height = 1 + 0.06 * rng.standard_normal(pulse[-1] + 1)
    opening, closing = 0.67 * open_quotient, 0.33 * open_quotient
    rising = 0.5 - 0.5 * np.cos(np.pi * phase / opening)
    falling = np.cos(0.5 * np.pi * np.minimum(1, (phase - opening) / closing))
    return height[pulse] * np.where(phase < opening, rising, falling)


def _cascade(source, formants, low_pass, hop, rate):
    """Source [samples] → [samples]: one real pole at `low_pass` Hz, resonators at formants [frames, n] Hz."""
    pole = np.exp(-2 * np.pi * low_pass / rate)
    wave = sosfilt([[1 - pole, 0, 0, 1, -pole, 0]], source)
    radius = np.exp(-np.pi * BANDWIDTHS[: formants.shape[1]] / rate)
    a1 = -2 * radius * np.cos(2 * np.pi * formants / rate)  # [frames, n]
    moving = np.ptp(a1, axis=0) > 0
    for place in np.flatnonzero(moving):
        wave = _resonator(wave, np.repeat(a1[:, place], hop), radius[place] ** 2)
    resting = [[1 + b + r**2, 0, 0, 1, b, r**2] for b, r in zip(a1[0, ~moving], radius[~moving], strict=True)]
    return sosfilt(resting, wave) if resting else wave


def _resonator(x, a1, a2):
    """y[t] = (1 + a1[t] + a2) x[t] - a1[t] y[t - 1] - a2 y[t - 2], of unit gain at 0 Hz. x, a1, y: [samples]

    As a triangular system with two diagonals below its own: all samples in one call while the formant moves.
    """
    bands = np.empty((3, len(x)))  # column t: what y[t] counts in the equations of t, t + 1, t + 2
    bands[0], bands[1, :-1], bands[2] = 1, a1[1:], a2
    return dtbsv(2, bands, (1 + a1 + a2) * x, lower=1, diag=1)
