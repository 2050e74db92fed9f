"""The lookup of keys against a model of S3: the same results for whichever pages and keys, and few calls."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_trigger import object_lookup
from s3_trigger.object_lookup import Found, look_up


class Bucket:
    """A model of a bucket.

    Attributes:
        keys: the keys of its objects.
        listable: the prefixes of which the function may list the keys; all if empty.
        encrypted: the keys whose objects HeadObject refuses, for they are encrypted with a key of their uploader.
        calls: the operations so far.
    """

    def __init__(self, keys: set[str], listable: tuple[str, ...] = (), encrypted: frozenset[str] = frozenset()) -> None:
        self.keys = sorted(keys, key=str.encode)
        self.listable = listable
        self.encrypted = encrypted
        self.calls: list[str] = []

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int, StartAfter: str = "") -> dict[str, Any]:  # noqa: N803
        assert Bucket == "in"
        self.calls.append("list")
        if not Prefix.startswith(self.listable or ""):
            raise self.error(403)
        after = StartAfter.encode()
        found = [key for key in self.keys if key.encode() > after and key.startswith(Prefix)]
        return {"Contents": [{"Key": key} for key in found[:MaxKeys]], "IsTruncated": len(found) > MaxKeys}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket == "in"
        self.calls.append("head")
        if Key in self.encrypted:
            raise self.error(400)
        if Key not in self.keys:
            raise self.error(404 if Key.startswith(self.listable or "") else 403)
        return {}

    @staticmethod
    def error(status: int) -> ClientError:
        response: Any = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return ClientError(response, "operation")

    def look_up(self, keys: list[str], *, prefixes: tuple[str, ...] = (), alone: bool = False) -> list[Found]:
        s3: Any = self
        pool: Callable[[int], Any] = lambda _: ThreadPoolExecutor(1)  # noqa: E731
        return list(look_up(s3, "in", keys, prefixes=prefixes, alone=alone, pool=pool))


# The characters at which the orders of code points, UTF-16 and UTF-8 differ, and those that XML cannot have.
CHARACTERS = "\0\x01\n ~a/\x7f\ud7ff\ue000\uffff\U00010000\U0010ffff"
KEYS = st.text(alphabet=CHARACTERS, min_size=1, max_size=4).map(lambda text: f"in/{text}")


@settings(max_examples=200, deadline=None)
@given(
    keys=st.sets(KEYS, max_size=30),
    others=st.sets(KEYS, max_size=30),
    missing=st.sets(KEYS, max_size=8),
    alone=st.booleans(),
    page=st.integers(2, 9),
    dense=st.integers(1, 5),
    sparse=st.integers(1, 5),
    prefixes=st.sampled_from([(), ("in/",), ("in/a", "in/\ue000"), ("in/", "in/a")]),
    is_limited=st.booleans(),
)
def test_each_key_has_the_result_that_the_bucket_has(
    keys: set[str],
    others: set[str],
    missing: set[str],
    page: int,
    dense: int,
    sparse: int,
    prefixes: tuple[str, ...],
    *,
    alone: bool,
    is_limited: bool,
) -> None:
    there = (keys | others) - missing
    asked = sorted(keys | missing, key=str.encode)
    listable = prefixes if is_limited else ()
    encrypted = frozenset(key for key in there if len(key) % 2)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("_PAGE", page), ("_DENSE", dense), ("_SPARSE_KEYS", sparse)):
            patch.setattr(object_lookup, name, value)
        found = Bucket(there, listable, encrypted).look_up(asked, prefixes=prefixes, alone=alone)

    assert len(found) == len(asked)
    for key, result in zip(asked, found, strict=True):
        if not key.startswith(listable or ""):
            # It may not be known whether it exists: then the job decides.
            assert result.exists or key not in there
            assert not result.is_alone
            continue
        assert result.exists == (key in there), key
        is_alone = key in there and not any(other != key and other.startswith(key) for other in there)
        if alone:
            assert result.is_alone == is_alone, key
        else:
            assert not result.is_alone or is_alone


def numbered(count: int) -> list[str]:
    return [f"in/{number:06}" for number in range(count)]


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize(
    ("bucket", "asked", "calls"),
    [
        (1000, 1000, 2),
        (5000, 5000, 10),
        (1001, 1000, 2),
        (1000, 5, 5),
        (0, 1000, 2),
        (0, 1, 1),
    ],
)
def test_dense_keys_take_one_call_for_a_thousand(bucket: int, asked: int, calls: int, *, alone: bool) -> None:
    model = Bucket(set(numbered(bucket)))
    found = model.look_up(numbered(asked), prefixes=("in/",), alone=alone)
    assert [result.exists for result in found] == [number < bucket for number in range(asked)]
    assert len(model.calls) <= calls


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("every", [50, 100, 1000])
def test_sparse_keys_take_a_call_each(every: int, *, alone: bool) -> None:
    model = Bucket(set(numbered(100 * every)))
    asked = numbered(100 * every)[::every]
    assert all(result.exists for result in model.look_up(asked, prefixes=("in/",), alone=alone))
    assert len(model.calls) <= len(asked) + 12


@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_a_list_that_fails_fails_the_attempt(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Bucket(set(numbered(100)))

    def fail(**_: object) -> None:
        raise model.error(status)

    monkeypatch.setattr(model, "list_objects_v2", fail)
    with pytest.raises(ClientError):
        model.look_up(numbered(100))
    with pytest.raises(ClientError):
        model.look_up(numbered(1), alone=True)
