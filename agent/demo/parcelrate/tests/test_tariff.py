import json

import pytest

from parcelrate import Tariff, TariffError


@pytest.mark.parametrize("weight, price", [(0.5, 900), (2, 900), (2.5, 1300), (20, 3100), (31.5, 4200)])
def test_bands_include_their_limit(tariff, weight, price):
    assert tariff.price(1, weight) == price


def test_what_the_list_does_not_cover(tariff):
    with pytest.raises(TariffError, match="20.5 kg in zone 3"):
        tariff.price(3, 20.5)
    with pytest.raises(TariffError, match="zone 4"):
        tariff.price(4, 1)


@pytest.mark.parametrize("value, cost", [(0, 0), (100, 100), (20000, 100), (50000, 250)])
def test_insurance(tariff, value, cost):
    assert tariff.insurance(value) == cost


@pytest.mark.parametrize("steps", [[], [(2, 5), (1, 7)], [(2, 5), (2, 7)]])
def test_weights_must_rise(steps):
    with pytest.raises(TariffError):
        Tariff("x", {0: steps})


def test_loading(tmp_path):
    path = tmp_path / "tariff.json"
    path.write_text(json.dumps({"name": "x", "bands": {"0": [[1, 300]]}, "customs_fee": 5}))
    tariff = Tariff.load(str(path))
    assert (tariff.price(0, 1), tariff.customs_fee) == (300, 5)
