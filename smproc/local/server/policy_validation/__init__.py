"""IAM Access Analyzer, ValidatePolicy: what is wrong with a policy, as far as it can be decided here.

AWS: ValidatePolicy compares a policy with the grammar of IAM, with what each service has, and with best practices. Its
findings have codes, which this page lists.
See: https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html
See: https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html

`CHECKS` has the codes that can be found here. They are those of which the policy alone tells, or a list of services and
actions: the syntax of JSON, elements and their types, actions, the parts of ARNs before the resource, principals,
operators and values of conditions, variables, and iam:PassRole for all roles. Nothing is found of the resources and the
condition keys that a service has, of what is redundant, of tags, OIDC providers and service principals that should name
their source, and of the sizes of policies.
"""

from __future__ import annotations

from smproc.local.server.policy_validation.findings import CHECKS
from smproc.local.server.policy_validation.policies import findings_of
from smproc.local.server.policy_validation.service import ACCESS_ANALYZER, AccessAnalyzer

__all__ = ["ACCESS_ANALYZER", "CHECKS", "AccessAnalyzer", "findings_of"]
