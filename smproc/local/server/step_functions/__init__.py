"""The interpreter of state machines: moto's Step Functions engine, behind ministack's Step Functions API.

ministack keeps the state machines, executions, tags and versions, answers the API, and is what CloudFormation,
EventBridge and the persistence know; `smproc.local.server.patches.stepfunctions_engine` hands each execution to the
engine of this package. moto's interpreter is a fork of LocalStack's, which is tested against recordings of executions
in AWS. Its modules are no API: every name that this package uses is in `names.NAMES` and checked by `load`, and every
function that it replaces is in a module of `corrections`. moto is pinned exactly.

Importing this package prepares moto's package (see `moto_package`), so that its other modules can import the
interpreter like any other library.
"""

from smproc.local.server.step_functions import moto_package

moto_package.prepare()
