"""Lambda functions on the local AWS: their runtimes, and the errors that Lambda returns."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

PYTHON, NODE = "python3.12", "nodejs22.x"
ROLE = "arn:aws:iam::000000000000:role/function"
Invoke = Callable[..., tuple[Any, str]]


def package(files: Mapping[str, str], *, executable: tuple[str, ...] = ()) -> bytes:
    """Return a ZIP archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if name in executable else 0o644) << 16
            archive.writestr(entry, content)
    return stream.getvalue()


@pytest.fixture
def create(local_aws: RunningLocalAws) -> Iterator[Callable[..., str]]:
    """Create a function and return its name."""
    functions, names = local_aws.client("lambda"), []

    def create(files: Mapping[str, str], runtime: str = PYTHON, handler: str = "index.handler", **more: Any) -> str:
        names.append(local_aws.name())
        functions.create_function(
            FunctionName=names[-1],
            Runtime=runtime,
            Handler=handler,
            Role=ROLE,
            Code={"ZipFile": package(files)},
            **{"Timeout": 30, "MemorySize": 256, **more},
        )
        return names[-1]

    yield create
    for name in names:
        functions.delete_function(FunctionName=name)


@pytest.fixture
def invoke(local_aws: RunningLocalAws) -> Invoke:
    """Invoke a function and return its response, and the kind of its error."""

    def invoke(name: str, event: object = None) -> tuple[Any, str]:
        answer = local_aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError", "")

    return invoke


