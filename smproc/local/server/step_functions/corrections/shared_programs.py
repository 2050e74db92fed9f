"""Programs that several executions share.

moto parses a definition for each execution; here they share one program (`definitions`), and with it its components.
What a component keeps during an execution is in the execution's environment, under a key that `EvalComponent.heap_key`
makes when it is first needed: not safely, where two executions need it at the same time.
"""

from __future__ import annotations

from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent


def apply() -> None:
    """Give a component a key that never changes."""
    EvalComponent.heap_key = property(lambda self: str(id(self)))
