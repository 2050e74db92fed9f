"""A DynamoDB table with a partition key ``pk`` and a sort key ``sk``, as plain Python values."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Change = dict[str, Any]
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
MAX_CHANGES = 100
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_MAX_KEYS = 100
NEW = "attribute_not_exists(pk)"
EXISTING = "attribute_exists(pk)"
_TRIES = 12
# The transaction itself is valid; another one changed the same items, or the table was throttled:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_TRANSIENT = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})

_serializer, _deserializer = TypeSerializer(), TypeDeserializer()


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    In conditions and expressions an attribute is written ``#name`` and a value ``:name``.

    Attributes:
        client: the client of DynamoDB.
        name: the table's name.
    """

    client: DynamoDBClient
    name: str

    def get(self, partition: str, sort: str) -> dict[str, Any] | None:
        """Return an item, read consistently; None when there is none."""
        answer = self.client.get_item(TableName=self.name, Key=_key(partition, sort), ConsistentRead=True)
        return _unmarshal(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the items that exist of some keys, each read consistently."""
        wanted = list(dict.fromkeys(keys))
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for start in range(0, len(wanted), _MAX_KEYS):
            request: Any = {
                self.name: {"Keys": [_key(*key) for key in wanted[start : start + _MAX_KEYS]], "ConsistentRead": True}
            }
            for attempt in itertools.count():
                answer = self.client.batch_get_item(RequestItems=request)
                items = map(_unmarshal, answer["Responses"].get(self.name, ()))
                found |= {(item["pk"], item["sk"]): item for item in items}
                request = answer.get("UnprocessedKeys")
                if not request:
                    break
                _pause(attempt)
        return found

    def query(
        self, partition: str, *, between: tuple[str, str] | None = None, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of a partition, read consistently, by ascending sort key.

        Args:
            partition: the partition.
            between: the first and the last sort key. Default: all.
            limit: the highest number of items. Default: all.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk" + (" AND sk BETWEEN :first AND :last" if between else ""),
            "ExpressionAttributeValues": _marshal(
                {":pk": partition, **({":first": between[0], ":last": between[1]} if between else {})}
            ),
            **({"Limit": limit} if limit else {}),
        }
        while True:
            answer = self.client.query(**request)
            yield from (_unmarshal(item) for item in answer["Items"])
            if limit or "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def last(self, partition: str, sort: str) -> dict[str, Any] | None:
        """Return the last item of a partition up to a sort key, read consistently; None when there is none."""
        answer = self.client.query(
            TableName=self.name,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND sk <= :last",
            ExpressionAttributeValues=_marshal({":pk": partition, ":last": sort}),
            ScanIndexForward=False,
            Limit=1,
        )
        return next(map(_unmarshal, answer["Items"]), None)

    def created(self) -> int:
        """Return the time at which the table was created, in seconds."""
        return int(self.client.describe_table(TableName=self.name)["Table"]["CreationDateTime"].timestamp())

    def scan_partitions(self, limit: int) -> list[str]:
        """Return the partition keys of some items, whichever the table returns first."""
        answer = self.client.scan(TableName=self.name, Limit=limit, ProjectionExpression="pk")
        return [item["pk"]["S"] for item in answer["Items"]]

    def apply(self, change: Change) -> bool:
        """Make a single change, and return False when its condition does not hold."""
        ((operation, request),) = change.items()
        write = getattr(self.client, f"{operation.lower()}_item")
        try:
            write(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def put(
        self, partition: str, sort: str, fields: Mapping[str, object], condition: str = "", **values: object
    ) -> Change:
        """Return the change that puts an item if a condition holds for the existing one."""
        item = _marshal({"pk": partition, "sk": sort, **fields})
        return {"Put": {"TableName": self.name, "Item": item} | _conditional(condition, "", values)}

    def delete(self, partition: str, sort: str, condition: str = "", **values: object) -> Change:
        """Return the change that deletes an item if a condition holds for it."""
        change = {"TableName": self.name, "Key": _key(partition, sort)}
        return {"Delete": change | _conditional(condition, "", values)}

    def update(self, partition: str, sort: str, expression: str, condition: str = "", **values: object) -> Change:
        """Return the change that updates an item if a condition holds for it."""
        change = {"TableName": self.name, "Key": _key(partition, sort)}
        return {"Update": change | _conditional(condition, expression, values)}

    @staticmethod
    def unmarshal(item: Mapping[str, Any]) -> dict[str, Any]:
        """Return the plain values of an item, such as a change contains."""
        return _unmarshal(item)

    def transact(self, changes: Sequence[Change]) -> set[int] | None:
        """Make all changes or none.

        Returns None when they are made, otherwise the numbers of the changes whose condition does not hold.
        """
        if len(changes) > MAX_CHANGES:
            raise ValueError(f"a transaction must have at most {MAX_CHANGES} changes, got {len(changes)}")
        for attempt in range(_TRIES):
            try:
                self.client.transact_write_items(TransactItems=cast("list[TransactWriteItemTypeDef]", changes))
            except ClientError as error:
                code = error.response["Error"]["Code"]
                reasons = [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", ())]
                refused = {index for index, reason in enumerate(reasons) if reason == "ConditionalCheckFailed"}
                if code == "TransactionCanceledException" and refused:
                    return refused
                transient = bool(reasons) and set(reasons) <= {"None", *_TRANSIENT}
                if not (transient or code == "TransactionInProgressException") or attempt == _TRIES - 1:
                    raise
                _pause(attempt)
            else:
                return None
        raise AssertionError("unreachable")


def _pause(attempt: int) -> None:
    # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    time.sleep(random.uniform(0, min(2.0, 0.02 * 2**attempt)))  # noqa: S311 - no secret


def _conditional(condition: str, expression: str, values: Mapping[str, object]) -> dict[str, Any]:
    names = {f"#{name}": name for name in re.findall(r"#(\w+)", f"{condition} {expression}")}
    return {
        **({"ConditionExpression": condition} if condition else {}),
        **({"UpdateExpression": expression} if expression else {}),
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": _marshal({f":{k}": v for k, v in values.items()})} if values else {}),
    }


def _key(partition: str, sort: str) -> dict[str, Any]:
    return _marshal({"pk": partition, "sk": sort})


def _marshal(item: Mapping[str, object]) -> dict[str, Any]:
    return {name: _serializer.serialize(value) for name, value in item.items()}


def _unmarshal(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain values; every number of the table is an integer."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a value of DynamoDB
    if isinstance(value, Decimal):
        return int(value)
    return value.value if isinstance(value, Binary) else value  # type: ignore[attr-defined]
