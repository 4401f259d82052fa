"""Westmarsh, a council that does not exist: its systems, its people, and the truth about them.

``make_systems`` writes the files and databases that a council's systems would give (with the faults that real ones
have) and, apart from them, which record is whose. ``serve_planning`` runs the planning system's API on this machine.
Everybody and every address is invented: NHS numbers begin with 999, telephone numbers are Ofcom's drama numbers,
emails end in example.org, and the town lies in the North Sea.
"""

from vestry.demo.planning_api import Misbehaviour, serve_planning
from vestry.demo.westmarsh import Systems, make_systems

__all__ = ["Misbehaviour", "Systems", "make_systems", "serve_planning"]
