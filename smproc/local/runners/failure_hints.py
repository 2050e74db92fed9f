"""Hints at what may explain a failure: a library that differs from that of the image, or what is not to be had here."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ERROR = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception))(?:: (?P<text>.*))?$", re.MULTILINE)
# What a missing or renamed module, attribute or argument raises, and what Spark raises for another version's SQL.
_KINDS = (
    *("ImportError", "ModuleNotFoundError", "AttributeError", "TypeError", "ValueError", "KeyError"),
    *("ParseException", "SparkUpgradeException"),
)
# The modules of packages, and what messages call their objects.
_SIGNS = {
    "scikit-learn": (r"\bsklearn\b",),
    "pandas": (r"\bpandas\b", r"\b(?:DataFrame|Series|Index)\b"),
    "numpy": (r"\bnumpy\b", r"\bndarray\b"),
    "Python": (r"\bSyntaxError\b",),
    "Spark": (r"\bpyspark\b", r"\borg\.apache\.spark\b"),
}
_TEXT_MAX = 300
# What programs say when they lack something of the image, of the machine or of AWS, and what to do about it.
_LACKS = (
    (
        re.compile(r"No module named conda\b|No such file or directory: 'conda'|\bconda: (?:command )?not found"),
        "A sandbox has no conda: install with pip, or name a substitute for the image",
    ),
    (
        re.compile(r"/var/lib/(?:apt|dpkg)/\S+"),
        "A sandbox cannot install packages with apt: its /usr is that of this machine, read-only; install them there",
    ),
    (
        re.compile(
            r"https?://[\w.-]+\.amazonaws\.com(?:\.cn)?\b.{0,200}(?:Name or service not known|resolve|timed out)"
            r'|Could not connect to the endpoint URL: "https://[\w.-]+\.amazonaws\.com'
        ),
        "The program calls AWS at an address of its own; the local AWS is at AWS_ENDPOINT_URL",
    ),
    (
        re.compile(
            r"Could not resolve host|Name or service not known|Temporary failure in name resolution"
            r"|No address associated with hostname|NameResolutionError|service not known"
        ),
        "The program needs a host that this machine does not find",
    ),
)


def explain(output: str, differences: Mapping[str, str], *, what: str = "sandbox") -> str:
    """Return a sentence about what may explain the end of a program's output; empty if nothing may.

    Args:
        output: the end of the output.
        differences: the differences by the name of the package, as a sentence gives them.
        what: what has run the program. Default: a sandbox.
    """
    return _difference(output, differences, what) or next((hint for sign, hint in _LACKS if sign.search(output)), "")


def _difference(output: str, differences: Mapping[str, str], what: str) -> str:
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
