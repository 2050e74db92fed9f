"""The errors of drawing a state machine.

::

    RuntimeError
    └── GraphError                 one sentence for the person who wants the picture
        ├── DefinitionError        the text is no definition of a state machine, or none is where one was looked for
        └── NoGraphvizError        the package that computes the layout is not installed
"""

from __future__ import annotations


class GraphError(RuntimeError):
    """An error that the person who wants a picture has to know; the message is one sentence."""


class DefinitionError(GraphError):
    """A text is no definition of a state machine, or there is none."""


class NoGraphvizError(GraphError):
    """The package that computes the layout is not installed."""
