"""Hints at what may explain a failure: a library whose version differs from that of the image."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ERROR = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception))(?:: (?P<text>.*))?$", re.MULTILINE)
# What a missing or renamed module, attribute or argument raises.
_KINDS = ("ImportError", "ModuleNotFoundError", "AttributeError", "TypeError", "ValueError", "KeyError")
# The modules of packages, and what messages call their objects.
_SIGNS = {
    "scikit-learn": (r"\bsklearn\b",),
    "pandas": (r"\bpandas\b", r"\b(?:DataFrame|Series|Index)\b"),
    "numpy": (r"\bnumpy\b", r"\bndarray\b"),
    "Python": (r"\bSyntaxError\b",),
}
_TEXT_MAX = 300


def explain(output: str, differences: Mapping[str, str], *, what: str = "sandbox") -> str:
    """Return a sentence about the differences that may explain the end of a program's output; empty if none may.

    Args:
        output: the end of the output.
        differences: the differences by the name of the package, as a sentence gives them.
        what: what has run the program. Default: a sandbox.
    """
    *_, last = [None, *_ERROR.finditer(output)]
    if last is None or last["kind"].rpartition(".")[2] not in (*_KINDS, "SyntaxError"):
        return ""
    traceback = output[output.rfind("Traceback", 0, last.start()) :]
    concerned = [
        text
        for name, text in differences.items()
        if any(re.search(sign, traceback) for sign in _SIGNS.get(name, (rf"\b{re.escape(name)}\b",)))
    ]
    if not concerned:
        return ""
    message = f"{last['kind']}: {last['text'] or ''}".rstrip(": ")[:_TEXT_MAX]
    return f"{message}. The {what} differs from the image: it has {', '.join(concerned)}"