FAILURES: dict[str, tuple[str, dict[str, str], dict[str, Any], str, str]] = {
    "no module": (
        PYTHON,
        {"other.py": ""},
        {},
        "Runtime.ImportModuleError",
        "Unable to import module 'index': No module named 'index'",
    ),
    "no imported module": (
        PYTHON,
        {"index.py": "import absent"},
        {},
        "Runtime.ImportModuleError",
        "Unable to import module 'index': No module named 'absent'",
    ),
    "syntax": (PYTHON, {"index.py": "def"}, {}, "Runtime.UserCodeSyntaxError", "Syntax error in module 'index': "),
    "no handler": (
        PYTHON,
        {"index.py": ""},
        {},
        "Runtime.HandlerNotFound",
        "Handler 'handler' missing on module 'index'",
    ),
    "no name": (
        PYTHON,
        {"index.py": ""},
        {"handler": "index"},
        "Runtime.MalformedHandlerName",
        "Bad handler 'index': ",
    ),
    "error at import": (PYTHON, {"index.py": "raise KeyError('a')"}, {}, "KeyError", "'a'"),
    "exit at import": (
        PYTHON,
        {"index.py": "import os; os._exit(3)"},
        {},
        "Runtime.ExitError",
        "Runtime exited with error: exit status 3",
    ),
    "exit": (
        PYTHON,
        {"index.py": "import sys\ndef handler(e, c): sys.exit(2)"},
        {},
        "Runtime.ExitError",
        "Runtime exited with error: exit status 2",
    ),
    "exit without error": (
        PYTHON,
        {"index.py": "import os\ndef handler(e, c): os._exit(0)"},
        {},
        "Runtime.ExitError",
        "Runtime exited without providing a reason",
    ),
    "signal": (
        PYTHON,
        {"index.py": "import os\ndef handler(e, c): os.kill(os.getpid(), 9)"},
        {},
        "Runtime.ExitError",
        "Runtime exited with error: signal: killed",
    ),
    "time-out": (
        PYTHON,
        {"index.py": "import time\ndef handler(e, c): time.sleep(60)"},
        {"Timeout": 1},
        "Sandbox.Timedout",
        "Task timed out after 1.00 seconds",
    ),
    "memory": (
        PYTHON,
        {"index.py": "import time\ndef handler(e, c):\n    x = b'x' * 300_000_000\n    time.sleep(20)"},
        {"MemorySize": 128},
        "Runtime.OutOfMemory",
        "signal: killed",
    ),
    "no JSON": (
        PYTHON,
        {"index.py": "def handler(e, c): return {1, 2}"},
        {},
        "Runtime.MarshalError",
        "Unable to marshal response: Object of type set is not JSON serializable",
    ),
    "large response": (
        PYTHON,
        {"index.py": "def handler(e, c): return 'x' * 7_000_000"},
        {},
        "Function.ResponseSizeTooLarge",
        "maximum allowed payload size",
    ),
    "node: no module": (NODE, {"other.js": ""}, {}, "Runtime.ImportModuleError", "Error: Cannot find module 'index'"),
    "node: no required module": (
        NODE,
        {"index.js": "require('absent')"},
        {},
        "Runtime.ImportModuleError",
        "Error: Cannot find module 'absent'",
    ),
    "node: no imported module": (
        NODE,
        {"index.mjs": "import 'absent'"},
        {},
        "Runtime.ImportModuleError",
        "Error: Cannot find package 'absent'",
    ),
    "node: syntax": (NODE, {"index.js": "function {"}, {}, "Runtime.UserCodeSyntaxError", "SyntaxError: "),
    "node: no handler": (
        NODE,
        {"index.js": "exports.other = 1"},
        {},
        "Runtime.HandlerNotFound",
        "index.handler is undefined or not exported",
    ),
    "node: error at import": (NODE, {"index.js": "throw new RangeError('r')"}, {}, "RangeError", "r"),
    "node: exit": (
        NODE,
        {"index.js": "exports.handler = async () => process.exit(4)"},
        {},
        "Runtime.ExitError",
        "exit status 4",
    ),
    "node: time-out": (
        NODE,
        {"index.js": "exports.handler = () => new Promise(() => setInterval(() => {}, 99))"},
        {"Timeout": 1},
        "Sandbox.Timedout",
        "Task timed out after 1.00 seconds",
    ),
    "node: never settled": (
        NODE,
        {"index.js": "exports.handler = () => new Promise(() => {})"},
        {},
        "Runtime.NodeJsExit",
        "before its promise was settled",
    ),
    "node: uncaught": (
        NODE,
        {"index.js": "exports.handler = () => new Promise(() => setImmediate(() => { throw new TypeError('t') }))"},
        {},
        "TypeError",
        "t",
    ),
    "node: unhandled rejection": (
        NODE,
        {"index.js": "exports.handler = () => { Promise.reject(new Error('u')); setInterval(() => {}, 99) }"},
        {},
        "Runtime.UnhandledPromiseRejection",
        "Error: u",
    ),
    "node: streaming": (
        NODE,
        {"index.js": "exports.handler = awslambda.streamifyResponse(async () => {})"},
        {},
        "Runtime.Unsupported",
        "does not stream responses",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_has_the_type_that_aws_documents(create: Callable[..., str], invoke: Invoke, failure: str) -> None:
    runtime, files, settings, error_type, message = FAILURES[failure]
    body, kind = invoke(create(files, runtime, **settings))
    assert kind == "Unhandled"
    assert body["errorType"] == error_type
    assert message in body["errorMessage"]


def test_a_function_runs_again_after_each_failure(create: Callable[..., str], invoke: Invoke) -> None:
    name = create({"index.py": "import os\ndef handler(e, c):\n    if e: os._exit(1)\n    return 'ran'"})
    assert [invoke(name, event)[1] for event in (1, 0, 1, 0)] == ["Unhandled", "", "Unhandled", ""]


PYTHON_ERROR = "class NotYet(Exception): pass\ndef fail(): raise NotYet('wait')\ndef handler(e, c): fail()\n"
NODE_ERROR = (
    "class NotYet extends Error { name = 'NotYet' }\nexports.handler = async () => { throw new NotYet('wait') }\n"
)


@pytest.mark.parametrize(
    ("runtime", "file", "code"), [(PYTHON, "index.py", PYTHON_ERROR), (NODE, "index.js", NODE_ERROR)]
)
def test_an_exception_keeps_its_class_and_stack_trace_and_is_caught_by_them(
    local_aws: RunningLocalAws, create: Callable[..., str], invoke: Invoke, runtime: str, file: str, code: str
) -> None:
    name = create({file: code}, runtime)
    body, _ = invoke(name)
    assert (body["errorType"], body["errorMessage"]) == ("NotYet", "wait")
    trace = body["stackTrace"] if runtime == PYTHON else body["trace"]
    assert any("index." in frame for frame in trace)
    if runtime == PYTHON:
        assert [frame.partition(", in ")[2].split("\n")[0] for frame in trace] == ["handler", "fail"]
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    execution = local_aws.execute(
        {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": arn},
                "Catch": [{"ErrorEquals": ["NotYet"], "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Pass", "End": True},
        }
    )
    output = json.loads(local_aws.wait_for_execution(execution)["output"])
    assert output["Error"] == "NotYet"
    assert json.loads(output["Cause"])["errorMessage"] == "wait"


HANDLERS = {
    "async": "exports.handler = async (event) => event",
    "callback": "exports.handler = (event, context, callback) => { setTimeout(() => callback(null, event), 5) }",
    "succeed": "exports.handler = (event, context) => { setImmediate(() => context.succeed(event)) }",
    "at once": (
        "exports.handler = (event, context, callback) => {"
        " context.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 9); callback(null, event) }"
    ),
    "nested": "exports.handler = async (event) => (await import('./lib.mjs')).default(event)",
}


@pytest.mark.parametrize("kind", HANDLERS)
def test_the_kinds_of_node_handlers(create: Callable[..., str], invoke: Invoke, kind: str) -> None:
    name = create({"index.js": HANDLERS[kind], "lib.mjs": "export default (value) => value"}, NODE)
    for event in ({"a": "ä"}, [1], None):
        assert invoke(name, event) == (event, "")


def test_a_node_handler_without_a_result_answers_null(create: Callable[..., str], invoke: Invoke) -> None:
    assert invoke(create({"index.js": "exports.handler = () => {}"}, NODE)) == (None, "")


def test_an_ecmascript_module_with_top_level_await(create: Callable[..., str], invoke: Invoke) -> None:
    code = "const a = await Promise.resolve(2);\nexport const handler = async (e, context) => [a, context.functionName]"
    name = create({"src/index.mjs": code}, NODE, "src/index.handler")
    assert invoke(name) == ([2, name], "")


def test_layers_are_at_opt(local_aws: RunningLocalAws, create: Callable[..., str], invoke: Invoke) -> None:
    layer = local_aws.client("lambda").publish_layer_version(
        LayerName=local_aws.name(),
        Content={
            "ZipFile": package(
                {
                    "python/shared.py": "VALUE = 'python'",
                    "nodejs/node_modules/shared/index.js": "module.exports = {value: 'node'}",
                    "bin/tool": "#!/bin/sh\necho shell",
                    "own/script": "#!/var/lang/bin/python\nprint('lang')",
                },
                executable=("bin/tool", "own/script"),
            )
        },
    )["LayerVersionArn"]
    python = (
        "import os, shared, subprocess\ndef run(*command): return subprocess.check_output(command, text=True).strip()\n"
        "def handler(e, c): return [shared.VALUE, shared.__file__, run('tool'), run('/opt/own/script'), os.getcwd()]"
    )
    assert invoke(create({"index.py": python}, Layers=[layer])) == (
        ["python", "/opt/python/shared.py", "shell", "lang", "/var/task"],
        "",
    )
    for file, code in (
        ("index.js", "exports.handler = async () => require('shared').value"),
        ("index.mjs", "import shared from 'shared'; export const handler = async () => shared.value"),
    ):
        assert invoke(create({file: code}, NODE, Layers=[layer])) == ("node", "")


def test_the_output_is_in_the_log_group(local_aws: RunningLocalAws, create: Callable[..., str], invoke: Invoke) -> None:
    code = (
        "import logging, subprocess\ndef handler(e, c):\n    print('printed')\n    logging.warning('logged')\n"
        "    subprocess.run(['echo', 'child'])\n    raise ValueError('end')"
    )
    name = create({"index.py": code})
    invoke(name)
    events = local_aws.logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    lines = [event["message"].rstrip() for event in events]
    assert lines[0].startswith("START RequestId: ")
    assert lines[1] == "printed"
    assert lines[2].startswith("[WARNING]\t")
    assert lines[2].endswith("\tlogged")
    assert lines[3:6] == ["child", "[ERROR] ValueError: end", "Traceback (most recent call last):"]
    assert [line.partition(" ")[0] for line in lines[-2:]] == ["END", "REPORT"]


def template(code: str, runtime: str) -> str:
    """Return a template with a custom resource of an inline function."""
    function = {"Runtime": runtime, "Handler": "index.handler", "Role": ROLE, "Timeout": 2, "Code": {"ZipFile": code}}
    return json.dumps(
        {
            "Resources": {
                "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
                "Custom": {
                    "Type": "Custom::Thing",
                    "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Number": 3},
                },
            },
            "Outputs": {"Echo": {"Value": {"Fn::GetAtt": ["Custom", "Echo"]}}},
        }
    )


def deploy(local_aws: RunningLocalAws, body: str) -> tuple[dict[str, Any], list[str]]:
    """Create a stack and return its description, and the reasons of its events; then delete it."""
    stacks, name = local_aws.client("cloudformation"), local_aws.name()
    stacks.create_stack(StackName=name, TemplateBody=body)
    stack = local_aws.until(
        lambda: stacks.describe_stacks(StackName=name)["Stacks"][0],
        lambda found: not found["StackStatus"].endswith("_IN_PROGRESS"),
    )
    reasons = [
        event.get("ResourceStatusReason", "") for event in stacks.describe_stack_events(StackName=name)["StackEvents"]
    ]
    stacks.delete_stack(StackName=name)
    return stack, reasons


RESPONDERS = {
    PYTHON: (
        "import cfnresponse\ndef handler(e, c):\n"
        "    cfnresponse.send(e, c, cfnresponse.SUCCESS, {'Echo': e['ResourceProperties']['Number']})"
    ),
    NODE: (
        "const response = require('cfn-response');\nexports.handler = (e, c) => {"
        " response.send(e, c, response.SUCCESS, {Echo: e.ResourceProperties.Number}) }"
    ),
}


@pytest.mark.parametrize("runtime", RESPONDERS)
def test_inline_code_has_the_response_module(local_aws: RunningLocalAws, runtime: str) -> None:
    stack, _ = deploy(local_aws, template(RESPONDERS[runtime], runtime))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert [output["OutputValue"] for output in stack["Outputs"]] == ["3"]


FAILING = {
    "init": ("import absent", "Runtime.ImportModuleError: Unable to import module 'index': No module named 'absent'"),
    "crash": ("import os\ndef handler(e, c): os._exit(1)", "Runtime.ExitError: "),
    "time-out": ("import time\ndef handler(e, c): time.sleep(60)", "Sandbox.Timedout: "),
    "exception": ("def handler(e, c): raise OSError('disk')", "OSError: disk"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_cloudformation_hears_at_once_of_a_function_that_fails(local_aws: RunningLocalAws, kind: str) -> None:
    code, reason = FAILING[kind]
    stack, reasons = deploy(local_aws, template(code, PYTHON))
    assert stack["StackStatus"] in ("CREATE_FAILED", "ROLLBACK_COMPLETE")
    assert any(f"The function of the custom resource failed: {reason}" in found for found in reasons)
