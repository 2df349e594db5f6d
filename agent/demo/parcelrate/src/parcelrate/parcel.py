"""Parcels and what they weigh for the carrier."""

import math

VOLUME_DIVISOR = 5000
STEP = 0.5
MAX_WEIGHT = 31.5
MAX_GIRTH = 300


class ParcelError(ValueError):
    """A parcel that no carrier takes."""


class Parcel:
    """A box with a weight in kilograms and edges in centimetres."""

    def __init__(self, weight, length, width, height, value=0):
        if min(weight, length, width, height) <= 0:
            raise ParcelError("weight and edges must be positive")
        self.weight = weight
        self.length = length
        self.width = width
        self.height = height
        self.value = value

    @property
    def edges(self):
        """The edges, the longest first."""
        return sorted((self.length, self.width, self.height), reverse=True)

    @property
    def girth(self):
        """The longest edge plus the way round the box across it."""
        longest, middle, shortest = self.edges
        return longest + 2 * (middle + shortest)

    def check(self):
        """Refuses what is too heavy or too large."""
        if self.weight > MAX_WEIGHT:
            raise ParcelError("heavier than {} kg".format(MAX_WEIGHT))
        if self.girth > MAX_GIRTH:
            raise ParcelError("girth over {} cm".format(MAX_GIRTH))


def volumetric_weight(parcel):
    """What the carrier says a box of this size weighs at least."""
    return parcel.length * parcel.width * parcel.height / VOLUME_DIVISOR


def round_up(weight, step=STEP):
    """The next whole step at or above a weight."""
    return math.ceil(round(weight / step, 6)) * step


def billable_weight(parcel):
    """The weight that is charged."""
    return round_up(max(parcel.weight, volumetric_weight(parcel)))
