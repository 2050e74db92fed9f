"""The values of a template's intrinsic functions, with names of our own for what only a deployment knows."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_PSEUDO = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::NotificationARNs": []}
_VARIABLE = re.compile(r"\$\{(!?[^}]*)\}")
_BUCKET_NAME_MAX = 63
# Resources that EC2 names, in the form that SageMaker validates:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VpcConfig.html
_IDENTIFIERS = {"AWS::EC2::SecurityGroup": "sg", "AWS::EC2::Subnet": "subnet", "AWS::EC2::VPC": "vpc"}
# Attributes that are the name of the resource.
_NAMES = frozenset({"GroupId", "Id", "KeyId", "Name", "SubnetId", "VpcId"})
# ARNs that have more than the service and the name:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_ARNS = {
    "AWS::CloudWatch::Alarm": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::DynamoDB::GlobalTable": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::ECR::Repository": "arn:aws:ecr:{region}:{account}:repository/{name}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
}
_REF_IS_ARN = frozenset({"AWS::StepFunctions::StateMachine", "AWS::SNS::Topic", "AWS::SecretsManager::Secret"})
# A function whose value is not known is as good as a name, but a loop of references would never end.
_DEPTH_MAX = 200


@dataclass(frozen=True, kw_only=True)
class TemplateValues:
    """The values of the expressions in one template.

    Attributes:
        template: the template.
        stack: the name of the stack.
        account: its account, 12 digits.
        region: its region.
        parameters: the values of parameters that the stack around it passes, by their names.
        nested: returns the values of the template of a nested stack; None if its template is not known.
        exports: returns the value that another stack exports under a name; None if no stack does.
    """

    template: Mapping[str, Any]
    stack: str
    account: str
    region: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    nested: Callable[[str], TemplateValues | None] = lambda _: None
    exports: Callable[[str], str | None] = lambda _: None

    def value(self, expression: Any, depth: int = 0) -> Any:  # noqa: ANN401 - a value of JSON
        """Return an expression with the values of all functions in it."""
        if depth > _DEPTH_MAX:
            return "circular"
        if isinstance(expression, list):
            found = (self.value(item, depth + 1) for item in expression)
            return [item for item in found if item is not _NO_VALUE]
        if not isinstance(expression, Mapping):
            return expression
        if len(expression) == 1:
            (name, argument), *_ = expression.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument, depth + 1)
        found_members = {name: self.value(item, depth + 1) for name, item in expression.items()}
        return {name: item for name, item in found_members.items() if item is not _NO_VALUE}

    def text(self, expression: Any, depth: int = 0) -> str:  # noqa: ANN401 - a value of JSON
        """Return the text that an expression stands for."""
        value = self.value(expression, depth)
        return value if isinstance(value, str) else "" if value is _NO_VALUE else str(value)

    def output(self, name: str) -> str:
        """Return an output of the stack."""
        return self.text(((self.template.get("Outputs") or {}).get(name) or {}).get("Value", name))

    def physical_name(self, logical_id: str) -> str:
        """Return the name of a resource: the one that the template gives, or one of the stack and the logical id."""
        resource = self._resource(logical_id)
        properties = resource.get("Properties") or {}
        if resource.get("Type") == "AWS::S3::Bucket":
            given = properties.get("BucketName")
            return self.text(given) if given is not None else _bucket_name(f"{self.stack}-{logical_id}")
        name = f"{self.stack}-{logical_id}"
        if (prefix := _IDENTIFIERS.get(str(resource.get("Type")))) is not None:
            return f"{prefix}-{hashlib.sha256(name.encode()).hexdigest()[:17]}"
        if resource.get("Type") == "AWS::KMS::Key":
            return str(uuid.uuid5(uuid.NAMESPACE_OID, name))
        return name

    def arn(self, logical_id: str) -> str:
        """Return the ARN of a resource."""
        kind = str(self._resource(logical_id).get("Type", ""))
        name = self.physical_name(logical_id)
        service = kind.split("::")[1].lower() if kind.count("::") > 1 else "cloudformation"
        form = _ARNS.get(kind, f"arn:aws:{service}:{{region}}:{{account}}:{{name}}")
        return form.format(region=self.region, account=self.account, name=name)

    def _resource(self, logical_id: str) -> Mapping[str, Any]:
        found = (self.template.get("Resources") or {}).get(logical_id)
        return found if isinstance(found, Mapping) else {}

    def _function(self, name: str, argument: Any, depth: int) -> Any:  # noqa: ANN401 - a value of JSON
        function = _FUNCTIONS.get(name)
        if function is None:
            return name.partition("::")[2]
        try:
            return function(self, argument, depth)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return name.partition("::")[2]  # not as CloudFormation takes it: the deployment will tell

    def _ref(self, name: str, depth: int) -> Any:  # noqa: ANN401 - a value of JSON
        own = {"AWS::Region": self.region, "AWS::AccountId": self.account, "AWS::StackName": self.stack}
        own["AWS::StackId"] = f"arn:aws:cloudformation:{self.region}:{self.account}:stack/{self.stack}/0"
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in own or name in _PSEUDO:
            return own.get(name, _PSEUDO.get(name))
        if name in (self.template.get("Parameters") or {}):
            return self.parameters.get(name, self.template["Parameters"][name].get("Default", name))
        resource = self._resource(name)
        if resource.get("Type", "").startswith("Custom::"):
            # The upload of local code, and the values that are looked up for a hotswap, choose their physical ids.
            given = (resource.get("Properties") or {}).get("PhysicalResourceId")
            return self.physical_name(name) if given is None else self.value(given, depth)
        return self.arn(name) if resource.get("Type") in _REF_IS_ARN else self.physical_name(name)

    def _attribute(self, argument: Any, _depth: int) -> str:  # noqa: ANN401 - a value of JSON
        logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        if attribute.startswith("Outputs.") and (nested := self.nested(logical_id)) is not None:
            return nested.output(attribute.removeprefix("Outputs."))
        if attribute == "Arn":
            return self.arn(logical_id)
        name = self.physical_name(logical_id)
        if attribute == "CidrBlock" and (given := (self._resource(logical_id).get("Properties") or {}).get(attribute)):
            return self.text(given)
        return name if attribute in _NAMES else f"{name}-{attribute}"

    def _sub(self, argument: Any, depth: int) -> str:  # noqa: ANN401 - a value of JSON
        text, variables = (argument, {}) if isinstance(argument, str) else argument

        def replaced(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in variables:
                return self.text(variables[name], depth)
            return self._attribute(name, depth) if "." in name else self.text({"Ref": name}, depth)

        return _VARIABLE.sub(replaced, text)

    def _join(self, argument: Any, depth: int) -> str:  # noqa: ANN401 - a value of JSON
        separator, parts = argument
        return str(separator).join(map(str, self.value(parts, depth)))

    def _find(self, argument: Any, depth: int) -> Any:  # noqa: ANN401 - a value of JSON
        mapping, first, second = (self.text(part, depth) for part in argument[:3])
        return self.template["Mappings"][mapping][first][second]

    def _select(self, argument: Any, depth: int) -> Any:  # noqa: ANN401 - a value of JSON
        return self.value(argument[1], depth)[int(self.text(argument[0], depth))]

    def _import(self, argument: Any, depth: int) -> str:  # noqa: ANN401 - a value of JSON
        name = self.text(argument, depth)
        found = self.exports(name)
        return name if found is None else found

    def _if(self, argument: Any, depth: int) -> Any:  # noqa: ANN401 - a value of JSON
        condition, then, otherwise = argument
        return self.value(then if self._is_met({"Condition": condition}, depth) else otherwise, depth)

    def _is_met(self, condition: Any, depth: int) -> bool:  # noqa: ANN401 - a value of JSON
        (name, argument), *_ = condition.items()
        if name == "Condition":
            return self._is_met(self.template["Conditions"][argument], depth + 1)
        if name == "Fn::Equals":
            return self.text(argument[0], depth) == self.text(argument[1], depth)
        met = [self._is_met(part, depth + 1) for part in argument]
        return all(met) if name == "Fn::And" else any(met) if name == "Fn::Or" else not met[0]


class _NoValue:
    """The value of ``AWS::NoValue``, which removes what has it."""


_NO_VALUE = _NoValue()
_FUNCTIONS: Mapping[str, Callable[[TemplateValues, Any, int], Any]] = {
    "Ref": TemplateValues._ref,  # noqa: SLF001 - its own
    "Fn::GetAtt": TemplateValues._attribute,  # noqa: SLF001
    "Fn::Sub": TemplateValues._sub,  # noqa: SLF001
    "Fn::Join": TemplateValues._join,  # noqa: SLF001
    "Fn::FindInMap": TemplateValues._find,  # noqa: SLF001
    "Fn::Select": TemplateValues._select,  # noqa: SLF001
    "Fn::Split": lambda values, argument, depth: values.text(argument[1], depth).split(argument[0]),
    "Fn::ImportValue": TemplateValues._import,  # noqa: SLF001
    "Fn::If": TemplateValues._if,  # noqa: SLF001
    "Fn::GetAZs": lambda values, _argument, _depth: [f"{values.region}{letter}" for letter in "abc"],
}


def _bucket_name(text: str) -> str:
    """Return a name that S3 allows; a long one ends in a digest of the whole."""
    name = re.sub(r"[^a-z0-9-]", "-", text.lower()).strip("-")
    if len(name) <= _BUCKET_NAME_MAX:
        return name
    return f"{name[: _BUCKET_NAME_MAX - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
