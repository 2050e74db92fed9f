"""The common part of all checks: their findings, the clients that they share, and the answers that several need."""

from __future__ import annotations

import fnmatch
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from smproc.operations.pipeline import Pipeline

State = Literal["ok", "problem", "unknown"]
_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "UnauthorizedOperation",
        "403",
    }
)
# The answer to HEAD has no text that could name it.
_ACTIONS: Final = {"HeadBucket": "s3:ListBucket"}
_ACTION = re.compile(r"perform: ([\w-]+:\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A result of a check.

    Attributes:
        check: the part that was checked, such as ``rule`` or ``job role``.
        state: ``ok``, ``problem``, or ``unknown`` where a permission is missing.
        subject: the resource.
        text: the cause, and the value that it has.
        advice: what to do; empty if there is nothing to do.
    """

    check: str
    state: State
    subject: str
    text: str
    advice: str = ""


Check = Callable[["Facts"], Iterable[Finding]]


def ok(check: str, subject: str, text: str) -> Finding:
    """Return the finding that nothing is wrong."""
    return Finding(check=check, state="ok", subject=subject, text=text)


def problem(check: str, subject: str, text: str, advice: str) -> Finding:
    """Return the finding that something is wrong."""
    return Finding(check=check, state="problem", subject=subject, text=text, advice=advice)


def unknown(check: str, subject: str, error: ClientError) -> Finding:
    """Return the finding that a permission is missing."""
    return Finding(
        check=check,
        state="unknown",
        subject=subject,
        text=f"needs {action_of(error)}",
        advice="ask for the permission; docs/operating.md lists those of each command",
    )


def is_denied(error: ClientError) -> bool:
    """Return whether a request was refused for lack of a permission."""
    return error.response["Error"]["Code"] in _DENIED


def action_of(error: ClientError) -> str:
    """Return the action whose permission is missing, as the message names it, or the operation."""
    named = _ACTION.search(error.response["Error"].get("Message", ""))
    return named[1] if named else _ACTIONS.get(error.operation_name, error.operation_name)


def code_of(error: ClientError) -> str:
    """Return the code of an error."""
    return str(error.response["Error"]["Code"])


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A pipeline, and the answers of AWS that several checks need; each request is made once, from any thread.

    Attributes:
        pipeline: the pipeline.
        key: the key of an object that the rules should match; empty for none.
    """

    pipeline: Pipeline
    key: str = ""
    _clients: dict[str, Any] = field(default_factory=dict)
    _answers: dict[tuple[object, ...], Future[Any]] = field(default_factory=dict)
    # A session makes one client at a time: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def client(self, service: str) -> Any:  # noqa: ANN401 - as boto3's
        """Return the client of a service, which threads may share."""
        with self._lock:
            if service not in self._clients:
                make_client: Any = self.pipeline.session.client
                self._clients[service] = make_client(service)
            return self._clients[service]

    def call(self, service: str, operation: str, **parameters: Any) -> Any:  # noqa: ANN401 - an answer of boto3
        """Return the answer to a request, which is made once.

        Raises:
            ClientError: the request was refused; everybody who asks gets the error.
        """
        key = (service, operation, json.dumps(parameters, sort_keys=True))
        client = self.client(service)
        return self._once(key, lambda: getattr(client, operation)(**parameters))

    def pages(self, service: str, operation: str, name: str, **parameters: Any) -> list[Any]:
        """Return the values of one member of all pages of an answer, which are read once."""
        client = self.client(service)
        key = (service, operation, name, json.dumps(parameters, sort_keys=True))
        return list(
            self._once(
                key,
                lambda: [
                    one for page in client.get_paginator(operation).paginate(**parameters) for one in page.get(name, ())
                ],
            )
        )

    def _once(self, key: tuple[object, ...], ask: Callable[[], Any]) -> Any:  # noqa: ANN401
        with self._lock:
            future = self._answers.get(key)
            is_first = future is None
            if future is None:
                future = self._answers[key] = Future()
        if is_first:
            try:
                future.set_result(ask())
            except BaseException as error:  # noqa: BLE001 - raised by `result`, in every thread
                future.set_exception(error)
        return future.result()

    @property
    def region(self) -> str:
        """The region of the pipeline."""
        return self.pipeline.state_machine_arn.split(":")[3]

    @property
    def account(self) -> str:
        """The account of the pipeline."""
        return self.pipeline.state_machine_arn.split(":")[4]

    def queue_url(self, queue_arn: str) -> str:
        """Return the URL of a queue."""
        *_, account, name = queue_arn.split(":")
        answer = self.call("sqs", "get_queue_url", QueueName=name, QueueOwnerAWSAccountId=account)
        return str(answer["QueueUrl"])

    def function(self, name: str) -> Mapping[str, Any]:
        """Return the configuration of a function."""
        found: Mapping[str, Any] = self.call("lambda", "get_function_configuration", FunctionName=name)
        return found

    def settings(self) -> Mapping[str, Any]:
        """Return the settings of the dispatcher."""
        variables = self.function(self.pipeline.dispatcher).get("Environment", {}).get("Variables", {})
        found: Mapping[str, Any] = json.loads(variables.get("SETTINGS", "{}"))
        return found

    def role(self, role_arn: str) -> Mapping[str, Any]:
        """Return a role."""
        found: Mapping[str, Any] = self.call("iam", "get_role", RoleName=role_arn.rpartition("/")[2])["Role"]
        return found


def check_key(facts: Facts, key_id: str, subject: str) -> Finding:
    """Check that a key of KMS can be used.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    """
    try:
        metadata = facts.call("kms", "describe_key", KeyId=key_id)["KeyMetadata"]
    except ClientError as error:
        if is_denied(error):
            return unknown("key", key_id, error)
        return problem("key", key_id, f"the key of {subject} does not exist", "restore the key, or deploy with another")
    state = metadata["KeyState"]
    if state == "Enabled":
        return ok("key", key_id, f"the key of {subject} is enabled")
    command = "cancel-key-deletion" if state == "PendingDeletion" else "enable-key"
    deleted = metadata.get("DeletionDate")
    when = f", to be deleted on {deleted:%Y-%m-%d}" if deleted is not None else ""
    return problem(
        "key",
        key_id,
        f"the key of {subject} is {state}{when}, so nothing can read it",
        f"aws kms {command} --key-id {key_id}",
    )


def allows(
    policy: str | Mapping[str, Any] | None, action: str, service: str, source: str = "", *, ignores_source: bool = False
) -> bool:
    """Return whether a resource's policy, or the trust policy of a role, lets a service do something.

    It compares principals, actions and ``aws:SourceArn``; other conditions are taken to hold.

    Args:
        policy: the policy, as JSON or parsed; None for none.
        action: the action.
        service: the service principal.
        source: the ARN of the resource that the service acts for.
        ignores_source: whether ``aws:SourceArn`` does not matter.
    """
    document = json.loads(policy) if isinstance(policy, str) else policy or {}
    return any(
        statement.get("Effect") == "Allow"
        and _names(statement.get("Principal"), service)
        and any(fnmatch.fnmatchcase(action.lower(), one.lower()) for one in _listed(statement.get("Action", ())))
        and (ignores_source or _permits_source(statement.get("Condition", {}), source))
        for statement in _listed(document.get("Statement", ()))
    )


def _names(principal: object, service: str) -> bool:
    if isinstance(principal, Mapping):
        return service in _listed(principal.get("Service", ())) or "*" in _listed(principal.get("AWS", ()))
    return principal == "*"


def _permits_source(condition: Mapping[str, Mapping[str, Any]], source: str) -> bool:
    sources = [
        expected
        for operator, values in condition.items()
        for key, expected in values.items()
        if key.lower() == "aws:sourcearn" and operator.startswith(("Arn", "String"))
    ]
    return all(any(fnmatch.fnmatchcase(source, one) for one in _listed(expected)) for expected in sources)


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - an element of a policy
    return list(value) if isinstance(value, list | tuple) else [value]


def findings_of(check: Check, facts: Facts, name: str) -> Iterator[Finding]:
    """Yield what a check finds; a request that is denied, or fails, is a finding, too."""
    try:
        yield from check(facts)
    except ClientError as error:
        if is_denied(error):
            yield unknown(name, facts.pipeline.name, error)
        else:
            yield problem(name, facts.pipeline.name, str(error), "deploy the stack again if the resource was deleted")
