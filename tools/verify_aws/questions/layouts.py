"""The places where the objects of an input land below its ``LocalPath``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tools.verify_aws.laboratory import Lab
from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.questions.reading import or_failure

_INPUT: Final = "/opt/ml/processing/input/data/"
_INPUTS: Final = "constructs/cdk_sagemaker_processing/trigger/job_input.py: uploaded_objects"
_SINGLE: Final = "lambda/s3_trigger/starter.py: a single object is read by its own key (ADR 0013)"
_LOCAL: Final = "smproc/local/server/execution/inputs.py: --manifest-layout relative"


def _manifest(prefix: str, *names: str) -> Callable[[Lab], Evidence]:
    """Return what runs a job with a manifest: the objects are named relative to a prefix, as the trigger does."""

    def ask(lab: Lab) -> Evidence:
        for name in names:
            lab.put("DataBucket", f"{prefix}{name}")
        content = [{"prefix": f"s3://{lab.outputs['DataBucket']}/{prefix}"}, *names]
        uri = lab.put("DataBucket", f"manifests/{prefix.replace('/', '-')}.json", json.dumps(content).encode())
        return lab.with_outputs(lab.run("Layout", s3_uri=uri, s3_data_type="ManifestFile")) | {"manifest": content}

    return ask


def _prefix(uri: str, *keys: str) -> Callable[[Lab], Evidence]:
    def ask(lab: Lab) -> Evidence:
        for key in keys:
            lab.put("DataBucket", key)
        s3_uri = f"s3://{lab.outputs['DataBucket']}/{uri}"
        return lab.with_outputs(lab.run("Layout", s3_uri=s3_uri, s3_data_type="S3Prefix"))

    return ask


def _read(evidence: Mapping[str, Any]) -> list[str]:
    tree = evidence["outputs"]["contents"][0]["tree"]
    return [path.removeprefix(_INPUT) for path in tree if path.startswith(_INPUT)]


QUESTIONS: Final[tuple[Question[Lab], ...]] = (
    Question(
        id="manifest-of-one-object",
        asks="Where does the one object of a manifest land below LocalPath?",
        claims=("manifest-layout", "manifest-format"),
        relied_on=(_INPUTS, _LOCAL),
        expected=["c.csv"],
        because="assumed: the path below the manifest's prefix, as public examples of training channels show it",
        ask=_manifest("in/single/blue/", "c.csv"),
        read=or_failure(_read),
    ),
    Question(
        id="manifest-of-a-batch",
        asks="Where do the objects of a manifest land below LocalPath, in several directories?",
        claims=("manifest-layout", "manifest-format"),
        relied_on=(_INPUTS, _LOCAL),
        expected=["blue/a.csv", "red/b.csv"],
        because="assumed: the path below the manifest's prefix, as public examples of training channels show it",
        ask=_manifest("in/batch/", "blue/a.csv", "red/b.csv"),
        read=or_failure(_read),
    ),
    Question(
        id="prefix-of-one-object",
        asks="Where does an object land whose whole key is the prefix?",
        claims=("object-beside-prefix",),
        relied_on=(_INPUTS, _SINGLE),
        expected=["a.csv"],
        because="assumed: the name of the object, as in public examples",
        ask=_prefix("in/key/blue/a.csv", "in/key/blue/a.csv"),
        read=or_failure(_read),
    ),
    Question(
        id="prefix-that-continues",
        asks="Where do objects land whose keys go on after the prefix without a slash?",
        claims=("object-beside-prefix",),
        relied_on=(_SINGLE,),
        expected=["day-1.csv", "day-2/b.csv"],
        because="assumed: the path below the last slash of the prefix",
        ask=_prefix("in/start/day", "in/start/day-1.csv", "in/start/day-2/b.csv"),
        read=or_failure(_read),
    ),
)
