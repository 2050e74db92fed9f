"""Regenerate constructs/cdk_sagemaker_processing/model/api_limits.json from the installed botocore's service model.

The file contains facts (names, lengths, ranges, patterns, enums) of the shapes of processing and training jobs, and the
version of botocore that they come from. Run it after an upgrade of botocore: `make api-limits`.
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
    "CreateTrainingJobRequest",
    "StopTrainingJobRequest",
    "DescribeTrainingJobRequest",
    "DeleteTrainingJobRequest",
    "ListTrainingJobsRequest",
    "AddTagsInput",
    "DeleteTagsInput",
    "ListTagsInput",
)
OUTPUT = Path(__file__).resolve().parents[1] / "constructs" / "cdk_sagemaker_processing" / "model" / "api_limits.json"


def read() -> dict[str, Any]:
    """Return the limits in botocore's model by shape name."""
    model = botocore.loaders.Loader().load_service_model("sagemaker", "service-2")
    shapes: dict[str, Any] = {}

    def visit(name: str) -> None:
        if name in shapes:
            return
        shape = model["shapes"][name]
        facts = {key: shape[key] for key in ("type", "min", "max", "pattern", "enum", "required") if key in shape}
        shapes[name] = facts
        if shape["type"] == "structure":
            facts["members"] = {member: ref["shape"] for member, ref in shape["members"].items()}
            children = list(facts["members"].values())
        elif shape["type"] == "list":
            facts["member"] = shape["member"]["shape"]
            children = [facts["member"]]
        elif shape["type"] == "map":
            facts["key"], facts["value"] = shape["key"]["shape"], shape["value"]["shape"]
            children = [facts["key"], facts["value"]]
        else:
            children = []
        for child in children:
            visit(child)

    for root in ROOTS:
        visit(root)
    return {"source": f"botocore {botocore.__version__}, sagemaker 2017-07-24", "shapes": dict(sorted(shapes.items()))}


def render() -> str:
    """Return the file's text, with one shape per line so that diffs are readable."""
    facts = read()
    lines = [f"  {json.dumps(name)}: {json.dumps(shape)}" for name, shape in facts["shapes"].items()]
    return f'{{\n "source": {json.dumps(facts["source"])},\n "shapes": {{\n' + ",\n".join(lines) + "\n }\n}\n"


if __name__ == "__main__":
    OUTPUT.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"wrote {OUTPUT.name} from {read()['source']}\n")
