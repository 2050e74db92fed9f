"""The context object of a state.

AWS: ``$$.State`` has a RetryCount in states that can be retried alone, and times are in milliseconds of UTC.
See: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html

moto: EnteredTime has microseconds and an offset.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.eval.states import StateData

from smproc.local.server.step_functions import moto_package


def apply() -> None:
    """Give a state's data the time in AWS's format."""
    moto_package.replace(state, "StateData", _state_data)


def _state_data(**members: Any) -> object:
    moment = members["EnteredTime"].partition("+")[0]
    whole, _, fraction = moment.partition(".")
    return StateData(**{**members, "EnteredTime": f"{whole}.{fraction[:3].ljust(3, '0')}Z"})
