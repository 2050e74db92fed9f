"""A deprecated argument works, and each synth says what to pass instead."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from aws_cdk import Annotations as ConstructAnnotations
from aws_cdk import Stack
from aws_cdk.assertions import Annotations, Match
from constructs import Construct

from cdk_sagemaker_processing import ConflictingValuesError
from cdk_sagemaker_processing._internal.deprecations import renamed_argument
from tests.helpers.stacks import ROOT, stack

WARNING = (
    "The API cdk-sagemaker-processing.Parts.lot is deprecated: pass batch_size instead. This API will be removed in "
    "the next major release"
)


class Parts(Construct):
    """A construct one argument of which has another name now."""

    def __init__(
        self, scope: Construct, construct_id: str, *, batch_size: int | None = None, lot: int | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        self.batch_size = renamed_argument(self, "Parts", old=("lot", lot), new=("batch_size", batch_size))


def warnings_of(scope: Stack) -> list[str]:
    found = Annotations.from_stack(scope).find_warning("*", Match.any_value())
    return [str(one.entry.data) for one in found]


def test_the_old_name_works_and_warns_with_the_new_one() -> None:
    scope = stack()
    assert Parts(scope, "Parts", lot=7).batch_size == 7
    (warning,) = warnings_of(scope)
    assert warning.startswith(WARNING)
    assert warning in " ".join((ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("size", [None, 7])
def test_the_new_name_does_not_warn(size: int | None) -> None:
    scope = stack()
    assert Parts(scope, "Parts", batch_size=size).batch_size == size
    assert warnings_of(scope) == []


def test_both_names_conflict() -> None:
    with pytest.raises(ConflictingValuesError) as raised:
        Parts(stack(), "Parts", batch_size=7, lot=8)
    assert str(raised.value) == (
        "lot is another name of batch_size, got values for both: 8 and 7; pass batch_size alone"
    )


def test_a_warning_can_be_acknowledged() -> None:
    scope = stack()
    ConstructAnnotations.of(scope).acknowledge_warning("Deprecated:cdk-sagemaker-processing.Parts.lot")
    Parts(scope, "Parts", lot=7)
    assert warnings_of(scope) == []


def test_a_build_can_refuse_deprecated_arguments() -> None:
    code = (
        "import aws_cdk as cdk\n"
        "from cdk_sagemaker_processing._internal.deprecations import renamed_argument\n"
        "renamed_argument(cdk.Stack(cdk.App(), 'Stack'), 'Parts', old=('lot', 7), new=('batch_size', None))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"CDK_BLOCK_DEPRECATIONS": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert "cdk-sagemaker-processing.Parts.lot is deprecated: pass batch_size instead" in ran.stderr
