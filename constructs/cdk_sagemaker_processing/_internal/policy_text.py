"""Keys of objects as text of IAM policies, which has fewer characters than keys and is limited in size."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from typing import Final

from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN, is_unresolved, split_at_tokens

# The characters of a policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_OTHER_CHARACTERS: Final = re.compile("[^\t\n\r\u0020-\u00ff]+")
# "${" starts a variable: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
_VARIABLE: Final = "${"
# What is in one statement must fit into a managed policy, to which aws-cdk moves what is too large for a role's inline
# policy; the difference is for the rest of the statement.
STATEMENT_CHARACTERS: Final = maximum("ManagedPolicyCharacters") - 400
# The start of an object's ARN in any partition, with the longest bucket name, quotes and a comma:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_ARN_CHARACTERS: Final = len('"arn:aws-us-gov:s3:::/*",') + 63


def policy_text(key: str) -> str:
    """Return a key, or the start of one, as it must be in a policy; tokens stay.

    Characters that a policy cannot contain become an asterisk, so the policy also matches other keys.
    """
    return "".join(
        part if STRING_TOKEN.fullmatch(part) else _OTHER_CHARACTERS.sub("*", part).replace(_VARIABLE, "${$}{")
        for part in split_at_tokens(key)
    )


def policy_prefixes(prefixes: Sequence[str]) -> list[str]:
    """Return prefixes for a policy: all of them, or so few that the policy does not become too large.

    Neighbors that share the longest start are replaced by it, so the policy also matches other keys.
    """
    kept = list(dict.fromkeys(prefixes))
    unresolved = [prefix for prefix in kept if is_unresolved(prefix)]
    known = sorted(prefix for prefix in kept if not is_unresolved(prefix))
    while len(known) > 1 and _size(kept) > STATEMENT_CHARACTERS:
        shared = [os.path.commonprefix(pair) for pair in itertools.pairwise(known)]  # noqa: RUF071 - text, not paths
        longest = max(shared, key=len)
        known = sorted({prefix for prefix in known if not prefix.startswith(longest)} | {longest})
        kept = known + unresolved
    return kept


def _size(prefixes: Sequence[str]) -> int:
    """Return the characters of a statement on the objects below prefixes, at most."""
    return sum(_ARN_CHARACTERS + len(policy_text(prefix)) for prefix in prefixes)
