import pytest

from parcelrate import Parcel, ParcelError, billable_weight, volumetric_weight
from parcelrate.parcel import round_up


@pytest.mark.parametrize("weight, rounded", [(0.1, 0.5), (0.5, 0.5), (0.51, 1.0), (19.2, 19.5), (2.0, 2.0)])
def test_weights_are_rounded_up_to_half_kilograms(weight, rounded):
    assert round_up(weight) == rounded


def test_volumetric_weight():
    assert volumetric_weight(Parcel(1, 60, 40, 40)) == pytest.approx(19.2)


@pytest.mark.parametrize(
    "parcel, weight",
    [
        (Parcel(1.2, 60, 40, 40), 19.5),
        (Parcel(12.3, 30, 20, 10), 12.5),
        (Parcel(2, 50, 20, 10), 2.0),
    ],
)
def test_the_greater_weight_is_billable(parcel, weight):
    assert billable_weight(parcel) == weight


def test_girth_does_not_depend_on_how_the_box_lies():
    assert Parcel(1, 10, 60, 20).girth == Parcel(1, 60, 20, 10).girth == 120


@pytest.mark.parametrize("numbers", [(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, -2, 1)])
def test_nonsense_is_refused(numbers):
    with pytest.raises(ParcelError):
        Parcel(*numbers)


def test_limits():
    Parcel(31.5, 100, 50, 50).check()
    with pytest.raises(ParcelError, match="heavier"):
        Parcel(31.6, 10, 10, 10).check()
    with pytest.raises(ParcelError, match="girth"):
        Parcel(1, 101, 50, 50).check()
