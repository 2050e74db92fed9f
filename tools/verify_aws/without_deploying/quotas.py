"""The account's quotas: instances, concurrent functions, rates of Step Functions.

See: https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
See: https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from smproc.assemblies import CloudAssembly
from tools.verify_aws.account import Account
from tools.verify_aws.costs import INSTANCE_TYPE
from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.without_deploying.templates import CheckContext

_FOR_PROCESSING: Final = " for processing job usage"
# The intake has up to five concurrent invocations, and the dispatcher one for each, by the constructs' own settings.
_CONCURRENCY_MIN: Final = 10
_STATES_QUOTAS: Final = ("StartExecution", "StateTransition", "DescribeExecution")


def service_quotas(
    account: Account, service: str, *, is_enough: Callable[[Mapping[str, float]], bool]
) -> dict[str, float]:
    """Return the quotas of a service by their names.

    AWS lists a quota whose value the account has never changed among the defaults alone, for some services.

    Args:
        account: the account.
        service: the code of the service.
        is_enough: returns whether the quotas of the account are enough, without the defaults.
    """
    own = _listed(account, service, "list_service_quotas")
    return own if is_enough(own) else {**_listed(account, service, "list_aws_default_service_quotas"), **own}


def instance_quotas(account: Account, types: Iterable[str]) -> dict[str, float]:
    """Return the numbers of instances that processing jobs may use, by their types.

    Args:
        account: the account.
        types: the instance types.
    """
    names = {f"{each}{_FOR_PROCESSING}": each for each in types}
    quotas = service_quotas(account, "sagemaker", is_enough=lambda own: names.keys() <= own.keys())
    return {each: quotas.get(name, 0.0) for name, each in names.items()}


def _listed(account: Account, service: str, operation: str) -> dict[str, float]:
    quotas: dict[str, float] = {}
    token: dict[str, str] = {}
    while True:
        page = account.ask("service-quotas", operation, ServiceCode=service, **token)
        quotas |= {each["QuotaName"]: float(each["Value"]) for each in page["Quotas"]}
        if "NextToken" not in page:
            return quotas
        token = {"NextToken": page["NextToken"]}


def _ask_instances(context: CheckContext) -> Evidence:
    needed = {INSTANCE_TYPE}
    for directory in context.assemblies.values():
        for step in CloudAssembly(directory).steps:
            cluster = step.request["ProcessingResources"]["ClusterConfig"]
            kind = cluster.get("InstanceType")
            needed |= {kind} if isinstance(kind, str) and kind.startswith("ml.") else set()
    return {"quotas": instance_quotas(context.account, sorted(needed))}


def _ask_concurrency(context: CheckContext) -> Evidence:
    settings = context.account.ask("lambda", "get_account_settings")
    return {"limit": settings["AccountLimit"], "usage": settings["AccountUsage"]}


def _ask_states(context: CheckContext) -> Evidence:
    def of_executions(quotas: Mapping[str, float]) -> dict[str, float]:
        return {name: value for name, value in quotas.items() if any(each in name for each in _STATES_QUOTAS)}

    return {
        "quotas": of_executions(
            service_quotas(context.account, "states", is_enough=lambda own: bool(of_executions(own)))
        )
    }


def _types_of_zero(evidence: Mapping[str, Any]) -> list[str]:
    return [kind for kind, value in evidence["quotas"].items() if value < 1]


INSTANCE_QUOTAS: Final = Question(
    id="instance-quotas",
    asks="Which instance types of the apps may the account not use?",
    claims=(),
    relied_on=(),
    expected=[],
    because="the account must allow an instance of each; request an increase in Service Quotas",
    ask=_ask_instances,
    read=_types_of_zero,
)
CONCURRENCY: Final = Question(
    id="function-concurrency",
    asks="How many functions may run at a time?",
    claims=(),
    relied_on=("constructs/cdk_sagemaker_processing/trigger/deliveries.py: _CONCURRENCY",),
    expected={"at least": _CONCURRENCY_MIN},
    because="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    ask=_ask_concurrency,
    read=lambda evidence: evidence["limit"]["UnreservedConcurrentExecutions"],
    agrees=lambda expected, actual: actual >= expected["at least"],
)
STATES_QUOTAS: Final = Question(
    id="step-functions-rates",
    asks="Does the account have rates of Step Functions?",
    claims=(),
    relied_on=("docs/trigger-scale.md",),
    expected={"quotas of StartExecution": "above 0"},
    because="https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html",
    ask=_ask_states,
    read=lambda evidence: {name: value for name, value in evidence["quotas"].items() if "StartExecution" in name},
    agrees=lambda _, actual: bool(actual) and all(value > 0 for value in actual.values()),
)
