import pytest

from parcelrate import ZoneError, zone_between
from parcelrate.zones import needs_customs


@pytest.mark.parametrize(
    "origin, destination, zone",
    [("DE", "DE", 0), ("DE", "FR", 1), ("NO", "SE", 1), ("DE", "NO", 2), ("PT", "AT", 2), ("NO", "PT", 3), ("GB", "IT", 3)],
)
def test_zones_are_the_same_both_ways(origin, destination, zone):
    assert zone_between(origin, destination) == zone
    assert zone_between(destination, origin) == zone


def test_countries_that_are_not_served():
    with pytest.raises(ZoneError, match="US"):
        zone_between("US", "DE")
    with pytest.raises(ZoneError, match="US"):
        zone_between("US", "US")


@pytest.mark.parametrize(
    "origin, destination, customs",
    [("DE", "FR", False), ("DE", "CH", True), ("NO", "DE", True), ("CH", "GB", True), ("NO", "NO", False)],
)
def test_customs(origin, destination, customs):
    assert needs_customs(origin, destination) is customs
