"""Packages of a service import only what is below them, and the rules find what breaks that."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.architecture.layers import (
    LAYERS,
    modules_have_no_cycle,
    packages_keep_their_order,
)

ROOT = Path(__file__).parents[2]
RULES = (packages_keep_their_order, modules_have_no_cycle)
TABLES = {"shop": (("main",), ("orders", "stock"), ("prices",))}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("service", LAYERS)
def test_every_service_keeps_the_order_of_its_packages(
    rule: Callable[..., list[str]], service: str
) -> None:
    assert rule(ROOT, {service: LAYERS[service]}) == []


def tree(root: Path, changes: Mapping[str, str]) -> Path:
    """A small service in order, with some of its files changed."""
    files = {
        "main.py": "from services.shop.orders import cart\n",
        "orders/__init__.py": "",
        "orders/cart.py": "from services.shop.orders.line import Line\n",
        "orders/line.py": "from services.shop.prices import vat\n",
        "stock/__init__.py": "",
        "prices/__init__.py": "",
        "prices/vat.py": "import json\nfrom services.kernel import log\n",
    }
    for name, text in {**files, **changes}.items():
        path = root / "services" / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_imports_of_lower_layers_and_of_the_own_package_are_allowed(
    tmp_path: Path, rule: Callable[..., list[str]]
) -> None:
    assert rule(tree(tmp_path, {}), TABLES) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("prices/vat.py", "from services.shop.orders import cart\n", "vat.py:1: prices imports"),
        ("prices/vat.py", "import services.shop.main\n", "imports services.shop.main"),
        ("orders/line.py", "from services.shop.stock import x\n", "orders imports services.shop"),
        ("stock/shelf.py", "from ..orders.cart import Cart\n", "imports services.shop.orders.cart"),
        ("prices/vat.py", "def f():\n    from services.shop import main\n", "vat.py:2: prices"),
        ("gifts/box.py", "", "services/shop/gifts: has no layer"),
    ],
)
def test_an_import_that_does_not_lead_down_is_found(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    found = packages_keep_their_order(tree(tmp_path, {name: text}), TABLES)
    assert len(found) == 1
    assert said in found[0]


def test_a_layer_without_a_package_is_found(tmp_path: Path) -> None:
    table = {"shop": (*TABLES["shop"], ("taxes",))}
    assert packages_keep_their_order(tree(tmp_path, {}), table) == ["services/shop/taxes: is gone"]


def test_a_cycle_of_modules_within_one_package_is_found(tmp_path: Path) -> None:
    root = tree(tmp_path, {"orders/line.py": "from services.shop.orders.cart import Cart\n"})
    found = modules_have_no_cycle(root, TABLES)
    assert sorted(found) == [
        "services/shop/main.py: is on a cycle by way of services.shop.orders.cart",
        "services/shop/orders/cart.py: is on a cycle by way of services.shop.orders.line",
        "services/shop/orders/line.py: is on a cycle by way of services.shop.orders.cart",
    ]
