"""The boxes, frames and lines of a picture: a state machine as a graph whose parts have texts and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len, chop_cells, set_cell_size

from smproc.graphs.definition import Machine, State, Transition
from smproc.graphs.layout import Box, Line
from smproc.graphs.runs import STATUS_WORDS, ExecutionRun, StateRun, notes
from smproc.terminal_text import printable

# In points; the widths are those of wide sans-serif letters, so that no text leaves its box whichever font there is.
NAME_SIZE, SMALL_SIZE = 13.0, 11.0
NAME_HEIGHT, SMALL_HEIGHT = 17.0, 15.0
_NAME_CELL, _SMALL_CELL = 8.3, 6.3
_NAME_CELLS, _SMALL_CELLS, _LABEL_CELLS = 30, 50, 36
_MAX_LINES = 4
PADDING = 14.0
_MIN_WIDTH = 120.0
_TERMINAL_SIZE, _JOIN_SIZE = 16.0, 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node: a state, the start, the end, or the point at which the branches of a state meet.

    Attributes:
        kind: which of them it is.
        box: its size and its frame.
        state: the state.
        run: what the execution has done in it; None without an execution, or if it has not entered the state.
        name: the lines of the state's name.
        summary: the lines of its summary.
        status: the lines that say what the execution has done.
    """

    kind: Literal["start", "end", "state", "join"]
    box: Box
    state: State | None = None
    run: StateRun | None = None
    name: Sequence[str] = ()
    summary: Sequence[str] = ()
    status: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A line: a transition, or a line to the branches of a state and from them.

    Attributes:
        line: its ends and the size of its label.
        transition: the transition; None for lines to and from branches, and from the start.
        label: the lines of its label.
        arrow: whether it ends with an arrow.
        used: whether the execution may have taken it: False if it has not entered one of the states at its ends.
    """

    line: Line
    transition: Transition | None = None
    label: Sequence[str] = ()
    arrow: bool = True
    used: bool = True


@dataclass(slots=True)
class Diagram:
    """The parts of a picture.

    Attributes:
        execution: the execution whose statuses the picture shows; None for the definition alone.
        nodes: the nodes.
        frames: the frames, each with the number of the frame around it.
        owners: the state of each frame.
        edges: the lines.
    """

    execution: ExecutionRun | None = None
    nodes: list[Node] = field(default_factory=list)
    frames: list[int | None] = field(default_factory=list)
    owners: list[State] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    @classmethod
    def of(cls, machine: Machine, execution: ExecutionRun | None = None) -> Diagram:
        """Return the parts of the picture of a state machine, or of an execution of it."""
        diagram = cls(execution=execution)
        start = diagram._add(Node(kind="start", box=Box(width=_TERMINAL_SIZE, height=_TERMINAL_SIZE)))
        entry, ends = diagram._machine(machine, None)
        diagram._connect(start, entry, weight=3)
        if ends:
            end = diagram._add(Node(kind="end", box=Box(width=_TERMINAL_SIZE, height=_TERMINAL_SIZE)))
            for source, transition in ends:
                diagram._connect(source, end, transition)
        return diagram

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _machine(self, machine: Machine, frame: int | None) -> tuple[int, list[tuple[int, Transition]]]:
        """Add the states of a machine; return the node of the first one, and the ways to the end."""
        exits: dict[str, int] = {}
        entries: dict[str, int] = {}
        for state in machine.states:
            entries[state.name], exits[state.name] = self._state(state, frame)
        ends = []
        for state in machine.states:
            for transition in state.transitions:
                if transition.target is None:
                    ends.append((exits[state.name], transition))
                else:
                    self._connect(exits[state.name], entries[transition.target], transition)
        return entries[machine.start_at], ends

    def _state(self, state: State, frame: int | None) -> tuple[int, int]:
        """Add a state; return the nodes at which lines to it end and lines from it start."""
        if not state.machines:
            node = self._add(self._state_node(state, frame))
            return node, node
        self.frames.append(frame)
        self.owners.append(state)
        inner_frame = len(self.frames) - 1
        header = self._add(self._state_node(state, inner_frame))
        join = self._add(
            Node(kind="join", state=state, box=Box(width=_JOIN_SIZE, height=_JOIN_SIZE, frame=inner_frame))
        )
        met = False
        for machine in state.machines:
            entry, ends = self._machine(machine, inner_frame)
            self._connect(header, entry, weight=2)
            for source, _ in ends:
                self._connect(source, join, arrow=False, weight=2)
                met = True
        if not met:
            self._connect(header, join, arrow=False)
        return header, join

    def _state_node(self, state: State, frame: int | None) -> Node:
        run = self.execution.states.get(state.name) if self.execution else None
        name, summary = wrap(state.name, _NAME_CELLS), wrap(state.summary, _SMALL_CELLS)
        status: list[str] = []
        if run is not None:
            status = wrap(" · ".join([STATUS_WORDS[run.status], *notes(run)]), _SMALL_CELLS)
            status += wrap(run.error, _SMALL_CELLS) if run.error else []
        cells = max(map(cell_len, name)) * _NAME_CELL, max(map(cell_len, [*summary, *status])) * _SMALL_CELL
        return Node(
            kind="state",
            state=state,
            run=run,
            name=name,
            summary=summary,
            status=status,
            box=Box(
                width=max(*cells, _MIN_WIDTH) + 2 * PADDING,
                height=len(name) * NAME_HEIGHT + len([*summary, *status]) * SMALL_HEIGHT + 16,
                frame=frame,
            ),
        )

    def _connect(
        self, source: int, target: int, transition: Transition | None = None, *, arrow: bool = True, weight: int = 1
    ) -> None:
        label = wrap(transition.label, _LABEL_CELLS, 3) if transition is not None and transition.label else []
        size = (max(map(cell_len, label)) * _SMALL_CELL + 12, len(label) * SMALL_HEIGHT + 4) if label else None
        if transition is not None and transition.kind == "next":
            weight = 3
        self.edges.append(
            Edge(
                line=Line(source=source, target=target, label=size, weight=weight),
                transition=transition,
                label=label,
                arrow=arrow,
                used=self._used(source) and self._used(target),
            )
        )

    def _used(self, number: int) -> bool:
        node = self.nodes[number]
        if self.execution is None or node.kind == "start":
            return True
        if node.kind == "end":
            return self.execution.status == "SUCCEEDED"
        run = self.execution.states.get(node.state.name) if node.state else None
        return run is not None and (node.kind == "state" or run.status in ("SUCCEEDED", "CAUGHT"))


def wrap(text: str, cells: int, most: int = _MAX_LINES) -> list[str]:
    """Break a text into lines, between words where there are some; what does not fit ends with an ellipsis."""
    lines = [""]
    for word in printable(text, keep="").split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(joined) <= cells:
            lines[-1] = joined
        elif cell_len(word) <= cells:
            lines.append(word)
        else:
            lines[-1:] = chop_cells(joined, cells)
    lines = [line for line in lines if line] or [" "]
    if len(lines) > most:
        last = lines[most - 1]
        lines[most - 1 :] = [set_cell_size(last, min(cell_len(last), cells - 1)).rstrip() + "…"]
    return lines
