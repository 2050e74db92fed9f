"""The findings of ValidatePolicy, by their codes; the texts are those of AWS's page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from smproc.local.server.policy_validation.documents import Node, location

_PAGE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html"
# The anchors of the page name the kind of a finding.
_ANCHORS: Final = {
    "ERROR": "error",
    "SECURITY_WARNING": "security-warning",
    "SUGGESTION": "suggestion",
    "WARNING": "general-warning",
}
_OF_ROLES: Final = (
    "can be overly permissive because it allows iam:PassRole permissions on {roles} resources. We recommend that you "
    "specify resource ARNs"
)
_OR_SERVICE: Final = " or add the iam:PassedToService condition key to your statement."
_ERRORS: Final = {
    "ARN_ACCOUNT_NOT_ALLOWED": "The service {} does not support specifying an account ID in the resource ARN.",
    "ARN_REGION_NOT_ALLOWED": "The service {} does not support specifying a Region in the resource ARN.",
    "DATA_TYPE_MISMATCH": "The text does not match the expected JSON data type {}.",
    "DUPLICATE_KEYS_WITH_DIFFERENT_CASE": (
        "The condition key {} appears more than once with different capitalization in the same condition block. Remove "
        "the duplicate condition keys."
    ),
    "EMPTY_VARIABLE": (
        "Empty policy variable. Remove the ${{ }} variable structure or provide a variable within the structure."
    ),
    "INVALID_ACTION": "The action {} does not exist.",
    "INVALID_ARN_ACCOUNT": "The resource ARN account ID {} is not valid. Provide a 12-digit account ID.",
    "INVALID_ARN_PREFIX": "Add the required prefix (arn) to the resource ARN.",
    "INVALID_ARN_REGION": (
        "The Region {} is not valid for this resource. Update the resource ARN to include a supported Region."
    ),
    "INVALID_ARN_SERVICE_CASE": "Update the service name {} in the resource ARN to use all lowercase letters.",
    "INVALID_CONDITION_KEY_FORMAT": "The condition key format is not valid. Use the format service:keyname.",
    "INVALID_CONDITION_OPERATOR": "The condition operator {} is not valid. Use a valid condition operator.",
    "INVALID_EFFECT": "The effect {} is not valid. Use Allow or Deny.",
    "INVALID_PARTITION": (
        "The resource ARN for the service {} does not support the partition {}. Use the supported values: {}"
    ),
    "INVALID_POLICY_ELEMENT": "The policy element {} is not valid.",
    "INVALID_PRINCIPAL_FORMAT": (
        "The Principal element contents are not valid. Specify a key-value pair in the Principal element."
    ),
    "INVALID_PRINCIPAL_KEY": "The principal key {} is not valid.",
    "INVALID_SERVICE_IN_ACTION": "The service {} specified in the action does not exist.",
    "INVALID_SERVICE_PRINCIPAL_FORMAT": (
        "The service principal does not match the expected format. Use the format {}."
    ),
    "INVALID_VARIABLE_FOR_OPERATOR": "Policy variables can only be used with String and ARN operators.",
    "INVALID_VERSION": "The version {} is not valid. Use one of the following versions: {}",
    "JSON_SYNTAX_ERROR": "Fix the JSON syntax error{}.",
    "MISSING_ACTION": "Add an Action or NotAction element to the policy statement.",
    "MISSING_ARN_FIELD": (
        "Resource ARNs must include at least {} fields in the following structure: "
        "arn:partition:service:region:account:resource"
    ),
    "MISSING_ARN_REGION": "Add a Region to the {} resource ARN.",
    "MISSING_BRACE_IN_VARIABLE": (
        "The policy variable is missing a closing curly brace. Add }} after the variable text."
    ),
    "MISSING_EFFECT": "Add an Effect element to the policy statement with a value of Allow or Deny.",
    "MISSING_PRINCIPAL": "Add a Principal element to the policy statement.",
    "MISSING_RESOURCE": "Add a Resource or NotResource element to the policy statement.",
    "MISSING_STATEMENT": "Add a statement to the policy",
    "NULL_WITH_IF_EXISTS": (
        "The Null condition operator cannot be used with the IfExists suffix. Update the operator or the suffix."
    ),
    "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL": (
        "Role trust policies do not support NotPrincipal. Update the policy to use a Principal element instead."
    ),
    "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE": (
        "Role trust policies apply to the role that they are attached to. You cannot specify a resource. Remove the "
        "Resource or NotResource element."
    ),
    "ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL": (
        '"Principal:" "*" is not supported in the principal element of a role trust policy. Replace the wildcard with '
        "a valid principal value."
    ),
    "UNIQUE_SIDS_REQUIRED": "Duplicate statement IDs are not supported for this policy type. Update the Sid value.",
    "UNSUPPORTED_ELEMENT_COMBINATION": (
        "The policy elements {} and {} can not be used in the same statement. Remove one of these elements."
    ),
    "UNSUPPORTED_PRINCIPAL": (
        "The policy type {} does not support the Principal element. Remove the Principal element."
    ),
    "UNSUPPORTED_SID": (
        "Update the characters in the Sid element to use one of the following character types: [a-z, A-Z, 0-9]"
    ),
    "UNSUPPORTED_WILDCARD_IN_PRINCIPAL": (
        "Wildcards (*, ?) are not supported with the principal key {}. Replace the wildcard with a valid principal "
        "value."
    ),
    "VARIABLE_UNSUPPORTED_IN_ELEMENT": (
        "Policy variables are supported in the Resource and Condition elements. Remove the policy variable {} from "
        "this element."
    ),
    "VARIABLE_UNSUPPORTED_IN_VERSION": (
        "To include variables in your policy, use the policy version 2012-10-17 or later."
    ),
}
_SECURITY_WARNINGS: Final = {
    "ALLOW_WITH_NOT_PRINCIPAL": (
        "Using Allow with NotPrincipal can be overly permissive. We recommend that you use Principal instead."
    ),
    "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE": (
        f"Using NotAction with NotResource {_OF_ROLES.format(roles='multiple')} instead."
    ),
    "PASS_ROLE_WITH_NOT_RESOURCE": (
        f"Using the iam:PassRole action with NotResource {_OF_ROLES.format(roles='multiple')} instead."
    ),
    "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE": (
        f"Using an action with a wildcard (*) and NotResource {_OF_ROLES.format(roles='multiple')} instead."
    ),
    "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE": (
        f"Using wildcards (*) in the action and the resource {_OF_ROLES.format(roles='all')}{_OR_SERVICE}"
    ),
    "PASS_ROLE_WITH_STAR_IN_RESOURCE": (
        "Using the iam:PassRole action with wildcards (*) in the resource "
        f"{_OF_ROLES.format(roles='multiple')}{_OR_SERVICE}"
    ),
    "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION": (
        f"Using a resource with wildcards (*) and NotAction {_OF_ROLES.format(roles='all')}{_OR_SERVICE}"
    ),
}
_WARNINGS: Final = {
    "MISSING_VERSION": (
        "We recommend that you specify the Version element to help you with debugging permission issues."
    ),
    "TYPE_MISMATCH_BOOLEAN": "Add a valid Boolean value (true or false) for the condition operator {}.",
    "TYPE_MISMATCH_DATE": (
        "The date condition operator is used with an invalid value. Specify a valid date using YYYY-MM-DD or other ISO "
        "8601 date/time format."
    ),
    "TYPE_MISMATCH_IP_RANGE": (
        "The condition operator {} is used with an invalid IP range value. Specify the IP range in standard CIDR "
        "format."
    ),
    "TYPE_MISMATCH_NUMBER": "Add a valid numeric value for the condition operator {}.",
    "WILDCARD_WITHOUT_LIKE_OPERATOR": (
        "Your condition value includes a * or ? character. If you meant to use a wildcard (*, ?), update the condition "
        "operator to include Like."
    ),
}
_SUGGESTIONS: Final = {
    "EMPTY_ARRAY_ACTION": "This statement includes no actions and does not affect the policy. Specify actions.",
    "EMPTY_ARRAY_CONDITION": (
        "There are no values for the condition key {} and it does not affect the policy. Specify conditions."
    ),
    "EMPTY_ARRAY_PRINCIPAL": (
        "This statement includes no principals and does not affect the policy. Specify principals."
    ),
    "EMPTY_ARRAY_RESOURCE": "This statement includes no resources and does not affect the policy. Specify resources.",
    "EMPTY_OBJECT_CONDITION": "This condition block is empty and it does not affect the policy. Specify conditions.",
    "EMPTY_OBJECT_PRINCIPAL": (
        "This statement includes no principals and does not affect the policy. Specify principals."
    ),
    "EMPTY_SID_VALUE": "Add a value to the empty string in the Sid element.",
}
# The type and the text of each finding by its code.
CHECKS: Final[Mapping[str, tuple[str, str]]] = {
    code: (kind, text)
    for kind, texts in (
        ("ERROR", _ERRORS),
        ("SECURITY_WARNING", _SECURITY_WARNINGS),
        ("WARNING", _WARNINGS),
        ("SUGGESTION", _SUGGESTIONS),
    )
    for code, text in texts.items()
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding.

    Attributes:
        code: its code.
        node: the part of the policy that it is about.
        values: what its text names.
    """

    code: str
    node: Node
    values: tuple[str, ...] = ()

    def described(self, text: str) -> dict[str, Any]:
        """Return the finding as ValidatePolicy describes it.

        Args:
            text: the policy.
        """
        kind, details = CHECKS[self.code]
        anchor = f"access-analyzer-reference-policy-checks-{_ANCHORS[kind]}-{self.code.lower().replace('_', '-')}"
        return {
            "findingDetails": details.format(*self.values),
            "findingType": kind,
            "issueCode": self.code,
            "learnMoreLink": f"{_PAGE}#{anchor}",
            "locations": [location(text, self.node)],
        }
