"""References of a template as text: readable, as cdk-nag writes them, and never a Python dictionary."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_sagemaker_processing._internal.template_text import one_line, to_template_text

NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
REFERENCES: st.SearchStrategy[Any] = st.recursive(
    NAMES | NAMES.map(lambda name: {"Ref": name}) | st.tuples(NAMES, NAMES).map(lambda each: {"Fn::GetAtt": [*each]}),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"Fn::Join": ["", parts]}),
        inner.map(lambda name: {"Fn::ImportValue": name}),
        NAMES.map(lambda name: {"Fn::Sub": f"a-${{AWS::{name}}}-b"}),
        st.tuples(NAMES, inner, NAMES).map(lambda each: {"Fn::FindInMap": [*each]}),
        inner.map(lambda text: {"Fn::Select": [1, {"Fn::Split": [":", text]}]}),
        st.tuples(NAMES, inner, inner).map(lambda each: {"Fn::If": [*each]}),
        inner.map(lambda text: {"Fn::Base64": text}),
    ),
    max_leaves=6,
)


@given(REFERENCES)
def test_no_reference_is_a_python_dictionary(value: object) -> None:
    assert "{'" not in one_line(value)
    assert "{'" not in json.dumps(to_template_text({"Resource": [value]}))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Fn::Sub": "assets-${AWS::AccountId}-${AWS::Region}"}, "assets-<AWS::AccountId>-<AWS::Region>"),
        ({"Fn::ImportValue": "Base:ExportsOutputRefBucket"}, "Base:ExportsOutputRefBucket"),
        ({"Fn::FindInMap": ["Images", {"Ref": "AWS::Region"}, "account"]}, "<Images.AWS::Region.account>"),
        ({"Fn::Select": [5, {"Fn::Split": [":", {"Ref": "Arn"}]}]}, "<part 5 of <Arn> split at ':'>"),
        ({"Fn::If": ["Yes", "a", "b"]}, '{"Fn::If": ["Yes", "a", "b"]}'),
    ],
)
def test_forms(value: object, text: str) -> None:
    assert one_line(value) == text
