"""How far apart countries are, as the price list sees it."""

REGIONS = {
    "central": ("AT", "BE", "CH", "CZ", "DE", "FR", "LU", "NL", "PL"),
    "north": ("DK", "FI", "IS", "NO", "SE"),
    "south": ("ES", "GR", "IT", "MT", "PT"),
    "isles": ("GB", "IE"),
}
OUTSIDE_CUSTOMS_UNION = frozenset(("CH", "GB", "IS", "NO"))

DOMESTIC = 0
NEAR = 1
MIDDLE = 2
FAR = 3


class ZoneError(LookupError):
    """A country that is not served."""


def region_of(country):
    for region, countries in REGIONS.items():
        if country in countries:
            return region
    raise ZoneError("not served: {}".format(country))


def zone_between(origin, destination):
    """The zone of a way between two countries, the same in both directions."""
    here, there = region_of(origin), region_of(destination)
    if origin == destination:
        return DOMESTIC
    if here == there:
        return NEAR
    if "central" in (here, there):
        return MIDDLE
    return FAR


def needs_customs(origin, destination):
    """Whether a parcel crosses the border of the customs union."""
    if origin == destination:
        return False
    return origin in OUTSIDE_CUSTOMS_UNION and destination in OUTSIDE_CUSTOMS_UNION
