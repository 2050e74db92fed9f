"""Processing jobs in notebooks and scripts, found in their syntax trees."""

from __future__ import annotations

from smproc.adoption.notebooks.adopt import adopt_notebook

__all__ = ["adopt_notebook"]
