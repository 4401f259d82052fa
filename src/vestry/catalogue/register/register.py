"""The register as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from vestry.catalogue.model import Catalogue
from vestry.catalogue.register.assets import Asset, Controller, assets_of
from vestry.catalogue.register.gaps import Gap, council_gaps, product_gaps, source_gaps


@dataclass(frozen=True)
class Register:
    """Every asset by its name, products first, and all that is lacking, on one day."""

    controller: Controller
    assets: tuple[Asset, ...]
    gaps: tuple[Gap, ...]
    day: date

    @cached_property
    def activities(self) -> tuple[Asset, ...]:
        """The products that process personal data: the entries of the record of Article 30."""
        return tuple(asset for asset in self.assets if asset.kind == "product" and asset.is_personal)

    def asset(self, name: str) -> Asset | None:
        """A product (`housing.repairs`) or a source (`repairs`)."""
        return next((asset for asset in self.assets if asset.name == name), None)

    def gaps_of(self, asset: str) -> tuple[Gap, ...]:
        return tuple(gap for gap in self.gaps if gap.asset == asset)


def register_of(catalogue: Catalogue) -> Register:
    """The register of a catalogue, on the day of the project's clock."""
    council = catalogue.project.settings.council
    controller = Controller(council.name, council.contact, council.dpo)
    day = datetime.fromtimestamp(catalogue.project.clock(), UTC).date()
    assets = tuple(assets_of(catalogue))
    return Register(controller, assets, tuple(_gaps(catalogue, controller, assets, day)), day)


def _gaps(catalogue: Catalogue, controller: Controller, assets: tuple[Asset, ...], day: date) -> Iterator[Gap]:
    yield from council_gaps(catalogue, controller)
    for asset in assets:
        if asset.kind == "product":
            yield from product_gaps(catalogue.project.products[asset.name], asset, controller, day)
        else:
            yield from source_gaps(catalogue, asset)
