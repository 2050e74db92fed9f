"""Regenerate constructs/cdk_sagemaker_processing/model/api_limits.json from the installed botocore's service model.

The file holds facts (names, lengths, ranges, patterns, enums) of the shapes that CreateProcessingJob reaches, and the
botocore version they were read from. Run it after raising botocore: `make api-limits`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import botocore
import botocore.loaders

ROOTS = (
    "CreateProcessingJobRequest",
    "StopProcessingJobRequest",
    "DescribeProcessingJobRequest",
    "DeleteProcessingJobRequest",
    "ListProcessingJobsRequest",
    "AddTagsInput",
    "DeleteTagsInput",
    "ListTagsInput",
)
OUTPUT = Path(__file__).resolve().parents[1] / "constructs" / "cdk_sagemaker_processing" / "model" / "api_limits.json"


def read() -> dict[str, Any]:
    """The limits as botocore's model states them, keyed by shape name."""
    model = botocore.loaders.Loader().load_service_model("sagemaker", "service-2")
    shapes: dict[str, Any] = {}

    def visit(name: str) -> None:
        if name in shapes:
            return
        shape = model["shapes"][name]
        kept = {key: shape[key] for key in ("type", "min", "max", "pattern", "enum", "required") if key in shape}
        shapes[name] = kept
        if shape["type"] == "structure":
            kept["members"] = {member: ref["shape"] for member, ref in shape["members"].items()}
            children = list(kept["members"].values())
        elif shape["type"] == "list":
            kept["member"] = shape["member"]["shape"]
            children = [kept["member"]]
        elif shape["type"] == "map":
            kept["key"], kept["value"] = shape["key"]["shape"], shape["value"]["shape"]
            children = [kept["key"], kept["value"]]
        else:
            children = []
        for child in children:
            visit(child)

    for root in ROOTS:
        visit(root)
    return {"source": f"botocore {botocore.__version__}, sagemaker 2017-07-24", "shapes": dict(sorted(shapes.items()))}


def render() -> str:
    """The file's text, one shape a line so that a change of AWS's reads well in a diff."""
    facts = read()
    lines = [f"  {json.dumps(name)}: {json.dumps(shape)}" for name, shape in facts["shapes"].items()]
    return f'{{\n "source": {json.dumps(facts["source"])},\n "shapes": {{\n' + ",\n".join(lines) + "\n }\n}\n"


if __name__ == "__main__":
    OUTPUT.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"wrote {OUTPUT.name} from {read()['source']}\n")
