"""Frames that have ended: what a timed-out task or a sibling of a failed branch does later is no history.

AWS: a task that timed out, and the branches and iterations that stop because a sibling failed, write no further events.

moto: their threads go on until they notice, and write their events behind those of the state that has ended, even
behind ExecutionFailed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.step_functions import moto_package

_close_frame = Environment.close_frame
_delete_frame = Environment.delete_frame


def apply() -> None:
    """Close the history of a frame whose owner has gone on, and of the frames in it."""
    for name in ("set_timed_out", "set_stop"):
        moto_package.replace(Environment, name, _closing(getattr(Environment, name)))
    moto_package.replace(Environment, "close_frame", _closing_frame(_close_frame))
    moto_package.replace(Environment, "delete_frame", _closing_frame(_delete_frame))


def _closing(original: Callable[..., None]) -> Callable[..., None]:
    def wrapped(self: Environment, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if self.is_frame():
            self.event_history_context.closed = True

    return wrapped


def _closing_frame(original: Callable[..., None]) -> Callable[..., None]:
    def wrapped(self: Environment, frame: Environment) -> None:
        # A worker of a Distributed Map hands its environment itself.
        is_inner = frame in self._frames
        original(self, frame)
        if is_inner:
            _close_history(frame)

    return wrapped


def _close_history(frame: Environment) -> None:
    frame.event_history_context.closed = True
    for inner in list(frame._frames):
        _close_history(inner)
