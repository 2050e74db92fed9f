"""IAM, the AWS managed policy of SageMaker's roles, and a warning of those that are not known.

AWS: the policy ``AmazonSageMakerFullAccess``, which notebooks and their jobs have, allows objects of buckets whose
name contains ``sagemaker``, logs, metrics, SageMaker itself, and parts of other services. A policy that does not
exist cannot be attached.
See: https://docs.aws.amazon.com/sagemaker/latest/dg/security-iam-awsmanpol.html
See: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html

ministack 1.5.33: `ministack.services.iam._seed_aws_managed_policies` does not know it;
`ministack.services.iam.attach_managed_policy` attaches a policy that it does not know, which then grants nothing.

Removable when: `_seed_aws_managed_policies` has the policy, and `attach_managed_policy` refuses unknown ones (not so in
1.5.33).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, service, takes

NAMES: Names = {
    "ministack.services.iam": {
        "_aws_managed_policies": lambda value: isinstance(value, dict),
        "_make_aws_managed_record": takes("name", "document", "description"),
        "_seed_aws_managed_policies": takes(),
        "attach_managed_policy": takes("entity", "policy_arn"),
        "policy_known": takes("arn", "account_id"),
    }
}

_NAME = "AmazonSageMakerFullAccess"
_BUCKETS = [f"arn:aws:s3:::*{word}*" for word in ("SageMaker", "Sagemaker", "sagemaker")]
# The statements for the services that the local AWS has.
_STATEMENTS: list[dict[str, Any]] = [
    {
        "Sid": "AllowAllNonAdminSageMakerActions",
        "Effect": "Allow",
        "Action": ["sagemaker:*", "sagemaker-geospatial:*"],
        "NotResource": [
            f"arn:aws:sagemaker:*:*:{kind}/*"
            for kind in ("domain", "user-profile", "app", "space", "flow-definition", "training-plan")
        ],
    },
    {
        "Sid": "AllowAWSServiceActions",
        "Effect": "Allow",
        "Action": [
            "cloudwatch:DeleteAlarms",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:GetMetricData",
            "cloudwatch:GetMetricStatistics",
            "cloudwatch:ListMetrics",
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:PutMetricData",
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:CreateRepository",
            "ecr:Describe*",
            "ecr:GetAuthorizationToken",
            "ecr:GetDownloadUrlForLayer",
            "iam:ListRoles",
            "kms:DescribeKey",
            "kms:ListAliases",
            "lambda:ListFunctions",
            "logs:CreateLogDelivery",
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DeleteLogDelivery",
            "logs:Describe*",
            "logs:GetLogDelivery",
            "logs:GetLogEvents",
            "logs:ListLogDeliveries",
            "logs:PutLogEvents",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
            "secretsmanager:ListSecrets",
            "sns:ListTopics",
            "tag:GetResources",
        ],
        "Resource": "*",
    },
    {
        "Sid": "AllowStepFunctionsActions",
        "Effect": "Allow",
        "Action": [
            "states:DescribeExecution",
            "states:GetExecutionHistory",
            "states:StartExecution",
            "states:StopExecution",
            "states:UpdateStateMachine",
        ],
        "Resource": ["arn:aws:states:*:*:statemachine:*sagemaker*", "arn:aws:states:*:*:execution:*sagemaker*:*"],
    },
    {
        "Sid": "AllowSecretManagerActions",
        "Effect": "Allow",
        "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:CreateSecret"],
        "Resource": ["arn:aws:secretsmanager:*:*:secret:AmazonSageMaker-*"],
    },
    {
        "Sid": "AllowS3ObjectActions",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
        "Resource": [*_BUCKETS, "arn:aws:s3:::*aws-glue*"],
    },
    {
        "Sid": "AllowS3GetObjectWithSageMakerExistingObjectTag",
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": ["arn:aws:s3:::*"],
        "Condition": {"StringEqualsIgnoreCase": {"s3:ExistingObjectTag/SageMaker": "true"}},
    },
    {
        "Sid": "AllowS3BucketActions",
        "Effect": "Allow",
        "Action": [
            "s3:CreateBucket",
            "s3:GetBucketLocation",
            "s3:ListBucket",
            "s3:ListAllMyBuckets",
            "s3:GetBucketCors",
            "s3:PutBucketCors",
        ],
        "Resource": "*",
    },
    {
        "Sid": "AllowS3BucketACL",
        "Effect": "Allow",
        "Action": ["s3:GetBucketAcl", "s3:PutObjectAcl"],
        "Resource": _BUCKETS,
    },
    {
        "Sid": "AllowLambdaInvokeFunction",
        "Effect": "Allow",
        "Action": ["lambda:InvokeFunction"],
        "Resource": [
            f"arn:aws:lambda:*:*:function:*{word}*"
            for word in ("SageMaker", "sagemaker", "Sagemaker", "LabelingFunction")
        ],
    },
    {
        "Sid": "AllowSNSActions",
        "Effect": "Allow",
        "Action": ["sns:Subscribe", "sns:CreateTopic", "sns:Publish"],
        "Resource": [f"arn:aws:sns:*:*:*{word}*" for word in ("SageMaker", "Sagemaker", "sagemaker")],
    },
    {
        "Sid": "AllowPassRoleToSageMaker",
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": "arn:aws:iam::*:role/*",
        "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    },
]
_log = logging.getLogger("smproc.iam")


def apply() -> None:
    """Add the policy to those that ministack had when it was imported."""
    _add()


def _add() -> None:
    iam = service("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": _STATEMENTS})
    record = iam._make_aws_managed_record(_NAME, document, "Provides access to Amazon SageMaker and its dependencies.")
    iam._aws_managed_policies[record["Arn"]] = record


def _seed(original: Callable[..., Any]) -> None:
    original()
    _add()


def _attach(original: Callable[..., Any], entity: dict[str, Any], policy_arn: str) -> object:
    if not service("iam").policy_known(policy_arn):
        _log.warning(
            "The policy %s, which was attached to a role or a user, is not known: it grants nothing here. Attach a "
            "policy of your own with its statements",
            policy_arn,
        )
    return original(entity, policy_arn)


WRAPPERS: Wrappers = {"ministack.services.iam": {"_seed_aws_managed_policies": _seed, "attach_managed_policy": _attach}}
