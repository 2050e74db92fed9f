"""Values of definitions that the CDK CLI can resolve when it hotswaps them.

The CLI resolves the functions of a template itself, and ``Fn::FindInMap`` is not among those that it knows. It refuses
the definition of a state machine whose image depends on the region in this way, and the old script stays. It reads the
reference to a custom resource, its physical ID, from the stack. So the deployment looks such a value up once, and the
template refers to the result.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import jsii
from aws_cdk import CustomResource, Duration, IResolveContext, IStringProducer, Lazy, Stack
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import stack_of
from cdk_sagemaker_processing._internal.resource_facts import text_of


def hotswappable(scope: Construct, value_id: str, value: str) -> str:
    """Return a value in a form that can be hotswapped if the stack uploads local code, or else as it is.

    Args:
        scope: a construct of the stack.
        value_id: unique in the stack for the value.
        value: a value that CloudFormation resolves and that does not change between deployments.
    """
    values = _VALUES.setdefault(stack_of(scope), _Values())
    return values.add(value_id, value)


class _Values:
    """The values of a stack: all in one form, which depends on whether the stack has the function."""

    def __init__(self) -> None:
        self._values: dict[str, _Value] = {}
        self._function: tuple[Construct, str, Duration] | None = None

    def add(self, value_id: str, value: str) -> str:
        if value_id not in self._values:
            self._values[value_id] = _Value(value)
            self._look_up(value_id)
        return self._values[value_id].text

    def settle(self, text: str) -> str:
        for value in self._values.values():
            if value.resource is not None and value.text in text:
                text = text.replace(value.text, text_of(value.resource, "ref"))
        return text

    def look_up_with(self, scope: Construct, service_token: str, service_timeout: Duration) -> None:
        self._function = (scope, service_token, service_timeout)
        for value_id in self._values:
            self._look_up(value_id)

    def _look_up(self, value_id: str) -> None:
        if self._function is None:
            return
        scope, service_token, service_timeout = self._function
        value = self._values[value_id]
        value.resource = CustomResource(
            scope,
            value_id,
            resource_type="Custom::ValueOfRegion",
            service_token=service_token,
            service_timeout=service_timeout,
            properties={"PhysicalResourceId": value.original},
        )


def settled(scope: Construct, text: str) -> str:
    """Return a text with references in place of the values that are looked up: aws-cdk resolves them by itself.

    Args:
        scope: a construct of the stack.
        text: a text that may contain values of `hotswappable`.
    """
    values = _VALUES.get(stack_of(scope))
    return text if values is None else values.settle(text)


@jsii.implements(IStringProducer)
class _Value:
    """A value that is rendered when it is known whether it has a custom resource."""

    def __init__(self, original: str) -> None:
        self.original = original
        self.resource: CustomResource | None = None
        self.text = Lazy.uncached_string(self)

    def produce(self, context: IResolveContext) -> str:
        del context
        return self.original if self.resource is None else text_of(self.resource, "ref")


def look_values_up_with(scope: Construct, service_token: str, service_timeout: Duration) -> None:
    """Look the values of the stack up with a function that returns them as physical IDs.

    Args:
        scope: the parent of the custom resources.
        service_token: the ARN of the function.
        service_timeout: the time that CloudFormation waits for its response.
    """
    _VALUES.setdefault(stack_of(scope), _Values()).look_up_with(scope, service_token, service_timeout)


_VALUES: WeakKeyDictionary[Stack, _Values] = WeakKeyDictionary()
