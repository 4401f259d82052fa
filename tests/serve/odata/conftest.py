from __future__ import annotations

import pytest

from doors import open_doors


@pytest.fixture(scope="package")
def doors(tmp_path_factory):
    with open_doors(tmp_path_factory.mktemp("odata") / "testham") as opened:
        yield opened
