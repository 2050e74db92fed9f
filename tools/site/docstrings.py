"""An extension of griffe for the docstrings of this project.

They are in Google's style, with one ``Example:`` that may have literal blocks of reStructuredText. Griffe knows
examples by the plural, and Markdown no double colon.

See: https://mkdocstrings.github.io/griffe/guide/users/extending/
"""

from __future__ import annotations

import re
from typing import Any

import griffe


class Docstrings(griffe.Extension):  # type: ignore[misc]  # griffe is not installed where this is checked
    """Rewrites examples and literal blocks."""

    def on_object(self, *, obj: griffe.Object, **_options: Any) -> None:
        """Rewrite the docstring of an object.

        Args:
            obj: the object.
        """
        if obj.docstring is not None:
            text = re.sub(r"^( *)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = re.sub(r"::$", ":", text, flags=re.MULTILINE)
