"""Valid arguments of every Python kind: each call has the template of the one with plain values."""

from __future__ import annotations

import collections
import enum
import json
import operator
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    InvalidProcessingJobError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    PySparkProcessor,
    ScriptProcessor,
)

PROCESSOR: dict[str, Any] = {"image_uri": "111122223333.dkr.ecr.us-west-2.amazonaws.com/own:1"}
ENVIRONMENT = cdk.Environment(account="111122223333", region="us-west-2")
ROOT = "/opt/ml/processing"

# ruff: noqa: ANN401 - the values are of any kind


class StringSubclass(str):
    __slots__ = ()


class IntSubclass(int):
    pass


class Integer:
    """An integer of another library, as those of numpy are."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


class OwnSequence(Sequence[Any]):
    def __init__(self, *items: Any) -> None:
        self.items = items

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


class OwnMapping(Mapping[str, Any]):
    def __init__(self, items: dict[str, Any]) -> None:
        self.items_ = items

    def __getitem__(self, key: str) -> Any:
        return self.items_[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.items_)

    def __len__(self) -> int:
        return len(self.items_)


def mixed_in(value: Any) -> Any:
    return enum.Enum("Mixed", {"MEMBER": value}, type=type(value)).MEMBER  # type: ignore[attr-defined]


STRINGS: dict[str, Callable[[str], Any]] = {
    "subclass": StringSubclass,
    "enum": mixed_in,
    "StrEnum": lambda value: enum.StrEnum("Kinds", {"MEMBER": value}).MEMBER,  # type: ignore[attr-defined]
}
INTEGERS: dict[str, Callable[[int], Any]] = {
    "subclass": IntSubclass,
    "IntEnum": lambda value: enum.IntEnum("Sizes", {"MEMBER": value}).MEMBER,  # type: ignore[attr-defined]
    "enum": mixed_in,
    "index": Integer,
}
LISTS: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "deque": collections.deque,
    "UserList": collections.UserList,
    "Sequence": lambda items: OwnSequence(*items),
}
MAPPINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "OrderedDict": collections.OrderedDict,
    "UserDict": collections.UserDict,
    "ChainMap": collections.ChainMap,
    "proxy": types.MappingProxyType,
    "Mapping": OwnMapping,
}
KINDS = [
    pytest.param(kind, convert, id=f"{kind.__name__}-{name}")
    for kind, kinds in ((str, STRINGS), (int, INTEGERS), (list, LISTS), (dict, MAPPINGS))
    for name, convert in kinds.items()
]


def template(convert: Callable[[Any], Any]) -> str:
    """Return the template of calls with each value that ``convert`` changes."""

    def deep(value: Any) -> Any:
        if type(value) is dict:
            value = {key: deep(part) for key, part in value.items()}
        elif type(value) is list:
            value = [deep(part) for part in value]
        return convert(value)

    scope = cdk.Stack(cdk.App(), "Stack", env=ENVIRONMENT)
    network = NetworkConfig(security_group_ids=deep(["sg-1"]), subnets=deep(["subnet-1", "subnet-2"]))
    shared: dict[str, Any] = {
        "instance_type": deep("ml.m5.large"),
        "instance_count": deep(2),
        "volume_size_in_gb": deep(31),
        "max_runtime_in_seconds": deep(600),
        "base_job_name": deep("base"),
        "env": deep({"A": "b"}),
        "tags": deep([{"Key": "team", "Value": "ml"}]),
        "network_config": network,
    }
    image = deep(PROCESSOR["image_uri"])
    data: dict[str, Any] = {
        "inputs": deep([ProcessingInput(source=deep("s3://bucket/x/"), destination=deep(f"{ROOT}/x"))]),
        "outputs": deep([ProcessingOutput(source=deep(f"{ROOT}/y"), output_name=deep("y"))]),
        "arguments": deep(["--x", "1"]),
    }
    processor = Processor(scope, deep("Own"), image_uri=image, entrypoint=deep(["python3", "x.py"]), **shared)
    script = ScriptProcessor(scope, deep("Script"), image_uri=image, command=deep(["python3", "-u"]), **shared)
    spark = PySparkProcessor(scope, deep("Spark"), framework_version=deep("3.3"), **shared)
    configuration = deep([{"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "2g"}}])
    states = [
        processor.run(deep("Run"), **data),
        script.run(deep("RunScript"), code=deep("s3://bucket/x.py"), **data),
        spark.run(deep("RunSpark"), submit_app=deep("s3://bucket/x.py"), configuration=configuration, **data),
    ]
    chain = sfn.Chain.start(states[0]).next(states[1]).next(states[2])
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chain))
    return json.dumps(assertions.Template.from_stack(scope).to_json(), sort_keys=True)


@pytest.mark.parametrize(("kind", "convert"), KINDS)
def test_a_value_of_each_kind_has_the_template_of_the_plain_one(kind: type, convert: Callable[[Any], Any]) -> None:
    assert template(lambda value: convert(value) if type(value) is kind else value) == template(lambda value: value)


def test_a_one_dimensional_array_is_not_an_integer() -> None:
    class Array:
        def __index__(self) -> int:
            return operator.index("only arrays of one element can be converted")  # type: ignore[arg-type]

    count: Any = Array()
    with pytest.raises(InvalidProcessingJobError, match="instance_count must be an integer"):
        Processor(cdk.Stack(), "P", instance_type="ml.m5.large", instance_count=count, **PROCESSOR)


@pytest.mark.parametrize("parameter", ["env", "tags", "arguments", "entrypoint", "inputs", "network_config"])
def test_a_token_of_any_type_passes_or_is_refused_by_its_name(parameter: str) -> None:
    scope = cdk.Stack()
    given: dict[str, Any] = {parameter: cdk.Token.as_any({"Ref": "X"})}
    of_run = {name: given.pop(name) for name in ("arguments", "inputs") if name in given}
    try:
        Processor(scope, "P", instance_type="ml.m5.large", **PROCESSOR, **given).run("Run", **of_run)
    except InvalidProcessingJobError as error:
        assert parameter in str(error)  # noqa: PT017 - most of them pass


def test_a_command_of_unknown_length_is_refused_at_synth() -> None:
    command = cdk.Token.as_list({"Ref": "Command"})
    with pytest.raises(InvalidProcessingJobError, match="command must be a list of a known length"):
        ScriptProcessor(cdk.Stack(), "P", instance_type="ml.m5.large", command=command, **PROCESSOR)


def test_the_first_synth_passes_values_that_the_cli_is_about_to_look_up() -> None:
    scope = cdk.Stack(cdk.App(), "Stack", env=ENVIRONMENT)
    role = iam.Role.from_lookup(scope, "Role", role_name="job")
    instance_type = ssm.StringParameter.value_from_lookup(scope, "/instance-type")
    run = Processor(scope, "P", instance_type=instance_type, role=role, **PROCESSOR).run("Run")
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(run))
    app: Any = scope.node.root
    manifest = json.loads((Path(app.synth().directory) / "manifest.json").read_text())
    assert {missing["provider"] for missing in manifest["missing"]} == {"ssm", "cc-api-provider"}
