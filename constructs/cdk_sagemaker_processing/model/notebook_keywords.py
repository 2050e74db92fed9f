"""Arguments that work in a notebook and not here, with the way to get the same."""

from __future__ import annotations

from typing import Final

_ENVIRONMENT = "leave it out: the job runs in the account and region of its stack"
_STATE_MACHINE = "leave it out: the state machine waits for the job, and CloudWatch Logs has its output"
_SOURCES = "use FrameworkProcessor or the processor of a framework, which take sources beside the script"
_NETWORK = "pass network_config=NetworkConfig(...) to the processor"
_TRAINING = "leave it out: a processing job has no such setting"

NOTEBOOK_KEYWORDS: Final = {
    "sagemaker_session": _ENVIRONMENT,
    "boto_session": _ENVIRONMENT,
    "region": _ENVIRONMENT,
    "wait": _STATE_MACHINE,
    "logs": _STATE_MACHINE,
    "git_config": "check the repository out in your build, and pass source_dir",
    "estimator_cls": (
        "pass framework='sklearn', 'pytorch', 'tensorflow', 'mxnet' or 'xgboost', or use HuggingFaceProcessor; for "
        "another estimator pass image_uri to ScriptProcessor"
    ),
    "entry_point": "pass code= to run()",
    "source_dir": _SOURCES,
    "dependencies": _SOURCES,
    "requirements": _SOURCES,
    "hyperparameters": "pass arguments= to run(), or env= to the processor",
    "environment": "pass env= to the processor",
    "output_path": "pass outputs=[ProcessingOutput(source=..., destination='s3://...')] to run()",
    "job_name": "pass it to run(); base_job_name sets the start of the names of all jobs",
    "image_uri": "use ScriptProcessor, or FrameworkProcessor, which take an image",
    "framework_version": "the image decides; or use the processor of a framework",
    "py_version": "the image decides; or use the processor of a framework",
    "code": "use ScriptProcessor or another processor that runs a script",
    "command": "use ScriptProcessor or FrameworkProcessor, whose command runs a script",
    "entrypoint": "use Processor, which runs an image's own program",
    "code_location": "pass bucket= to the processor, which receives local code",
    "subnets": _NETWORK,
    "security_group_ids": _NETWORK,
    "enable_network_isolation": _NETWORK,
    "encrypt_inter_container_traffic": _NETWORK,
    "keep_alive_period_in_seconds": _TRAINING,
    "use_spot_instances": _TRAINING,
    "max_wait": _TRAINING,
    "cache_config": "leave it out: each execution of the state machine runs the job",
    "property_files": "read the file in your own state, or pass a value on by S3",
    "retry_policies": "call add_retry(...) on the state that run() returns, or use retry_on_capacity",
    "depends_on": "chain the states in the order they run in: first.next(second)",
    "model": "leave it out: a processing job runs code alone",
    "estimator": "pass framework= or image_uri= to the processor",
    "signature_version": _ENVIRONMENT,
}
