"""The end of a program's output, which may say why it has failed."""

from __future__ import annotations

from smproc.local.runners.spec import Output

_SIZE = 16 * 1024


class OutputTail:
    """An output that passes data on and keeps the end of it.

    Args:
        output: the output to pass data on to.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._tail = b""

    @property
    def text(self) -> str:
        """The end of the output."""
        return self._tail.decode(errors="replace")

    def write(self, data: bytes) -> None:
        """Pass data on."""
        self._tail = (self._tail + data)[-_SIZE:]
        self._output.write(data)

    def flush_if_due(self) -> None:
        """Flush the output if it is due."""
        self._output.flush_if_due()

    def last_line(self) -> str:
        """Return the last line."""
        lines = self.text.strip().splitlines()
        return lines[-1] if lines else "it gave no reason"
