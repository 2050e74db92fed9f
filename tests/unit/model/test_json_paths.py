"""The syntax of paths and intrinsic functions."""

from __future__ import annotations

import pytest

from cdk_sagemaker_processing.model.json_paths import is_intrinsic, is_path, is_reference_path, is_result_path


@pytest.mark.parametrize(
    ("text", "path", "reference"),
    [
        ("$", True, True),
        ("$$", True, True),
        ("$$.Map.Item.Value", True, True),
        ("$.a.b[0]['c d'].e-f", True, True),
        ("$.a[?(@.b > 1 && @.c == 'x]')].d", True, False),
        ("$..a", True, False),
        ("$.a[1:3]", True, False),
        ("$.a.length()", True, True),
        ("$.[0]", True, True),
        ("$['a*']", True, True),
        ("$.", False, False),
        ("$.a[", False, False),
        ("$.a[]", False, False),
        ("$.a b", False, False),
        ("$a..", False, False),
        ("a.b", False, False),
        ("", False, False),
    ],
)
def test_the_syntax_of_paths(text: str, path: bool, reference: bool) -> None:  # noqa: FBT001 - a table
    assert (is_path(text), is_reference_path(text)) == (path, reference)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("States.UUID()", True),
        ("States.Format('{} is {}', $.name, States.MathAdd($.n, -1))", True),
        (r"States.Format('it\'s \{\}')", True),
        ("States.Array(1, 2.5, true, null, 'a', $['x,y)'], $.a[?(@.b in ['c'])])", True),
        ("States.ArrayGetItem($.a, $.a.length())", True),
        ("States.Unknown($.a)", False),
        ("States.Format('a'", False),
        ("States.Format('a' 'b')", False),
        ("States.Format('a') + 1", False),
        ("States.Format('a',)", False),
        (r"""States.StringToJson('{"text":"a \"quoted\" word"}')""", False),
    ],
)
def test_the_syntax_of_intrinsic_functions(text: str, valid: bool) -> None:  # noqa: FBT001 - a table
    assert is_intrinsic(text) is valid


@pytest.mark.parametrize("text", ["$", "$.a", "$['a b']", " $.a[0]"])
def test_a_result_goes_into_the_input(text: str) -> None:
    assert is_result_path(text)


@pytest.mark.parametrize("text", ["$$", "$$.Execution", "$variable", "$variable.a", "$.a[*]", "a"])
def test_a_result_goes_nowhere_else(text: str) -> None:
    assert not is_result_path(text)
