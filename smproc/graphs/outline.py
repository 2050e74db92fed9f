"""A state machine, or an execution of it, as a drawing of a terminal: a tree of states with their transitions."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from smproc.graphs.definition import Machine, State, Transition
from smproc.graphs.runs import STATUS_WORDS, ExecutionRun, Status, duration, notes
from smproc.terminal_text import printable

_SYMBOLS: dict[Status | None, tuple[str, str]] = {
    "SUCCEEDED": ("✓", "green"),
    "RUNNING": ("▶", "blue"),
    "CAUGHT": ("!", "yellow"),
    "FAILED": ("✗", "red"),
    "TIMED_OUT": ("✗", "red"),
    "ABORTED": ("■", "yellow"),
    None: ("·", "dim"),
}


def print_outline(console: Console, machine: Machine, title: str, execution: ExecutionRun | None = None) -> None:
    """Print the states from the first to the last, those of branches and iterations below their state.

    Args:
        console: the terminal, or the file.
        machine: the state machine.
        title: the name above the drawing.
        execution: the execution. Default: the state machine alone.
    """
    tree = Tree(_title(title, execution), guide_style="dim")
    _add_states(tree, machine, execution)
    console.print(tree)


def _title(title: str, execution: ExecutionRun | None) -> Text:
    text = Text(printable(title, keep=""), style="bold")
    if execution is not None:
        ended_well, running = execution.status == "SUCCEEDED", execution.status in ("RUNNING", "PENDING_REDRIVE")
        style = "green" if ended_well else "blue" if running else "red"
        text.append(f"  {execution.status}", style=style)
        text.append(f"  {duration(execution.seconds)}", style="not bold")
        if execution.redrives:
            times = "once" if execution.redrives == 1 else f"{execution.redrives} times"
            text.append(f"  redriven {times}", style="not bold")
    return text


def _add_states(tree: Tree, machine: Machine, execution: ExecutionRun | None) -> None:
    states = list(_in_order(machine))
    for position, state in enumerate(states):
        following = states[position + 1].name if position + 1 < len(states) else None
        branch = tree.add(_state(state, following, execution))
        for transition in state.transitions:
            if transition.kind != "next":
                branch.add(_transition(transition))
        for number, inner in enumerate(state.machines, 1):
            several = len(state.machines) > 1
            words = f"branch {number}" if several or state.type == "Parallel" else "each item"
            _add_states(branch.add(Text(words, style="dim")), inner, execution)


def _in_order(machine: Machine) -> Iterator[State]:
    """Yield the states in the order in which an execution reaches them, each once, the next one first."""
    by_name = {state.name: state for state in machine.states}
    seen: set[str] = set()
    pending = [*reversed(by_name), machine.start_at]
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        state = by_name[name]
        yield state
        ways = [way for way in state.transitions if way.target is not None and way.kind != "catch"]
        pending += [way.target for way in reversed(ways) if way.target is not None]


def _state(state: State, following: str | None, execution: ExecutionRun | None) -> Text:
    run = execution.states.get(state.name) if execution else None
    text = Text()
    if execution is not None:
        symbol, style = _SYMBOLS[run.status if run else None]
        text.append(f"{symbol} ", style=style)
    text.append(printable(state.name, keep=""), style="bold" if execution is None or run else "dim")
    text.append(f"  {printable(state.summary, keep='')}", style="dim")
    if execution is not None:
        style = _SYMBOLS[run.status if run else None][1]
        text.append("  " + " · ".join([STATUS_WORDS[run.status if run else None], *(notes(run) if run else [])]), style)
        if run is not None and run.error:
            text.append(f"  {printable(run.error, keep='')}", style=f"bold {style}")
    for way in state.transitions:
        if way.kind == "next" and way.target != following and state.type != "Succeed":
            text.append(f"  → {printable(way.target, keep='') if way.target else 'end'}", style="cyan")
    return text


def _transition(transition: Transition) -> Text:
    target = printable(transition.target or "end", keep="")
    label = printable(transition.label, keep="")
    if transition.kind == "catch":
        return Text.assemble((f"on {label}", "red"), (f" → {target}", "cyan"))
    words = label if transition.kind == "default" else f"if {label}"
    return Text.assemble((words, "not dim"), (f" → {target}", "cyan"))
