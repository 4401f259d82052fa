"""Westmarsh, a council that does not exist: its systems, its people, the truth about them, and its council project.

``make_systems`` writes the files and databases that a council's systems would give (with the faults that real ones
have) and, apart from them, which record is whose. ``serve_planning`` runs the planning system's API on this machine.
``command`` is ``vestry demo``: it puts the council's folder (``project/``) beside the systems and runs it.
Everybody and every address is invented: NHS numbers begin with 999, telephone numbers are Ofcom's drama numbers,
emails end in example.org, and the town lies in the North Sea.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vestry.demo.planning_api import Misbehaviour, serve_planning
    from vestry.demo.westmarsh import Systems, make_systems

__all__ = ["Misbehaviour", "Systems", "make_systems", "serve_planning"]

_HOME = {
    "Misbehaviour": "planning_api",
    "Systems": "westmarsh",
    "make_systems": "westmarsh",
    "serve_planning": "planning_api",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: a demo that has nothing to do needs no engine."""
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
