"""Regenerate smproc/local/server/policy_validation/actions.json from cfn-lint, parliament and botocore.

The file contains facts: the actions of AWS's Service Authorization Reference that are no operations of botocore's
models, such as ``s3:ListBucket``, and the models of each service. cfn-lint, in .venv, has the newer list; what only
parliament knows, in .tools, stays. Run it after `make .tools/parliament/.installed`, with the Python of .venv.

See: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import botocore.session

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "smproc" / "local" / "server" / "policy_validation" / "actions.json"
CFN_LINT = "cfnlint/data/AdditionalSpecs/Policies.json"
# The models whose operations are authorized by another prefix than that of the signature.
PREFIXES = {
    "cloudcontrol": "cloudformation",
    "cloudwatch": "cloudwatch",
    "iot-data": "iot",
    "iot-jobs-data": "iotjobsdata",
    "mturk": "mechanicalturk",
    "resourcegroupstaggingapi": "tag",
}
# The services whose operations are authorized by actions of other names, such as ``lambda:InvokeFunction``.
OTHER_NAMES = frozenset({"dynamodb", "kms", "lambda", "s3", "sns", "sqs"})


def read() -> dict[str, Any]:
    """Return the services by their prefixes, and the versions that they come from."""
    (libraries,) = (ROOT / ".tools" / "parliament").glob("lib/python3*/site-packages")
    (parliament,) = importlib.metadata.distributions(name="parliament", path=[str(libraries)])
    reference: dict[str, set[str]] = {}
    for service in json.loads((libraries / "parliament" / "iam_definition.json").read_text(encoding="utf-8")):
        actions = {each["privilege"].lower() for each in service["privileges"]}
        reference.setdefault(service["prefix"].lower(), set()).update(actions)
    cfn_lint = importlib.metadata.distribution("cfn-lint")
    newer = Path(str(cfn_lint.locate_file(CFN_LINT)))
    for prefix, service in json.loads(newer.read_text(encoding="utf-8")).items():
        reference.setdefault(prefix.lower(), set()).update(each.lower() for each in service["Actions"])
    session = botocore.session.Session()
    models: dict[str, list[str]] = {}
    operations: dict[str, set[str]] = {}
    for name in session.get_available_services():
        model = session.get_service_model(name)
        prefix = PREFIXES.get(name, model.signing_name).lower()
        if prefix not in OTHER_NAMES:
            models.setdefault(prefix, []).append(name)
            operations.setdefault(prefix, set()).update(each.lower() for each in model.operation_names)
    services: dict[str, Any] = {}
    for prefix in sorted({*reference, *models}):
        # Without a list of actions, an action that is no operation may exist or not.
        listed = prefix in reference
        others = sorted(reference[prefix] - operations.get(prefix, set())) if listed else None
        services[prefix] = {"models": sorted(models.get(prefix, ())), "actions": others}
    versions = {"cfn-lint": cfn_lint.version, "parliament": parliament.version}
    versions["botocore"] = importlib.metadata.version("botocore")
    return {"source": ", ".join(" ".join(each) for each in versions.items()), "services": services}


def render() -> str:
    """Return the file's text, with one service per line so that diffs are readable."""
    facts = read()
    lines = ",\n".join(f"  {json.dumps(prefix)}: {json.dumps(each)}" for prefix, each in facts["services"].items())
    return f'{{\n "source": {json.dumps(facts["source"])},\n "services": {{\n{lines}\n }}\n}}\n'


if __name__ == "__main__":
    OUTPUT.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"wrote {OUTPUT.name} from {read()['source']}\n")
