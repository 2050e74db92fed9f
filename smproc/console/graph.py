"""An execution as a drawing, or without Graphviz as the outline that terminals show."""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass, field

from markupsafe import Markup
from rich.console import Console

from smproc.graphs import ExecutionRun, GraphError, draw_svg, parse_definition, print_outline

_OUTLINE_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing of an execution.

    Attributes:
        svg: the drawing; empty if Graphviz is missing.
        outline: the states as text, if it is.
        problem: why there is neither; empty if there is one.
    """

    svg: Markup = field(default_factory=Markup)
    outline: str = ""
    problem: str = ""


def draw(definition: str, title: str, run: ExecutionRun) -> Drawing:
    """Draw an execution.

    Args:
        definition: the definition of its state machine.
        title: the heading of the drawing.
        run: its statuses and times.
    """
    try:
        machine = parse_definition(definition)
    except GraphError as error:
        return Drawing(problem=str(error))
    if importlib.util.find_spec("pygraphviz") is not None:
        # Every text in it was escaped by the XML writer; the rules are in a file, as the page's policy demands.
        return Drawing(svg=Markup(draw_svg(machine, title, run, style=False)))  # noqa: S704 - escaped, see above
    console = Console(file=io.StringIO(), width=_OUTLINE_WIDTH, color_system=None, emoji=False, highlight=False)
    with console.capture() as captured:
        print_outline(console, machine, title, run)
    return Drawing(outline=captured.get())
