"""The runtimes of Lambda functions: processes that run a function's handler as AWS's managed runtimes do."""

from smproc.local.server.lambda_runtime.environment import ExecutionEnvironment, Failure, Outcome
from smproc.local.server.lambda_runtime.function import Function, Invocation
from smproc.local.server.lambda_runtime.launch import Launcher
from smproc.local.server.lambda_runtime.node import find_node
from smproc.local.server.lambda_runtime.node_sdk import NodeSdk, sdk_directory
from smproc.local.server.lambda_runtime.packages import add_response_module

__all__ = [
    "ExecutionEnvironment",
    "Failure",
    "Function",
    "Invocation",
    "Launcher",
    "NodeSdk",
    "Outcome",
    "add_response_module",
    "find_node",
    "sdk_directory",
]
