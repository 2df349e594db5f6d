import pytest

from parcelrate import Tariff

BANDS = {
    0: [(2, 500), (5, 700), (10, 900), (20, 1400), (31.5, 1900)],
    1: [(2, 900), (5, 1300), (10, 1900), (20, 3100), (31.5, 4200)],
    2: [(2, 1200), (5, 1700), (10, 2600), (20, 4100), (31.5, 5600)],
    3: [(2, 1500), (5, 2200), (10, 3400), (20, 5400)],
}


@pytest.fixture
def tariff():
    return Tariff("Postbote", BANDS, fuel_percent=12, customs_fee=800, insurance_permille=5, minimum_insurance=100)


@pytest.fixture
def dear():
    doubled = {zone: [(limit, 2 * price) for limit, price in steps] for zone, steps in BANDS.items()}
    return Tariff("Kurier", doubled)
