"""Write the limits and rules that synth checks to docs/limits.md.

    python tools/regenerate_limits.py

The tables come from the library's own data: ``service_limits.json``, ``service_rules.json`` and ``api_limits.json``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "constructs" / "cdk_sagemaker_processing" / "model"
PAGE = ROOT / "docs" / "limits.md"
_LISTED_MAX = 9
_API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html"
_INTRODUCTION = """\
# Limits and rules

A value that AWS would refuse is refused at synth, with a sentence that names the parameter, the rule, the value and the
remedy; values that are known only at deployment or at run time are not checked. This page lists what is checked. It is
written by `tools/regenerate_limits.py` from the data that the checks use; the local AWS checks requests for jobs with
the same data.

[Quotas](https://docs.aws.amazon.com/sagemaker/latest/dg/regions-quotas.html) that an account can raise, such as the
number of instances in use, are not checked; a state retries the creation of a job that exceeds one.

## Limits of services
"""


def _read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((MODEL / name).read_text(encoding="utf-8"))
    return loaded


def _table(header: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _services() -> Iterator[Sequence[str]]:
    for limit in sorted(_read("service_limits.json").values(), key=lambda entry: (entry["service"], entry["of"])):
        yield limit["service"], limit["of"], f"{limit['maximum']:,}", f"[page]({limit['page']})"


def _rules() -> Iterator[Sequence[str]]:
    for rule in _read("service_rules.json").values():
        yield rule["of"], rule["rule"], f"[source]({rule['source']})"


def _fields(shapes: dict[str, Any], name: str, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the fields of a shape with limits of their own, by path."""
    shape = shapes[name]
    if path:
        yield path, shape
    members = dict(shape.get("members", {}))
    for key, suffix in (("member", "[]"), ("key", " (name)"), ("value", " (value)")):
        if key in shape:
            yield from _fields(shapes, shape[key], f"{path}{suffix}")
    for member, child in members.items():
        yield from _fields(shapes, child, f"{path}.{member}".lstrip("."))


def _pattern(pattern: str) -> str:
    # Some of the patterns look like links of Markdown, even as code, to tools that check links.
    return "" if pattern == ".*" else "a pattern, see the API" if "](" in pattern else f"`{pattern}`"


def _api() -> Iterator[Sequence[str]]:
    shapes = _read("api_limits.json")["shapes"]
    for path, shape in _fields(shapes, "CreateProcessingJobRequest", ""):
        unit = {"string": " characters", "list": " entries", "map": " entries"}.get(shape["type"], "")
        bounds = " to ".join(f"{shape[key]:,}" for key in ("min", "max") if key in shape)
        values = shape.get("enum", ())
        parts = [
            f"{bounds}{unit}" if "max" in shape else "",
            f"one of {len(values)} types" if len(values) > _LISTED_MAX else ", ".join(values),
            _pattern(shape.get("pattern", ".*")),
        ]
        if limit := "; ".join(part for part in parts if part):
            yield f"`{path}`", limit


def render() -> str:
    """Return the text of the page."""
    source = _read("api_limits.json")["source"]
    return (
        f"{_INTRODUCTION}\n{_table(['service', 'of', 'at most', ''], _services())}\n"
        "## Rules of SageMaker that its API model lacks\n\n"
        "AWS publishes no list of these. Each is documented on a page, "
        "or the service's answer is quoted in a\npublic report.\n\n"
        f"{_table(['of', 'rule', ''], _rules())}\n## Limits of CreateProcessingJob\n\nFrom the model of the "
        f"[API]({_API}) in {source}.\n\n{_table(['field', 'limit'], _api())}"
    )


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.name}\n")
