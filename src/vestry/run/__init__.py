"""The graph of loads and builds: plan, execution, events.

`plan` says what would run and why; `execute` does it, independent steps side by side.
"""

from vestry.run.execute import Outcome, execute
from vestry.run.graph import Graph, Step, graph_of
from vestry.run.plan import Decision, plan

__all__ = ["Decision", "Graph", "Outcome", "Step", "execute", "graph_of", "plan"]
