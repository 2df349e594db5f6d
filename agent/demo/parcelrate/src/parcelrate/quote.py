"""From a parcel and two countries to a price."""

from .parcel import ParcelError, billable_weight
from .tariff import TariffError
from .zones import needs_customs, zone_between


class Offer:
    """A price and how it came about; money is in cents."""

    def __init__(self, carrier, zone, billable, base, fuel, customs, insurance):
        self.carrier = carrier
        self.zone = zone
        self.billable = billable
        self.base = base
        self.fuel = fuel
        self.customs = customs
        self.insurance = insurance

    @property
    def total(self):
        return self.base + self.fuel + self.customs + self.insurance

    def __str__(self):
        euros, cents = divmod(self.total, 100)
        return "{}: {}.{:02} EUR for {} kg".format(self.carrier, euros, cents, self.billable)


def percent_of(amount, percent):
    """A share of an amount in whole cents, halves rounded up."""
    return (amount * percent + 50) // 100


def quote(tariff, parcel, origin, destination):
    """The offer of one carrier for one parcel."""
    parcel.check()
    zone = zone_between(origin, destination)
    billable = billable_weight(parcel)
    base = tariff.price(zone, billable)
    fuel = percent_of(base, tariff.fuel_percent)
    customs = tariff.customs_fee if needs_customs(origin, destination) else 0
    insurance = tariff.insurance(parcel.value)
    return Offer(tariff.name, zone, billable, base, fuel, customs, insurance)


def cheapest(tariffs, parcel, origin, destination):
    """The best offer of several carriers; the first of equals. None when nobody takes the parcel."""
    best = None
    for tariff in tariffs:
        try:
            offer = quote(tariff, parcel, origin, destination)
        except (ParcelError, TariffError):
            continue
        if best is None or offer.total < best.total:
            best = offer
    return best
