from __future__ import annotations

from pathlib import Path

import pytest

from council import Council
from governed import governed
from vestry.catalogue.live import Live
from vestry.governance.access.gate import Gate


@pytest.fixture
def residents(tmp_path: Path) -> Council:
    return governed(tmp_path)


@pytest.fixture
def gate(residents: Council) -> Gate:
    return Gate(Live(residents.root))
