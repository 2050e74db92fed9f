"""Programs that several executions share, and the interpreter's own log.

moto parses a definition for each execution; here they share one program (`definitions`), and with it its components.
What a component keeps during an execution is in the execution's environment, under a key that `EvalComponent.heap_key`
makes when it is first needed: not safely, where two executions need it at the same time.

Each failure of a component is written to the log of the server as an error with the whole program, although it is no
failure of the server, and the history has it.
"""

from __future__ import annotations

import logging

from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent

from smproc.local.server.step_functions import moto_package


def apply() -> None:
    """Give a component a key that never changes, and log no failures."""
    EvalComponent.heap_key = property(lambda self: str(id(self)))
    for name in ("_log_failure_event_exception", "_log_exception"):
        moto_package.replace(EvalComponent, name, lambda _self, *_args, **_kwargs: None)
    logging.getLogger("moto").setLevel(logging.CRITICAL)
