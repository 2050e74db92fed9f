"""The search for deployed pipelines, by the tags that a deployment gives to their parts, and the choice of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cdk_sagemaker_processing.model import names
from smproc.operations.errors import PipelineNotFoundError

if TYPE_CHECKING:
    from boto3 import Session

_SEPARATOR = "/"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_One = TypeVar("_One", bound=_Named)


def tagged_pipelines(session: Session, *, bucket: str | None = None) -> Iterator[dict[str, str]]:
    """Yield what the tags tell of each pipeline of an account and region, the attributes of `Pipeline`, by their names.

    Args:
        session: a boto3 session.
        bucket: the bucket that objects arrive in; the queues of the pipelines are not looked for. Default: any.

    See: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
    """
    filters: list[dict[str, Any]] = [{"Key": names.PART_TAG}]
    if bucket is not None:
        filters.append({"Key": names.BUCKET_TAG, "Values": [bucket]})
    pages = session.client("resourcegroupstaggingapi").get_paginator("get_resources")
    parts: dict[str, list[tuple[str, dict[str, str]]]] = {}
    # Jobs have the pipeline's tag, too, and remain for ever.
    for page in pages.paginate(TagFilters=filters, ResourceTypeFilters=["sqs", "lambda:function"]):
        for resource in page["ResourceTagMappingList"]:
            tags = {tag["Key"]: tag["Value"] for tag in resource["Tags"]}
            parts.setdefault(tags.get(names.PIPELINE_TAG, ""), []).append((resource["ResourceARN"], tags))
    for name, some in sorted(parts.items()):
        found = _attributes_of(name, some)
        if name and found["state_machine_arn"]:
            yield found


def choose_named(known: Iterable[_One], name: str | None, *, stack: str | None = None) -> _One:
    """Return the one of some pipelines that a user means.

    Args:
        known: the pipelines.
        name: its name, or the end of it after a slash. Default: the only one.
        stack: the CloudFormation stack of these, for the error. Default: any.

    Raises:
        PipelineNotFoundError: there is none, or there are several.
    """
    known = list(known)
    matching = [one for one in known if name is None or _ends_in(one.name, name)]
    exact = [one for one in matching if one.name == name]
    if len(exact or matching) == 1:
        return (exact or matching)[0]
    where = f"the stack {stack!r} has" if stack is not None else "this account and region have"
    if not known:
        raise PipelineNotFoundError(
            f"{where} no pipeline: no function or queue has the tag {names.PART_TAG}; deploy one with `npx cdk deploy`"
            + ("" if stack is None else ", or name another stack with --stack")
        )
    problem = f"no pipeline {name!r}" if name is not None and not matching else f"{len(matching)} pipelines"
    problem += f" {name!r}" if name is not None and matching else ""
    choices = ", ".join(one.name for one in matching or known)
    raise PipelineNotFoundError(f"{where} {problem}; name one of these with --pipeline: {choices}")


def _ends_in(path: str, name: str) -> bool:
    return f"{_SEPARATOR}{path}".endswith(f"{_SEPARATOR}{name.lstrip(_SEPARATOR)}")


def _attributes_of(name: str, parts: Iterable[tuple[str, Mapping[str, str]]]) -> dict[str, str]:
    arns: dict[str, str] = {}
    tags: dict[str, str] = {}
    for arn, some in parts:
        arns[some[names.PART_TAG]] = arn
        tags |= some
    return {
        "name": name,
        "stack": tags.get(names.STACK_TAG, ""),
        "state_machine_arn": tags.get(names.STATE_MACHINE_TAG, ""),
        "bucket": tags.get(names.BUCKET_TAG, ""),
        "table": tags.get(names.LEDGER_TAG, ""),
        "dispatcher": arns.get(names.DISPATCHER, "").rpartition(":")[2],
        "intake": arns.get(names.INTAKE, "").rpartition(":")[2],
        "queue_arn": arns.get(names.INPUT_QUEUE, ""),
        "dead_letter_queue_arn": arns.get(names.DEAD_LETTER_QUEUE, ""),
        "undelivered_queue_arn": arns.get(names.UNDELIVERED_QUEUE, ""),
    }
