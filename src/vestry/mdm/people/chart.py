"""The match-weight chart: how many bits each likeness and unlikeness gives, as a Vega-Lite picture."""

from __future__ import annotations

import json
import math
from typing import Any

from vestry.mdm.people.linker import Model


def weights(model: Model) -> list[dict[str, Any]]:
    """A row for each level of each comparison: comparison, level, m, u, bits."""
    rows = []
    for comparison in model.settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            m, u = level.get("m_probability"), level.get("u_probability")
            if level.get("is_null_level") or not m or not u:
                continue
            rows.append(
                {
                    "comparison": comparison["output_column_name"],
                    "level": _words(level, comparison["output_column_name"]),
                    "m": m,
                    "u": u,
                    "bits": round(math.log2(m / u), 2),
                }
            )
    return rows


def _words(level: dict[str, Any], comparison: str) -> str:
    said = str(level["label_for_charts"])
    return f"different ({comparison})" if said == "All other comparisons" else said


def weights_chart(model: Model) -> str:
    """The chart as a Vega-Lite specification (JSON)."""
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": "What each likeness says (bits; to the right for one person, to the left for two)",
        "data": {"values": weights(model)},
        "mark": "bar",
        "encoding": {
            "row": {
                "field": "comparison",
                "sort": None,
                "title": None,
                "header": {"labelAngle": 0, "labelAlign": "left"},
            },
            "y": {"field": "level", "sort": None, "title": None, "axis": {"labelLimit": 420}},
            "x": {"field": "bits", "type": "quantitative", "title": "bits"},
            "color": {
                "condition": {"test": "datum.bits > 0", "value": "#00703c"},
                "value": "#d4351c",
            },
            "tooltip": [{"field": f} for f in ("level", "bits", "m", "u")],
        },
        "resolve": {"scale": {"y": "independent"}},
        "spacing": 4,
    }
    return json.dumps(spec, ensure_ascii=False)
