"""A state machine, or an execution of it, as an SVG: light and dark, its texts selectable, the same bytes each time."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from smproc.graphs.definition import Machine
from smproc.graphs.diagram import NAME_HEIGHT, NAME_SIZE, SMALL_HEIGHT, SMALL_SIZE, Diagram, Edge, Node
from smproc.graphs.layout import Layout, Point, lay_out
from smproc.graphs.runs import STATUS_WORDS, ExecutionRun, Status, duration
from smproc.terminal_text import counted, printable

_MARGIN = 24.0
_HEAD_HEIGHT = 52.0
_LEGEND_HEIGHT = 40.0
_LEGEND_CELL = 6.4
# The widest of the fonts that `STYLE` names, in bold: no heading is cut.
_HEADING_CELL = 11.5
_MIN_WIDTH = 420.0
_CORNER = 8.0
_CURVE = 3  # points of a Bézier curve after its start

STYLE = """
svg { --paper: #ffffff; --ink: #16202c; --muted: #5b6875; --line: #7c8894; --faint: #c3cad1; --box: #f6f8fa;
  --frame: #eef2f6; --good: #1a7f37; --good-box: #e6f6ea; --bad: #c62828; --bad-box: #fdeaea; --busy: #0b62c4;
  --busy-box: #e5f0fd; --warn: #8a5a00; --warn-box: #fdf3dc;
  font-family: system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", Arial, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #10161d; --ink: #e6edf3; --muted: #9aa7b4; --line: #8592a0; --faint: #465260; --box: #1a222c;
    --frame: #151c24; --good: #56d06f; --good-box: #12291a; --bad: #ff7b72; --bad-box: #351619; --busy: #6cb2ff;
    --busy-box: #10253f; --warn: #e3b341; --warn-box: #2f2610; } }
.paper { fill: var(--paper); }
text { fill: var(--ink); font-size: 11px; }
.name { font-size: 13px; font-weight: 600; }
.heading { font-size: 16px; font-weight: 600; }
.muted, .summary { fill: var(--muted); }
.center { text-anchor: middle; }
.shape { fill: var(--box); stroke: var(--line); stroke-width: 1.25; }
.frame { fill: var(--frame); stroke: var(--line); stroke-width: 1; }
.dot { fill: var(--ink); }
.ring { fill: none; stroke: var(--ink); stroke-width: 1.5; }
.line { fill: none; stroke: var(--line); stroke-width: 1.4; }
.arrow { fill: var(--line); }
.catch .line { stroke: var(--bad); stroke-dasharray: 5 4; }
.catch .arrow { fill: var(--bad); }
.catch text { fill: var(--bad); }
.unused .line { stroke: var(--faint); }
.unused .arrow { fill: var(--faint); }
.unused text { fill: var(--muted); }
.succeeded .shape { fill: var(--good-box); stroke: var(--good); }
.running .shape { fill: var(--busy-box); stroke: var(--busy); stroke-width: 2; }
.caught .shape { fill: var(--warn-box); stroke: var(--warn); }
.failed .shape, .timed-out .shape { fill: var(--bad-box); stroke: var(--bad); stroke-width: 2; }
.aborted .shape { stroke: var(--warn); stroke-dasharray: 4 3; }
.not-entered .shape { stroke: var(--faint); }
.not-entered .name, .not-entered .summary { fill: var(--muted); }
.succeeded .status { fill: var(--good); }
.running .status { fill: var(--busy); }
.caught .status, .aborted .status { fill: var(--warn); }
.failed .status, .timed-out .status { fill: var(--bad); }
"""


def draw_svg(machine: Machine, title: str, execution: ExecutionRun | None = None, *, style: bool = True) -> str:
    """Draw a state machine, or an execution with the statuses and times of its states.

    Args:
        machine: the state machine.
        title: the name above the picture.
        execution: the execution. Default: the state machine alone.
        style: whether the picture contains `STYLE`; a page that does without must have it. Default: True.

    Raises:
        NoGraphvizError: the package that computes the layout is not installed.
    """
    diagram = Diagram.of(machine, execution)
    layout = lay_out([node.box for node in diagram.nodes], diagram.frames, [edge.line for edge in diagram.edges])
    legend = _legend(diagram)
    heading = printable(title, keep="")
    subtitle = _subtitle(machine, execution)
    legend_width = sum(_legend_width(words) for _, words in legend)
    width = max(layout.width, legend_width, len(heading) * _HEADING_CELL, len(subtitle) * _LEGEND_CELL, _MIN_WIDTH)
    left, top = _MARGIN + (width - layout.width) / 2, _MARGIN + _HEAD_HEIGHT
    width += 2 * _MARGIN
    height = top + layout.height + _LEGEND_HEIGHT + _MARGIN

    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": _number(width),
            "height": _number(height),
            "viewBox": f"0 0 {_number(width)} {_number(height)}",
            "role": "graphics-document",
            "aria-labelledby": "smproc-title smproc-description",
        },
    )
    ET.SubElement(svg, "title", {"id": "smproc-title"}).text = heading
    ET.SubElement(svg, "desc", {"id": "smproc-description"}).text = subtitle
    if style:
        ET.SubElement(svg, "style").text = STYLE
    ET.SubElement(svg, "rect", {"class": "paper", "width": "100%", "height": "100%"})
    _text(svg, "heading", _MARGIN, _MARGIN + 14, heading)
    _text(svg, "muted", _MARGIN, _MARGIN + 33, subtitle)
    picture = ET.SubElement(svg, "g", {"transform": f"translate({_number(left)} {_number(top)})"})
    for owner, (x0, y0, x1, y1) in zip(diagram.owners, layout.frames, strict=True):
        frame = ET.SubElement(picture, "g", {"data-frame": printable(owner.name, keep="")})
        _rect(frame, "frame", x0, y0, x1 - x0, y1 - y0)
    for number, edge in enumerate(diagram.edges):
        _edge(picture, diagram, edge, layout, number)
    for node, center in zip(diagram.nodes, layout.centers, strict=True):
        _node(picture, node, center, with_run=execution is not None)
    _draw_legend(svg, legend, top + layout.height + _LEGEND_HEIGHT)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _subtitle(machine: Machine, execution: ExecutionRun | None) -> str:
    states = sum(1 for _ in machine.walk())
    count = counted(states, "state")
    if execution is None:
        return count
    words = [execution.status, duration(execution.seconds), f"{len(execution.states)} of {count} entered"]
    if execution.redrives:
        words.append(f"redriven {counted(execution.redrives, 'time')}")
    if execution.error:
        words.append(execution.error)
    return printable(" · ".join(words), keep="")


def _status_class(status: Status | None) -> str:
    return "not-entered" if status is None else status.lower().replace("_", "-")


def _node(parent: ET.Element, node: Node, center: Point, *, with_run: bool) -> None:
    x, y = center
    if node.kind == "join":
        _circle(parent, "dot", center, node.box.width / 2)
        return
    if node.kind != "state" or node.state is None:
        group = ET.SubElement(parent, "g", {"role": "graphics-symbol", "aria-label": node.kind})
        ET.SubElement(group, "title").text = node.kind
        _circle(group, "dot", center, node.box.width / 2 - (0 if node.kind == "start" else 4))
        if node.kind == "end":
            _circle(group, "ring", center, node.box.width / 2)
        return
    state, run = node.state, node.run
    classes = ["state", state.type.lower()]
    about = [state.name, state.summary]
    if with_run:
        status = run.status if run else None
        classes.append(_status_class(status))
        about.append(STATUS_WORDS[status])
    if run is not None and run.error:
        about += [run.error, run.cause]
    tooltip = printable("\n".join(filter(None, about)), keep="\n")
    name = printable(state.name, keep="")
    attributes = {"class": " ".join(classes), "data-state": name, "role": "graphics-symbol"}
    group = ET.SubElement(parent, "g", attributes | {"aria-label": printable(", ".join(about[:3]), keep="")})
    ET.SubElement(group, "title").text = tooltip
    width, height = node.box.width, node.box.height
    if state.type == "Choice":
        x0, x1, y0, y1 = x - width / 2, x + width / 2, y - height / 2, y + height / 2
        corners = [(x0 + 12, y0), (x1 - 12, y0), (x1, y), (x1 - 12, y1), (x0 + 12, y1), (x0, y)]
        points = " ".join(f"{_number(a)},{_number(b)}" for a, b in corners)
        ET.SubElement(group, "polygon", {"class": "shape", "points": points})
    else:
        _rect(group, "shape", x - width / 2, y - height / 2, width, height)
    baseline = y - height / 2 + 8
    for kind, lines, size, line_height in (
        ("name", node.name, NAME_SIZE, NAME_HEIGHT),
        ("summary", node.summary, SMALL_SIZE, SMALL_HEIGHT),
        ("status", node.status, SMALL_SIZE, SMALL_HEIGHT),
    ):
        for line in lines:
            _text(group, f"{kind} center", x, baseline + (line_height + size * 0.72) / 2, line)
            baseline += line_height


def _edge(parent: ET.Element, diagram: Diagram, edge: Edge, layout: Layout, number: int) -> None:
    kind = edge.transition.kind if edge.transition else "part"
    attributes = {"class": f"edge {kind}" + ("" if edge.used else " unused")}
    source, target = diagram.nodes[edge.line.source], diagram.nodes[edge.line.target]
    for name, node in (("data-from", source), ("data-to", target)):
        attributes[name] = printable(node.state.name, keep="") if node.state else node.kind
    group = ET.SubElement(parent, "g", attributes)
    if edge.transition is not None and edge.transition.label:
        ET.SubElement(group, "title").text = printable(edge.transition.label, keep="")
    points = layout.curves[number]
    first, *rest = points
    end = rest[-1] if len(rest) % _CURVE else None
    controls = rest[: len(rest) // _CURVE * _CURVE]
    path = f"M{_pair(first)}" + "".join(
        f" C{' '.join(map(_pair, controls[index : index + _CURVE]))}" for index in range(0, len(controls), _CURVE)
    )
    if end is not None and not edge.arrow:
        path += f" L{_pair(end)}"
    ET.SubElement(group, "path", {"class": "line", "d": path})
    if end is not None and edge.arrow:
        ET.SubElement(group, "polygon", {"class": "arrow", "points": _arrow(controls[-1], end)})
    if (label := layout.labels[number]) is not None:
        x, y = label
        baseline = y - len(edge.label) * SMALL_HEIGHT / 2
        for line in edge.label:
            _text(group, "label center", x, baseline + (SMALL_HEIGHT + SMALL_SIZE * 0.72) / 2, line)
            baseline += SMALL_HEIGHT


def _arrow(base: Point, tip: Point) -> str:
    """Return the corners of an arrowhead."""
    across = (tip[1] - base[1]) * 0.45, (base[0] - tip[0]) * 0.45
    corners = [tip, (base[0] + across[0], base[1] + across[1]), (base[0] - across[0], base[1] - across[1])]
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in corners)


def _legend(diagram: Diagram) -> list[tuple[str, str]]:
    """Return the classes and words of what the picture shows."""
    entries = []
    if diagram.execution is not None:
        statuses = {node.run.status if node.run else None for node in diagram.nodes if node.kind == "state"}
        entries = [(_status_class(status), words) for status, words in STATUS_WORDS.items() if status in statuses]
    if any(edge.transition and edge.transition.kind == "catch" for edge in diagram.edges):
        entries.append(("catch", "after an error"))
    return entries


def _legend_width(words: str) -> float:
    return 28 + len(words) * _LEGEND_CELL + 18


def _draw_legend(parent: ET.Element, legend: Sequence[tuple[str, str]], y: float) -> None:
    x = _MARGIN
    for kind, words in legend:
        group = ET.SubElement(parent, "g", {"class": f"legend {kind}"})
        if kind == "catch":
            ET.SubElement(group, "path", {"class": "line", "d": f"M{_pair((x, y))} L{_pair((x + 20, y))}"})
        else:
            _rect(group, "shape", x, y - 6, 20, 12, corner=3)
        _text(group, "muted", x + 28, y + 4, words)
        x += _legend_width(words)


def _text(parent: ET.Element, kind: str, x: float, y: float, text: str) -> None:
    ET.SubElement(parent, "text", {"class": kind, "x": _number(x), "y": _number(y)}).text = text


def _rect(
    parent: ET.Element, kind: str, x: float, y: float, width: float, height: float, corner: float = _CORNER
) -> None:
    sizes = {"x": x, "y": y, "width": width, "height": height, "rx": corner}
    ET.SubElement(parent, "rect", {"class": kind} | {name: _number(value) for name, value in sizes.items()})


def _circle(parent: ET.Element, kind: str, center: Point, radius: float) -> None:
    sizes = {"cx": center[0], "cy": center[1], "r": radius}
    ET.SubElement(parent, "circle", {"class": kind} | {name: _number(value) for name, value in sizes.items()})


def _pair(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
