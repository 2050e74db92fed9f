"""A job that is adopted sends the request that the job was created with."""

from __future__ import annotations

import json
import re
from typing import Any

import aws_cdk as cdk
import botocore.validate
import pytest
from aws_cdk.assertions import Template
from constructs import Construct
from hypothesis import HealthCheck, Phase, given, settings

from smproc.adoption import adopt_job, render_app
from tests.helpers.job_requests import KINDS, MODEL, Request, requests, without_defaults
from tests.helpers.sdk_calls import GOLDEN, comparable, golden_request
from tests.helpers.stacks import ACCOUNT, REGION, flat

pytestmark = pytest.mark.exhaustive

REQUEST = MODEL.shape_for("CreateProcessingJobRequest")
GOLDEN_CASES = [(name, index) for name, calls in GOLDEN.items() for index in range(len(calls))]
REFUSED = ("datasets_featurestore", 1)  # subnets without security groups: by the service, and by the constructs
JOBS_OF_A_KIND, JOBS_OF_A_STACK = 13, 26


def sent_by(texts: list[str]) -> list[Request]:
    """Return the requests that the apps send; all are synthesized as one."""
    app = cdk.App()
    environment = cdk.Environment(account=ACCOUNT, region=REGION)
    stacks = [cdk.Stack(app, f"Stack{number}", env=environment) for number in range(-(-len(texts) // JOBS_OF_A_STACK))]
    for number, text in enumerate(texts):
        scope = Construct(stacks[number // JOBS_OF_A_STACK], f"Job{number:03}")
        without_app, replaced = re.subn(r"^(app = |app\.synth).*\n", "", text, flags=re.MULTILINE)
        in_scope, also = re.subn(r"^stack = .*", "stack = scope", without_app, flags=re.MULTILINE)
        assert (replaced, also) == (2, 1)
        exec(compile(in_scope, "app.py", "exec"), {"scope": scope})  # noqa: S102 - it is what is tested
    sent: list[Request] = []
    for stack in stacks:
        machines = Template.from_stack(stack).find_resources("AWS::StepFunctions::StateMachine")
        for _, machine in sorted(machines.items()):
            (state,) = json.loads(flat(machine["Properties"]["DefinitionString"]))["States"].values()
            sent.append(state["Parameters"])
    return sent


def drawn_requests(kind: str) -> list[Request]:
    drawn: list[Request] = []

    @settings(
        max_examples=JOBS_OF_A_KIND,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(request=requests(kind))
    def draw(request: Request) -> None:
        drawn.append(request)

    draw()
    return drawn


def test_a_hundred_random_jobs_send_their_requests_again() -> None:
    drawn = [(kind, request) for kind in KINDS for request in drawn_requests(kind)]
    assert len(drawn) >= 100
    for _, request in drawn:
        report = botocore.validate.ParamValidator().validate(request, REQUEST)
        assert not report.has_errors(), report.generate_report()
    adopted = [adopt_job(request) for _, request in drawn]
    assert [app.steps[0].processor for app in adopted] == [KINDS[kind] for kind, _ in drawn]

    sent = sent_by([render_app(app) for app in adopted])

    for (_, request), again in zip(drawn, sent, strict=True):
        assert without_defaults(again) == without_defaults(request)


def golden_requests() -> dict[tuple[str, int], Request]:
    return {case: golden_request(*case) for case in GOLDEN_CASES if case != REFUSED}


def test_the_jobs_of_the_sdk_send_their_requests_again() -> None:
    described = golden_requests()
    sent = sent_by([render_app(adopt_job(request)) for request in described.values()])
    for (case, request), again in zip(described.items(), sent, strict=True):
        assert without_defaults(comparable(again)) == without_defaults(comparable(request)), case


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("processor", ["Processor", "Processor"]),
        ("script_processor", ["ScriptProcessor", "ScriptProcessor"]),
        ("sklearn_processor", ["SKLearnProcessor"]),
        ("framework_processor", ["FrameworkProcessor"] * 5),
        # The files that the SDK has uploaded as dependencies and configuration are not in the request.
        ("pyspark_processor", ["ScriptProcessor", "PySparkProcessor", "ScriptProcessor", "PySparkProcessor"]),
        ("datasets_featurestore", ["Processor", "Processor"]),
    ],
)
def test_the_jobs_of_the_sdk_are_of_its_processors(name: str, kinds: list[str]) -> None:
    found: list[Any] = [adopt_job(golden_request(name, index)).steps[0].processor for index in range(len(kinds))]
    assert found == kinds


def test_the_role_is_kept_on_request() -> None:
    request = golden_request("sklearn_processor", 0)
    (sent,) = sent_by([render_app(adopt_job(request, keep_role=True))])
    assert sent["RoleArn"] == request["RoleArn"]
