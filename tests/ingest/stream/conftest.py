"""Servers of the tests of streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.mosquitto import Broker, prepared


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = prepared(tmp_path / "mosquitto")
    broker.start()
    yield broker
    broker.stop()
