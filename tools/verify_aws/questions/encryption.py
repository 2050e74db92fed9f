"""The keys that the outputs of a job are encrypted with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tools.verify_aws.laboratory import Lab
from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.questions.reading import or_failure

_KEYS: Final = "constructs/cdk_sagemaker_processing/tasks/encryption_keys.py: default_output_key"
_OWN, _OTHER = "the key of the stack", "another key"


def _with_key(lab: Lab, ran: Evidence) -> Evidence:
    return lab.with_outputs(ran) | {"key": lab.outputs["KeyArn"]}


def _read(evidence: Mapping[str, Any]) -> dict[str, str]:
    (head,) = (each for each in evidence["outputs"]["objects"] if each["Key"].endswith("found.json"))
    named = head.get("SSEKMSKeyId")
    key = "no key of KMS" if named is None else _OWN if named == evidence["key"] else _OTHER
    return {"algorithm": head.get("ServerSideEncryption", "none"), "key": key}


QUESTIONS: Final[tuple[Question[Lab], ...]] = (
    Question(
        id="outputs-with-a-key",
        asks="Which key encrypts the outputs of a request with KmsKeyId?",
        claims=("output-encryption-with-key",),
        relied_on=(_KEYS,),
        expected={"algorithm": "aws:kms", "key": _OWN},
        because="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingOutputConfig.html",
        ask=lambda lab: _with_key(lab, lab.run("Keyed")),
        read=or_failure(_read),
    ),
    Question(
        id="outputs-without-a-key",
        asks="Which key encrypts the outputs of a request without KmsKeyId, in a bucket whose default is a key?",
        claims=("output-encryption",),
        relied_on=(_KEYS,),
        expected={"algorithm": "aws:kms", "key": _OTHER},
        because=(
            "assumed: the AWS managed key for S3, as for training: "
            "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OutputDataConfig.html"
        ),
        ask=lambda lab: _with_key(lab, lab.shared("unkeyed", lambda: lab.run("Unkeyed"))),
        read=or_failure(_read),
    ),
)
