"""The price list of a carrier."""

import json


class TariffError(ValueError):
    """A price list with a mistake, or a weight that it does not cover."""


class Tariff:
    """Prices in cents by zone and upper weight, and what comes on top."""

    def __init__(self, name, bands, fuel_percent=0, customs_fee=0, insurance_permille=0, minimum_insurance=0):
        self.name = name
        self.bands = {}
        for zone, steps in bands.items():
            self.bands[int(zone)] = self._checked(zone, steps)
        self.fuel_percent = fuel_percent
        self.customs_fee = customs_fee
        self.insurance_permille = insurance_permille
        self.minimum_insurance = minimum_insurance

    @staticmethod
    def _checked(zone, steps):
        weights = [limit for limit, _ in steps]
        if not weights or weights != sorted(set(weights)):
            raise TariffError("zone {}: weights must rise".format(zone))
        return [(limit, price) for limit, price in steps]

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls(**json.load(file))

    def price(self, zone, weight):
        """The price of the first band that holds a weight."""
        if zone not in self.bands:
            raise TariffError("{} does not serve zone {}".format(self.name, zone))
        for limit, price in self.bands[zone]:
            if weight <= limit:
                return price
        raise TariffError("{} takes no {} kg in zone {}".format(self.name, weight, zone))

    def insurance(self, value):
        """What it costs to insure a value; nothing when there is none."""
        if value == 0:
            return 0
        return max(value * self.insurance_permille // 1000, self.minimum_insurance)
