"""British National Grid to WGS 84, good to a few metres: enough for an invented town.

Ordnance Survey, *A guide to coordinate systems in Great Britain*, annexes B and C: the inverse Transverse Mercator
projection on the Airy 1830 ellipsoid, then a seven-parameter Helmert transformation.
"""

from __future__ import annotations

from math import asin, atan2, cos, degrees, radians, sin, sqrt, tan

_A, _B = 6_377_563.396, 6_356_256.909  # Airy 1830, metres
_A84, _B84 = 6_378_137.0, 6_356_752.314_245  # WGS 84, metres
_F0, _E0, _N0 = 0.9996012717, 400_000.0, -100_000.0
_LAT0, _LON0 = radians(49.0), radians(-2.0)


def to_wgs84(easting: float, northing: float) -> tuple[float, float]:
    """Latitude and longitude in degrees of a point given in metres (EPSG:27700 to EPSG:4326)."""
    lat, lon = _to_airy(easting, northing)
    return _shift(lat, lon)


def _to_airy(easting: float, northing: float) -> tuple[float, float]:
    n = (_A - _B) / (_A + _B)
    e2 = 1 - (_B / _A) ** 2
    lat, meridian = _LAT0, 0.0
    while abs(northing - _N0 - meridian) >= 0.00001:
        lat += (northing - _N0 - meridian) / (_A * _F0)
        d, s = lat - _LAT0, lat + _LAT0
        meridian = (
            _B
            * _F0
            * (
                (1 + n + 1.25 * n**2 + 1.25 * n**3) * d
                - (3 * n + 3 * n**2 + 2.625 * n**3) * sin(d) * cos(s)
                + (1.875 * n**2 + 1.875 * n**3) * sin(2 * d) * cos(2 * s)
                - 35 / 24 * n**3 * sin(3 * d) * cos(3 * s)
            )
        )
    nu = _A * _F0 / sqrt(1 - e2 * sin(lat) ** 2)
    rho = _A * _F0 * (1 - e2) / (1 - e2 * sin(lat) ** 2) ** 1.5
    eta2 = nu / rho - 1
    t, sec, de = tan(lat), 1 / cos(lat), easting - _E0
    lat_out = (
        lat
        - t / (2 * rho * nu) * de**2
        + t / (24 * rho * nu**3) * (5 + 3 * t**2 + eta2 - 9 * t**2 * eta2) * de**4
        - t / (720 * rho * nu**5) * (61 + 90 * t**2 + 45 * t**4) * de**6
    )
    lon_out = (
        _LON0
        + sec / nu * de
        - sec / (6 * nu**3) * (nu / rho + 2 * t**2) * de**3
        + sec / (120 * nu**5) * (5 + 28 * t**2 + 24 * t**4) * de**5
    )
    return lat_out, lon_out


def _shift(lat: float, lon: float) -> tuple[float, float]:
    e2 = 1 - (_B / _A) ** 2
    nu = _A / sqrt(1 - e2 * sin(lat) ** 2)
    x, y, z = nu * cos(lat) * cos(lon), nu * cos(lat) * sin(lon), (1 - e2) * nu * sin(lat)
    tx, ty, tz, scale = 446.448, -125.157, 542.060, -20.4894e-6
    rx, ry, rz = (radians(s / 3600) for s in (0.1502, 0.2470, 0.8421))
    x2 = tx + (1 + scale) * x - rz * y + ry * z
    y2 = ty + rz * x + (1 + scale) * y - rx * z
    z2 = tz - ry * x + rx * y + (1 + scale) * z
    e2 = 1 - (_B84 / _A84) ** 2
    p = sqrt(x2**2 + y2**2)
    phi = atan2(z2, p * (1 - e2))
    for _ in range(8):
        phi = atan2(z2 + e2 * _A84 / sqrt(1 - e2 * sin(phi) ** 2) * sin(phi), p)
    return degrees(phi), degrees(asin(y2 / p) if x2 > 0 else atan2(y2, x2))
