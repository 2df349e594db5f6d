"""Prices of parcels between European countries."""

from .parcel import Parcel, ParcelError, billable_weight, volumetric_weight
from .quote import Offer, cheapest, quote
from .tariff import Tariff, TariffError
from .zones import ZoneError, zone_between

__all__ = [
    "Offer",
    "Parcel",
    "ParcelError",
    "Tariff",
    "TariffError",
    "ZoneError",
    "billable_weight",
    "cheapest",
    "quote",
    "volumetric_weight",
    "zone_between",
]
