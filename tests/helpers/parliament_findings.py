"""Read a policy from each line, and write what parliament finds in it: ``[[issue, detail], ...]``.

It runs with the Python of .tools/parliament, since parliament needs another botocore than the local AWS.
"""

from __future__ import annotations

import json
import sys
import warnings

warnings.simplefilter("ignore")  # parliament's own
import parliament  # type: ignore[import-not-found] # noqa: E402 - after the filter

for line in sys.stdin:
    # IAM takes numbers, and converts them; parliament takes text alone.
    policy = json.dumps(json.loads(line, parse_float=str, parse_int=str))
    found = [[finding.issue, str(finding.detail)] for finding in parliament.analyze_policy_string(policy).findings]
    sys.stdout.write(json.dumps(found) + "\n")
