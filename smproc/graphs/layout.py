"""The positions of boxes, frames and lines, which Graphviz' `dot` computes.

Graphviz gets numbers and sizes only: no name of a state reaches it, and no font of the machine changes a position.

See: https://graphviz.org/docs/layouts/dot/
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smproc.graphs.errors import NoGraphvizError
from smproc.installation import install_command

Point = tuple[float, float]

_POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Something to place: a node, or the frame around the boxes inside it.

    Attributes:
        width: in points; that of a frame follows from what is inside.
        height: the same.
        frame: the number of the frame in which it is; None outside of all.
    """

    width: float
    height: float
    frame: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line from a node to another.

    Attributes:
        source: the number of the node at which it starts.
        target: the number of the node at which it ends.
        label: width and height of its label, in points; None without one.
        weight: how short and straight it should be, compared with others.
    """

    source: int
    target: int
    label: Point | None = None
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The positions, in points from the upper left corner.

    Attributes:
        width: of everything.
        height: of everything.
        centers: of the nodes.
        frames: left, top, right and bottom of each frame.
        curves: of the lines: the start, then three points for each Bézier curve, then the end.
        labels: the centers of the labels of lines; None for a line without one.
    """

    width: float
    height: float
    centers: tuple[Point, ...]
    frames: tuple[tuple[float, float, float, float], ...]
    curves: tuple[tuple[Point, ...], ...]
    labels: tuple[Point | None, ...]


def lay_out(nodes: Sequence[Box], frames: Sequence[int | None], lines: Sequence[Line]) -> Layout:
    """Place nodes, frames and lines from top to bottom.

    Args:
        nodes: the nodes.
        frames: for each frame, the number of the frame around it.
        lines: the lines between the nodes.

    Raises:
        NoGraphvizError: pygraphviz is not installed.
    """
    try:
        import pygraphviz  # noqa: PLC0415 - of the extra `graph`
    except ImportError:
        raise NoGraphvizError(
            f"a picture needs Graphviz; install it with: {install_command('graph')}, or leave out --output for a "
            "drawing in the terminal"
        ) from None
    drawn = pygraphviz.AGraph(string=_dot(nodes, frames, lines)).draw(format="json0", prog="dot")
    return _read(json.loads(drawn), len(nodes), len(frames), len(lines))


def _dot(nodes: Sequence[Box], frames: Sequence[int | None], lines: Sequence[Line]) -> str:
    text = [
        'digraph { graph [nodesep=0.4 ranksep=0.42 margin=0 pad=0 label=""]',
        'node [shape=box fixedsize=true label=""] edge [arrowsize=0.7]',
        *_dot_frame(None, nodes, frames),
    ]
    for number, line in enumerate(lines):
        label = ""
        if line.label is not None:
            width, height = line.label
            label = (
                ' label=<<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0"><TR><TD FIXEDSIZE="TRUE" '
                f'WIDTH="{width:.0f}" HEIGHT="{height:.0f}"></TD></TR></TABLE>>'
            )
        text.append(f'n{line.source} -> n{line.target} [id="{number}" weight={line.weight}{label}]')
    return "\n".join([*text, "}"])


def _dot_frame(frame: int | None, nodes: Sequence[Box], frames: Sequence[int | None]) -> list[str]:
    """Return a frame with the nodes and frames inside it, or everything outside of all frames."""
    inside = [
        f"n{number} [width={node.width / _POINTS_PER_INCH:.4f} height={node.height / _POINTS_PER_INCH:.4f}]"
        for number, node in enumerate(nodes)
        if node.frame == frame
    ]
    for number, outer in enumerate(frames):
        if outer == frame:
            inside += _dot_frame(number, nodes, frames)
    return inside if frame is None else [f'subgraph cluster_{frame} {{ graph [margin=14 label=""]', *inside, "}"]


def _read(drawn: Mapping[str, Any], nodes: int, frames: int, lines: int) -> Layout:
    left, bottom, right, top = map(float, drawn["bb"].split(","))

    def point(text: str) -> Point:
        x, y = text.split(",")
        return float(x) - left, top - float(y)

    objects = {item["name"]: item for item in drawn["objects"]}
    edges = {int(item["id"]): item for item in drawn.get("edges", ())}
    boxes = []
    for number in range(frames):
        x0, y0, x1, y1 = map(float, objects[f"cluster_{number}"]["bb"].split(","))
        boxes.append((x0 - left, top - y1, x1 - left, top - y0))
    curves: list[tuple[Point, ...]] = []
    for number in range(lines):
        start, end, controls = [], [], []
        for part in edges[number]["pos"].split():
            if part.startswith("e,"):
                end = [point(part[2:])]
            elif part.startswith("s,"):
                start = [point(part[2:])]
            else:
                controls.append(point(part))
        curves.append((*start, *controls, *end))
    return Layout(
        width=right - left,
        height=top - bottom,
        centers=tuple(point(objects[f"n{number}"]["pos"]) for number in range(nodes)),
        frames=tuple(boxes),
        curves=tuple(curves),
        labels=tuple(point(edges[number]["lp"]) if "lp" in edges[number] else None for number in range(lines)),
    )
