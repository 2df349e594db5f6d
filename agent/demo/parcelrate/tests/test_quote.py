import pytest

from parcelrate import Parcel, TariffError, cheapest, quote
from parcelrate.quote import percent_of


def books(weight=9.8, value=0):
    return Parcel(weight, 30, 20, 20, value)


def lampshades():
    return Parcel(1.2, 60, 40, 40)


def test_a_heavy_parcel(tariff):
    offer = quote(tariff, books(), "DE", "FR")
    assert (offer.zone, offer.billable, offer.base, offer.fuel, offer.customs, offer.insurance) == (1, 10, 1900, 228, 0, 0)
    assert offer.total == 2128


def test_a_bulky_parcel(tariff):
    offer = quote(tariff, lampshades(), "DE", "FR")
    assert offer.billable == 19.5
    assert offer.base == 3100
    assert offer.total == 3472


@pytest.mark.parametrize(
    "parcel, base",
    [
        (Parcel(4.9, 30, 20, 20), 1300),
        (Parcel(5.1, 30, 20, 20), 1900),
        (Parcel(1.0, 50, 51, 10), 1900),
        (Parcel(1.0, 50, 50, 10), 1300),
        (Parcel(0.2, 20, 10, 5), 900),
    ],
)
def test_the_band_follows_the_billable_weight(tariff, parcel, base):
    assert quote(tariff, parcel, "NO", "SE").base == base


def test_customs_and_insurance_come_on_top(tariff):
    offer = quote(tariff, books(value=60000), "DE", "CH")
    assert (offer.base, offer.fuel, offer.customs, offer.insurance) == (1900, 228, 800, 300)
    assert offer.total == 3228


def test_what_is_too_bulky_for_a_zone(tariff):
    with pytest.raises(TariffError, match="21.0 kg in zone 3"):
        quote(tariff, Parcel(3, 70, 50, 30), "NO", "PT")


def test_an_offer_for_people(tariff):
    assert str(quote(tariff, books(1.5), "DE", "DE")) == "Postbote: 7.84 EUR for 2.5 kg"


@pytest.mark.parametrize("amount, percent, share", [(100, 12, 12), (104, 12, 12), (105, 10, 11), (0, 12, 0)])
def test_shares_are_rounded(amount, percent, share):
    assert percent_of(amount, percent) == share


def test_the_cheapest_offer_wins(tariff, dear):
    assert cheapest([dear, tariff], books(), "DE", "FR").carrier == "Postbote"
    assert cheapest([dear], books(), "DE", "FR").carrier == "Kurier"


def test_nobody_takes_it(tariff, dear):
    assert cheapest([tariff, dear], books(40), "DE", "FR") is None
    assert cheapest([], books(), "DE", "FR") is None
