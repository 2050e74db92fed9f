"""Pictures of state machines and their executions: definitions in, SVG or a drawing for the terminal out.

Nothing here calls AWS; `smproc.operations` reads definitions and histories there.
"""

from smproc.graphs.definition import Machine, State, Transition, parse_definition
from smproc.graphs.errors import DefinitionError, GraphError, NoGraphvizError
from smproc.graphs.outline import print_outline
from smproc.graphs.runs import ExecutionRun, StateRun
from smproc.graphs.svg import STYLE, draw_svg
from smproc.graphs.templates import SynthesizedStateMachine, synthesized_state_machines

__all__ = [
    "STYLE",
    "DefinitionError",
    "ExecutionRun",
    "GraphError",
    "Machine",
    "NoGraphvizError",
    "State",
    "StateRun",
    "SynthesizedStateMachine",
    "Transition",
    "draw_svg",
    "parse_definition",
    "print_outline",
    "synthesized_state_machines",
]
