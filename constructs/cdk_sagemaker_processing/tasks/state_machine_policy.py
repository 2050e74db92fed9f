"""The permissions that the role of a state machine needs to run a processing job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary, WeakSet

from aws_cdk import Stage
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import inherit, node_of, path_of, root_of, stack_of
from cdk_sagemaker_processing._internal.consuming_stacks import add_statement, used_in
from cdk_sagemaker_processing._internal.grants import account_of
from cdk_sagemaker_processing._internal.resource_facts import role_arn_of, role_of
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing._internal.statements import Statement
from cdk_sagemaker_processing._internal.unmanaged_policies import UnmanagedPolicy
from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved
from cdk_sagemaker_processing.resources.role import run_time_arn

# Step Functions is notified of a job's end by this rule, which it creates and manages itself.
MANAGED_RULE = "StepFunctionsGetEventsForSageMakerProcessingJobsRule"
# Role.from_lookup returns a role of another account in a first synth; the CDK CLI looks it up and synthesizes again.
_DUMMY_ROLE = ":123456789012:role/DUMMY_ARN"


def state_machine_statements(
    facts: StackFacts, *, job_name: str, role: iam.IRole, waits: bool, tagged: bool
) -> list[Statement]:
    """Return the statements, each as narrow as AWS allows.

    The page lists them for training and transform jobs; the names for processing jobs are analogous, as in every public
    example.

    Args:
        facts: the partition, region and account of the jobs.
        job_name: the start of the jobs' names; empty if it is not known.
        role: the jobs' role; the permission to pass it is left out if it is known only at run time.
        waits: whether the state waits for the job's end (``.sync``).
        tagged: whether the request has tags.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html
    """
    job_actions = ["sagemaker:CreateProcessingJob"]
    if waits:
        job_actions += ["sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob"]
    # With .sync Step Functions tags the jobs that it starts (MANAGED_BY_AWS = STARTED_BY_STEP_FUNCTIONS), and tags at
    # creation need the permission to tag: aws/aws-cdk#26012, #32294.
    if waits or tagged:
        job_actions.append("sagemaker:AddTags")
    statements = [
        Statement(job_actions, [job_arns(facts, job_name)]),
        # The page lists ListTags with "*" for each pattern: Step Functions calls it before it knows the job's ARN.
        Statement(["sagemaker:ListTags"], ["*"]),
    ]
    if run_time_arn(role) is None:  # IAM refuses a policy with a path or an expression in place of an ARN
        condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        statements.insert(1, Statement(["iam:PassRole"], [role_arn_of(role)], condition))
    if waits:
        rule = facts.arn("events", f"rule/{MANAGED_RULE}")
        statements.append(Statement(["events:PutTargets", "events:PutRule", "events:DescribeRule"], [rule]))
    return statements


def job_arns(facts: StackFacts, job_name: str) -> str:
    """Return the ARN pattern of the jobs whose names start with a text."""
    return facts.arn("sagemaker", f"processing-job/{job_name}*")


def state_machine_under_construction(task: IConstruct) -> sfn.StateMachine | None:
    """Return the state machine whose definition aws-cdk is assembling; None if it is not a construct of the app.

    aws-cdk asks a task for its statements in the constructor of the state machine, after the machine has its role and
    before it has its resource, and does not name the machine.
    """
    if _EXPECTED:
        scope, construct_id = _EXPECTED[-1]
        machine = node_of(scope).try_find_child(construct_id)
        if isinstance(machine, sfn.StateMachine):
            inherit(machine, scope, construct_id)
            return machine
    root = root_of(task)
    # The tasks of a state machine ask one after the other.
    last = _CONSTRUCTED.get(root)
    if last is not None and _is_under_construction(last):
        return last
    # Nearly always it is in the task's stack, and to look through the app for each would take longer with each.
    for scope in (stack_of(task), root):
        for construct in node_of(scope).find_all():
            if isinstance(construct, sfn.StateMachine) and _is_under_construction(construct):
                _CONSTRUCTED[root] = construct
                return construct
    return None


@contextmanager
def constructed_as(scope: IConstruct, construct_id: str) -> Iterator[None]:
    """Name the state machine that is created in the context, which then need not be looked for in the app."""
    _EXPECTED.append((scope, construct_id))
    try:
        yield
    finally:
        _EXPECTED.pop()


_EXPECTED: list[tuple[IConstruct, str]] = []


def _is_under_construction(machine: sfn.StateMachine) -> bool:
    if machine in _FINISHED:
        return False
    if node_of(machine).try_find_child("Resource") is None:
        return True
    _FINISHED.add(machine)
    return False


_FINISHED: WeakSet[sfn.StateMachine] = WeakSet()

# Python has no other reference to a state machine before its constructor has returned.
_CONSTRUCTED: WeakKeyDictionary[IConstruct, sfn.StateMachine] = WeakKeyDictionary()


def new_statements(machine: sfn.StateMachine, statements: list[Statement]) -> list[Statement]:
    """Return the statements that no earlier task of a state machine needed, and that aws-cdk must add to its role.

    If the role belongs to another stack, this function adds them to a policy there, and returns none.
    """
    given = _GIVEN.setdefault(machine, set())
    new = [statement for statement in statements if statement.key not in given]
    given.update(statement.key for statement in new)
    role = role_of(machine)
    if path_of(stack_of(role)) == path_of(stack_of(machine)):
        return new
    used_in(machine, role, stack_of(machine))
    for statement in new:
        add_statement(role, statement, machine)
    return []


_GIVEN: WeakKeyDictionary[sfn.StateMachine, set[str]] = WeakKeyDictionary()


def check_account(task: IConstruct, role: iam.IRole, credentials: sfn.Credentials | None) -> None:
    """Check that a job runs in the account of its role: AWS passes a role only within its account.

    See: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html

    Raises:
        InvalidValueError: the job's role is known to be in another account than the job.
    """
    role_account = account_of(role)
    job_account = StackFacts.of(task).account if credentials is None else _account_of_arn(credentials.role.role_arn)
    if role_arn_of(role).endswith(_DUMMY_ROLE):
        return  # The CLI looks the role up and synthesizes again.
    if role_account != job_account and not is_unresolved(role_account) and not is_unresolved(job_account):
        raise InvalidValueError(
            "role",
            role.node.path if is_unresolved(role_arn_of(role)) else role_arn_of(role),
            f"be of the account that the job runs in, {job_account}",
            "AWS passes no role across accounts: use a role of that account, and allow it in the policies of buckets "
            "and keys of other accounts; to run a job in another account, pass the credentials= of a role there",
        )
    _check_reference(task, role)


def _check_reference(task: IConstruct, role: iam.IRole) -> None:
    """Check that the stack of a task can refer to a role of another stack of the app.

    Raises:
        InvalidValueError: a role of another stage, or of another region without a physical name.
    """
    ours, theirs = stack_of(task), stack_of(role)
    if path_of(ours) == path_of(theirs):
        return
    if Stage.of(task) != Stage.of(role):
        raise InvalidValueError(
            "role",
            role.node.path,
            "belong to the same stage as the job",
            "create a role in each stage, or pass the ARN of a role with a fixed name",
        )
    try:
        ours.resolve(role_arn_of(role))
    except RuntimeError as error:
        raise InvalidValueError(
            "role",
            role.node.path,
            f"be in the region of the job's stack, {ours.region}, or have a fixed role_name",
            "the stack of another region can refer to the role only by a name that is known at synth",
        ) from error


def report_assumed_role_permissions(
    task: IConstruct, credentials: sfn.Credentials, statements: Callable[[StackFacts], list[Statement]]
) -> None:
    """Report the permissions that the role of a task's credentials needs: aws-cdk knows only its ARN.

    Args:
        task: the task.
        credentials: the task's credentials.
        statements: returns the statements for an account.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-access-cross-acct-resources.html
    """
    arn = credentials.role.role_arn
    account = _account_of_arn(arn)
    facts = StackFacts.of(task)
    policies = UnmanagedPolicy.of(task, f"the policies of the role {arn}")
    for statement in statements(facts._replace(account="<its account>" if is_unresolved(account) else account)):
        policies.require(statement)


def _account_of_arn(arn: str) -> str:
    """Return the account in an ARN, or the ARN itself if it is known only at deployment."""
    return arn if is_unresolved(arn) else arn.split(":")[4]
