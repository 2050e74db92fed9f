"""Listings of a bucket: the same as without the index of its keys, whatever was added and removed before."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.services import s3

from smproc.local.server.patches.s3_listing import IndexedObjects

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

# Few characters make keys that share prefixes. The others are the last one, and those that UTF-16 orders otherwise.
ALPHABET = "ab/-é\uffff\U0001f600\U0010ffff"
TEXTS = st.text(alphabet=ALPHABET, max_size=5)
# `update` and `setdefault` add as assignment does.
CHANGES = st.lists(st.tuples(st.sampled_from(["add", "delete", "pop", "update", "setdefault", "list"]), TEXTS))
DELIMITERS = st.sampled_from(["", "/", "a", "ab", "\U0010ffff"])


def change(objects: dict[str, Any], name: str, key: str) -> None:
    match name:
        case "add":
            objects[key] = key
        case "delete":
            with suppress(KeyError):
                del objects[key]
        case "pop":
            objects.pop(key, None)
        case "update":
            objects.update({key: key})
        case "setdefault":
            objects.setdefault(key, key)


@settings(deadline=None, max_examples=400)
@given(st.sets(TEXTS), CHANGES, TEXTS, DELIMITERS, st.integers(0, 6), TEXTS)
def test_a_page_is_that_of_the_unpatched_function(
    keys: set[str], changes: list[tuple[str, str]], prefix: str, delimiter: str, max_keys: int, start_after: str
) -> None:
    plain, indexed = dict.fromkeys(keys), IndexedObjects(dict.fromkeys(keys))
    for name, key in changes:
        change(plain, name, key)
        change(indexed, name, key)
        if name == "list":
            indexed.page("", "", 1, "")
    assert indexed == plain
    expected = s3._collect_list_entries(plain, prefix, delimiter, max_keys, start_after)
    assert indexed.page(prefix, delimiter, max_keys, start_after) == expected


@settings(deadline=None, max_examples=200)
@given(st.sets(TEXTS), TEXTS, DELIMITERS, st.integers(1, 4))
def test_the_pages_together_are_the_whole_listing(keys: set[str], prefix: str, delimiter: str, max_keys: int) -> None:
    indexed = IndexedObjects(dict.fromkeys(keys))
    whole = s3._collect_list_entries(dict.fromkeys(keys), prefix, delimiter, 1000, "")
    contents, groups, more, last = indexed.page(prefix, delimiter, max_keys, "")
    # No continuation token stands for the empty key, which no object of S3 has.
    while more and last:
        page, page_groups, more, last = indexed.page(prefix, delimiter, max_keys, last)
        contents, groups = [*contents, *page], [*groups, *page_groups]
    assert more or (contents, groups) == whole[:2]


def test_an_emptied_bucket_lists_nothing() -> None:
    indexed = IndexedObjects({"a": 1})
    assert indexed.page("", "", 10, "")[0] == ["a"]
    indexed.clear()
    assert indexed.page("", "", 10, "") == ([], [], False, "")
    assert indexed.pop("a", None) is None


def test_the_listings_of_a_bucket_follow_its_objects(local_aws: RunningLocalAws) -> None:
    bucket, client = local_aws.name(), local_aws.s3
    client.create_bucket(Bucket=bucket)
    keys = ["a/b c.csv", "a/é", "b", "b/\U0001f600", "b/\ufb01"]
    for key in reversed(keys):
        client.put_object(Bucket=bucket, Key=key)
        assert client.list_objects_v2(Bucket=bucket, Prefix=key, StartAfter=key)["KeyCount"] == int(key == "b") * 2
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [item["Key"] for page in pages for item in page["Contents"]] == sorted(keys, key=str.encode)
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a/é"}, {"Key": "b/\ufb01"}]})
    listed = client.list_objects(Bucket=bucket, Delimiter="/", EncodingType="url")
    assert [item["Prefix"] for item in listed["CommonPrefixes"]] == ["a/", "b/"]
    assert [item["Key"] for item in listed["Contents"]] == ["b"]
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == len(keys) - 2


def test_versions_under_any_key_are_listed(local_aws: RunningLocalAws) -> None:
    bucket = local_aws.name()
    local_aws.s3.create_bucket(Bucket=bucket)
    keys = ["a b+%2F&<>", "a/\x01\x7f", "a\u2028", "a\U0001f600", "b"]
    for key in keys:
        local_aws.s3.put_object(Bucket=bucket, Key=key, Body=b"")
    listed, marker = [], ""
    while True:
        answer = local_aws.s3.list_object_versions(Bucket=bucket, Prefix="a", KeyMarker=marker, MaxKeys=1)
        listed += [version["Key"] for version in answer["Versions"]]
        if not answer["IsTruncated"]:
            break
        marker = answer["NextKeyMarker"]
    assert listed == keys[:-1]
