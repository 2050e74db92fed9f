"""The state machine, and what each processing step of its definition needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from smproc.operations.doctor.checks import Facts, Finding, allows, check_key, code_of, is_denied, ok, problem, unknown

_JOB = "sagemaker:createProcessingJob"
_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[\w-]+)\.amazonaws\.com(?:\.cn)?/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:\w+))?"
)
_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/")
_URI = re.compile(r"s3://([^/]+)/(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Step:
    """A state that creates a processing job, with the parameters that do not depend on the input."""

    name: str
    parameters: Mapping[str, Any]

    def text(self, *path: str) -> str:
        """Return a text of the request; empty if there is none, or if it depends on the input."""
        value: Any = self.parameters
        for name in path:
            value = value.get(name, {}) if isinstance(value, Mapping) else {}
        return value if isinstance(value, str) and not value.startswith("{%") else ""


def check_state_machine(facts: Facts) -> Iterator[Finding]:
    """Check that the state machine is active, and that Step Functions may assume its role."""
    arn = facts.pipeline.state_machine_arn
    name = arn.rpartition(":")[2]
    try:
        machine = _machine(facts)
    except ClientError as error:
        if is_denied(error):
            raise
        yield problem("state machine", name, "the state machine does not exist", "deploy the stack again")
        return
    if machine.get("status", "ACTIVE") != "ACTIVE":
        yield problem("state machine", name, f"it is {machine['status']}", "deploy the stack again")
    else:
        yield ok("state machine", name, "active")
    yield _check_role(
        facts, "state machine role", machine["roleArn"], "states.amazonaws.com", f"the state machine {name}"
    )


def check_steps(facts: Facts) -> Iterator[Finding]:
    """Check what each processing step needs: role, image, data, network, keys and quota."""
    steps = list(_steps(json.loads(_machine(facts)["definition"])))
    for step in steps:
        for check in (_check_job_role, _check_image, _check_inputs, _check_outputs, _check_network, _check_keys):
            try:
                yield from check(facts, step)
            except ClientError as error:
                if not is_denied(error):
                    raise
                yield unknown("step", step.name, error)
    yield from _check_quotas(facts, steps)


def _machine(facts: Facts) -> Mapping[str, Any]:
    arn = facts.pipeline.state_machine_arn
    found: Mapping[str, Any] = facts.call("stepfunctions", "describe_state_machine", stateMachineArn=arn)
    return found


def _steps(definition: Mapping[str, Any]) -> Iterator[_Step]:
    for name, state in definition.get("States", {}).items():
        if _JOB in str(state.get("Resource", "")):
            yield _Step(name, state.get("Parameters") or state.get("Arguments") or {})
        inner = [*state.get("Branches", ()), state.get("ItemProcessor"), state.get("Iterator")]
        for one in filter(None, inner):
            yield from _steps(one)


def _check_job_role(facts: Facts, step: _Step) -> Iterator[Finding]:
    if role := step.text("RoleArn"):
        yield _check_role(facts, "job role", role, "sagemaker.amazonaws.com", f"the jobs of {step.name}")


def _check_role(facts: Facts, check: str, role_arn: str, service: str, subject: str) -> Finding:
    name = role_arn.rpartition("/")[2]
    try:
        role = facts.role(role_arn)
    except ClientError as error:
        if is_denied(error):
            return unknown(check, name, error)
        return problem(check, name, f"the role of {subject} does not exist", "create it again, or deploy with another")
    if not allows(role["AssumeRolePolicyDocument"], "sts:AssumeRole", service, ignores_source=True):
        return problem(
            check,
            name,
            f"its trust policy does not let {service} assume the role of {subject}",
            f"add {service} with sts:AssumeRole to the trust policy of the role",
        )
    return ok(check, name, f"{service} may assume it")


def _check_image(facts: Facts, step: _Step) -> Iterator[Finding]:
    uri = step.text("AppSpecification", "ImageUri")
    found = _IMAGE.fullmatch(uri)
    if found is None or found["account"] != facts.account:
        if uri:
            yield ok("image", uri, f"of another account than the pipeline's, so {step.name} alone can tell")
        return
    image = {"imageDigest": found["digest"]} if found["digest"] else {"imageTag": found["tag"] or "latest"}
    if found["region"] != facts.region:
        yield problem(
            "image", uri, f"it is in {found['region']}; SageMaker pulls from {facts.region}", "copy the image"
        )
        return
    try:
        facts.call("ecr", "describe_images", repositoryName=found["repository"], imageIds=[image])
    except ClientError as error:
        if code_of(error) not in ("ImageNotFoundException", "RepositoryNotFoundException"):
            raise
        what = "repository" if code_of(error).startswith("Repository") else "image"
        yield problem("image", uri, f"the {what} of {step.name} does not exist", f"push the image: docker push {uri}")
    else:
        yield ok("image", uri, "exists")


def _check_inputs(facts: Facts, step: _Step) -> Iterator[Finding]:
    inputs = step.parameters.get("ProcessingInputs", ())
    for one in inputs if isinstance(inputs, list) else ():
        uri = _Step(step.name, one).text("S3Input", "S3Uri")
        found = _URI.fullmatch(uri)
        if found is None:
            continue
        try:
            listed = facts.call("s3", "list_objects_v2", Bucket=found[1], Prefix=found[2], MaxKeys=1)
        except ClientError as error:
            if is_denied(error):
                yield unknown("input", uri, error)
            else:
                yield problem("input", uri, f"the bucket of an input of {step.name}: {code_of(error)}", "deploy again")
            continue
        if listed.get("KeyCount", len(listed.get("Contents", ()))):
            yield ok("input", uri, "exists")
        else:
            yield problem(
                "input",
                uri,
                f"no object is there for the input {one.get('InputName', '')!r} of {step.name}",
                "deploy the stack again, which uploads code, or put the data there",
            )


def _check_outputs(facts: Facts, step: _Step) -> Iterator[Finding]:
    text = json.dumps(step.parameters.get("ProcessingOutputConfig", {}))
    for bucket in sorted(set(_BUCKET.findall(text))):
        try:
            facts.call("s3", "head_bucket", Bucket=bucket)
        except ClientError as error:
            if is_denied(error):
                yield unknown("output", bucket, error)
            else:
                yield problem(
                    "output", bucket, f"the bucket of outputs of {step.name} does not exist", "create it again"
                )
        else:
            yield ok("output", bucket, "exists")


def _check_network(facts: Facts, step: _Step) -> Iterator[Finding]:
    config = step.parameters.get("NetworkConfig", {})
    network = config.get("VpcConfig", {}) if isinstance(config, Mapping) else {}
    for member, operation, parameter in (
        ("Subnets", "describe_subnets", "SubnetIds"),
        ("SecurityGroupIds", "describe_security_groups", "GroupIds"),
    ):
        ids = network.get(member)
        if not isinstance(ids, list):
            continue
        try:
            facts.call("ec2", operation, **{parameter: ids})
        except ClientError as error:
            if is_denied(error):
                raise
            yield problem(
                "network", ", ".join(ids), f"{step.name}: {error.response['Error']['Message']}", "deploy again"
            )
        else:
            yield ok("network", ", ".join(ids), "exists")


def _check_keys(facts: Facts, step: _Step) -> Iterator[Finding]:
    for path in (("ProcessingOutputConfig", "KmsKeyId"), ("ProcessingResources", "ClusterConfig", "VolumeKmsKeyId")):
        if key_id := step.text(*path):
            yield check_key(facts, key_id, f"the jobs of {step.name}")


def _check_quotas(facts: Facts, steps: list[_Step]) -> Iterator[Finding]:
    """Check that the account may have as many instances as each step needs.

    See: https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
    """
    wanted: dict[str, int] = {}
    for step in steps:
        if kind := step.text("ProcessingResources", "ClusterConfig", "InstanceType"):
            count = step.parameters["ProcessingResources"]["ClusterConfig"].get("InstanceCount", 1)
            wanted[kind] = max(wanted.get(kind, 1), count if isinstance(count, int) else 1)
    if not wanted:
        return
    try:
        listed = facts.pages("service-quotas", "list_service_quotas", "Quotas", ServiceCode="sagemaker")
    except ClientError as error:
        if not is_denied(error):
            raise
        yield unknown("quota", ", ".join(sorted(wanted)), error)
        return
    quotas = {one["QuotaName"]: one for one in listed}
    for kind, count in sorted(wanted.items()):
        quota = quotas.get(f"{kind} for processing job usage")
        if quota is None:
            yield ok("quota", kind, "Service Quotas has none for it in processing jobs")
        elif quota["Value"] < count:
            command = (
                "aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code "
                f"{quota['QuotaCode']} --desired-value {count}"
            )
            yield problem("quota", kind, f"the quota is {quota['Value']:g} instances, and a job needs {count}", command)
        else:
            yield ok("quota", kind, f"{quota['Value']:g} instances in processing jobs")
