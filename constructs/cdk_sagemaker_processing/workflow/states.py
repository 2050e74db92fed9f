"""The states around the steps of a workflow. They are JSONata, which a state may be in any state machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.digests import short_digest
from cdk_sagemaker_processing._internal.policy_text import policy_text
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing.model import PropertyFile
from cdk_sagemaker_processing.model.property_files import json_path_parts
from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.tasks import SageMakerCreateProcessingJob
from cdk_sagemaker_processing.tasks.query_languages import jsonata_path, jsonata_string
from cdk_sagemaker_processing.tasks.run_time_values import static_location, static_prefix
from cdk_sagemaker_processing.tasks.step_references import json_path
from cdk_sagemaker_processing.tasks.step_result import INPUT

SKIPPED: Final = "Skipped"
FAILED: Final = "Failed"


class Part(NamedTuple):
    """States of a workflow that are entered at one of them and left at others."""

    start: sfn.State
    ends: Sequence[sfn.INextable]

    def then(self, following: Part) -> Part:
        """Return both parts as one, after connecting this one to the other."""
        for end in self.ends:
            end.next(following.start)
        return Part(self.start, following.ends)


def state_name(template: str, name: str) -> str:
    """Return the name of a state that contains a step's, cut to the maximum length and still unique."""
    full = template.format(name)
    limit: int = maximum("StateNameCharacters")
    if len(full) <= limit:
        return full
    digest = short_digest(name)
    return template.format(f"{name[: limit - len(template.format('')) - len(digest) - 1]}-{digest}")


def choice(scope: Construct, name: str, condition: sfn.Condition, *, run: Part, otherwise: Part) -> Part:
    """Return a state that runs a part under a condition, and another part without it."""
    jsonata = "Condition" in condition.render_condition()
    make = sfn.Choice.jsonata if jsonata else sfn.Choice.json_path
    state = make(scope, name, state_name=name).when(condition, run.start).otherwise(otherwise.start)
    return Part(state, [*run.ends, *otherwise.ends])


def assign(scope: Construct, name: str, variables: Mapping[str, Any]) -> Part:
    """Return a state that assigns variables."""
    state = sfn.Pass.jsonata(scope, name, state_name=name, assign=variables)
    return Part(state, [state])


def output(scope: Construct, name: str, value: Mapping[str, Any] | str) -> Part:
    """Return a state that returns a value."""
    state = sfn.Pass.jsonata(scope, name, state_name=name, outputs=value)
    return Part(state, [state])


def parallel(
    scope: Construct,
    name: str,
    branches: Sequence[Part],
    *,
    variables: Mapping[str, Any],
    arguments: Mapping[str, Any] | None = None,
) -> sfn.Parallel:
    """Return a state that runs branches, assigns variables from their results, and returns its input."""
    state = sfn.Parallel.jsonata(
        scope, name, state_name=name, outputs=INPUT, assign=variables or None, arguments=arguments
    )
    for branch in branches:
        state.branch(branch.start)
    return state


def property_reads(scope: Construct, task: SageMakerCreateProcessingJob) -> list[Part]:
    """Return the states that read the property files of a task, each after the other, after the task.

    The task returns its result as a step, and so does each of these states, with the values that it read.
    """
    result = task.step_result
    files = [file for name, file in result.property_files.items() if result.properties[name]]
    known: dict[str, Any] = {}
    reads = []
    for file in files:
        values = {key: _value_in_file(path) for key, path in result.properties[file.name].items()}
        properties = {**known, file.name: values}
        reads.append(_read(scope, task, file, properties))
        before = jsonata_path(f"$.properties{json_path([file.name])}")
        known[file.name] = f"{{% {before} %}}"
    return reads


def property_file_arns(task: SageMakerCreateProcessingJob) -> list[str]:
    """Return the ARNs of the property files that the states of a task read."""
    result = task.step_result
    return [_object_arn(task, file) for name, file in result.property_files.items() if result.properties[name]]


def _read(
    scope: Construct, task: SageMakerCreateProcessingJob, file: PropertyFile, properties: Mapping[str, Any]
) -> Part:
    from aws_cdk import aws_stepfunctions_tasks as tasks  # noqa: PLC0415 - it loads many modules of aws-cdk

    location = jsonata_path(f"$.outputs{json_path([file.output_name])}")
    key = jsonata_string(f"/{file.path}")
    uri = rf"$replace({location}, /\/$/, '') & {key}"
    bucket_and_key = f"$substringAfter({uri}, 's3://')"
    name = state_name(f"Read {file.name} of {{}}", task.state_id)
    state = tasks.CallAwsService.jsonata(
        scope,
        name,
        state_name=name,
        service="s3",
        action="getObject",
        parameters={
            "Bucket": f"{{% $substringBefore({bucket_and_key}, '/') %}}",
            "Key": f"{{% $substringAfter({bucket_and_key}, '/') %}}",
        },
        iam_resources=[_object_arn(task, file)],
        additional_iam_statements=_key_statements(task),
        outputs={
            "status": "{% $states.input.status %}",
            "outputs": "{% $states.input.outputs %}",
            "properties": properties,
        },
    )
    # A missing file is another error, S3.NoSuchKeyException.
    state.add_retry(
        errors=["S3.S3Exception", "S3.SdkClientException"],
        interval=Duration.seconds(2),
        max_attempts=3,
        jitter_strategy=sfn.JitterType.FULL,
    )
    return Part(state, [state])


def _value_in_file(path: str) -> str:
    value = jsonata_path(f"$x{json_path(json_path_parts(path))}").removeprefix("$x")
    return f"{{% $parse($states.result.Body){value} %}}"


def _object_arn(task: SageMakerCreateProcessingJob, file: PropertyFile) -> str:
    """Return the ARN of a property file, with an asterisk for the parts of the key that are known only at run time.

    See: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    uri = task.output_uri(file.output_name)
    bucket, key = static_location(uri) or ("*", "")
    path = policy_text(file.path)
    if static_prefix(uri) == uri:
        key = f"{policy_text(key.rstrip('/'))}/{path}".removeprefix("/")
    else:
        key = f"{policy_text(key)}*/{path}"
    return f"arn:{StackFacts.of(task).partition}:s3:::{bucket}/{key}"


def _key_statements(task: SageMakerCreateProcessingJob) -> list[iam.PolicyStatement]:
    """Return the permission to decrypt the property files of a task.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    keys = task.output_keys()
    return [iam.PolicyStatement(actions=["kms:Decrypt"], resources=[key.key_arn for key in keys])] if keys else []
