"""The state machine that a trial runs: a whole workflow as it is, or one step of it alone."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from smproc.assemblies import Step, variables_in
from smproc.trials.errors import RunTimeValueError

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_S3_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?![\w.{}<$-])")
# What leads on to other states, or hides a failure: a script that fails here is to be seen failing, once.
_LEFT_OUT = frozenset({"Next", "Catch", "Retry", "End"})


def single_step(
    step: Step,
    sources: Mapping[int, str],
    *,
    arguments: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the definition of a state machine that has one step of another one.

    Args:
        step: the step.
        sources: the S3 URIs of inputs that do not come from where the step has them, by their positions.
        arguments: the arguments of the script. Default: those of the step.
        environment: variables to add to those of the step, or to replace. Default: none.

    Raises:
        RunTimeValueError: the request needs a value of another step.
    """
    state = copy.deepcopy({name: value for name, value in step.state.items() if name not in _LEFT_OUT})
    request = state["Arguments" if step.is_jsonata else "Parameters"]
    for position, uri in sources.items():
        _set_source(request["ProcessingInputs"], position, uri)
    if arguments is not None:
        specification = request.setdefault("AppSpecification", {})
        specification.pop("ContainerArguments.$", None)
        specification.pop("ContainerArguments", None)
        if arguments:
            specification["ContainerArguments"] = list(arguments)
    if environment:
        own = request.get("Environment")
        request["Environment"] = {**(own if isinstance(own, Mapping) else {}), **environment}
        for name in environment:
            request["Environment"].pop(f"{name}.$", None)
    if needed := variables_in(request, is_jsonata=step.is_jsonata):
        raise RunTimeValueError(_needs(step, sorted(needed), request))
    # To be followed, also where the state machine goes on without waiting for the job.
    resource = str(state["Resource"])
    state["Resource"] = resource if resource.endswith(".sync") else f"{resource}.sync"
    return {
        "QueryLanguage": "JSONata" if step.is_jsonata else "JSONPath",
        "StartAt": step.name,
        "States": {step.name: {**state, "End": True}},
    }


def buckets_in(definition: Mapping[str, Any]) -> list[str]:
    """Return the buckets that a definition names in S3 URIs: to write to them, a job needs them to exist."""
    return sorted(set(_S3_URI.findall(json.dumps(definition))))


def _set_source(inputs: list[dict[str, Any]], position: int, uri: str) -> None:
    item = inputs[position]
    dataset = item.pop("DatasetDefinition", None)
    s3 = dict(item.get("S3Input") or {"LocalPath": (dataset or {}).get("LocalPath"), "S3InputMode": "File"})
    for name in ("S3Uri", "S3DataType"):
        s3.pop(f"{name}.$", None)
    item["S3Input"] = {**s3, "S3Uri": uri, "S3DataType": "S3Prefix"}


def _needs(step: Step, needed: Sequence[str], request: Mapping[str, Any]) -> str:
    specification = request.get("AppSpecification") or {}
    of_arguments = variables_in(
        {name: value for name, value in specification.items() if name.startswith("ContainerArguments")},
        is_jsonata=step.is_jsonata,
    )
    others = ", ".join(dict.fromkeys(re.sub(r"^step_|__\d+$", "", name) for name in needed))
    advice = "run the whole graph with --workflow"
    if set(needed) <= of_arguments:
        advice = f"give all arguments of the script with --argument, or {advice}"
    return f"the step {step.name} takes values from other steps when it runs ({others}); {advice}"
