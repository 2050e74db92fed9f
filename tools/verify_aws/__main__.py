"""The command: it says what it will do and what that costs, asks, and prints what AWS answered.

python -m tools.verify_aws [--stage 0] [--yes] [--only QUESTION]... [--keep]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from botocore.exceptions import ClientError

from tools.differences import VERIFIED
from tools.verify_aws.account import Account, NoAccountError
from tools.verify_aws.clean_up import clean_up
from tools.verify_aws.costs import INSTANCE_TYPE, bound
from tools.verify_aws.laboratory import STACK, Deployment, Lab
from tools.verify_aws.laboratory.deployment import DeploymentError
from tools.verify_aws.provoking import provoker_for
from tools.verify_aws.question import Answer, Asker, Question, answer
from tools.verify_aws.questions import CLOSING, QUESTIONS
from tools.verify_aws.record import record_of, write_record
from tools.verify_aws.report import counts, details, exit_status, table
from tools.verify_aws.without_deploying import CHECKS, CheckContext
from tools.verify_aws.without_deploying.quotas import instance_quotas
from tools.verify_aws.without_deploying.synthesis import synthesize

_JOBS_MAX: Final = 20
_USAGE_ERROR: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stages, and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        account = Account.of(options.profile, options.region)
    except NoAccountError as error:
        sys.stderr.write(f"{error}\n")
        return _USAGE_ERROR
    _say(f"Account {account.number} in {account.region}, as {account.caller}, {account.endpoint or 'AWS'}.")
    answers: list[Answer] = []
    left: list[str] = []
    status = 0
    if not options.only or any(check.id in options.only for check in CHECKS):
        answers += _without_deploying(account, options.only)
    if options.stage != "0" and (not options.only or any(each.id in options.only for each in (*QUESTIONS, *CLOSING))):
        if options.yes or _is_confirmed():
            try:
                left = _in_the_laboratory(account, options, answers)
            except DeploymentError as error:
                _say(str(error))
                status = _USAGE_ERROR
        else:
            _say("Nothing was deployed.")
    path = write_record(record_of(account, answers, left=left, now=datetime.now(UTC)), options.output)
    _say(f"\n{table(answers)}\n{counts(answers)}")
    for paragraph in details(answers):
        _say(paragraph)
    _say(f"The record is {path}.")
    return exit_status(answers) or status


def _without_deploying(account: Account, only: Sequence[str]) -> list[Answer]:
    _say("Stage 0: services of AWS check what would be deployed. It changes nothing and costs nothing.")
    with tempfile.TemporaryDirectory() as directory:
        context = CheckContext(account, synthesize(Path(directory)))
        return [answer(check, context) for check in _chosen(CHECKS, only)]


def _is_confirmed() -> bool:
    costs = bound()
    _say(f"Stage 1 deploys the stack {STACK}, runs its jobs, and deletes it with all of its data. At most:")
    for cost in costs:
        _say(f"  USD {cost.usd:.3f}  {cost.what} ({cost.page})")
    _say(f"  USD {sum(cost.usd for cost in costs):.3f}  in all, by list prices of US East (N. Virginia)")
    sys.stdout.write("Deploy it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _in_the_laboratory(account: Account, options: argparse.Namespace, answers: list[Answer]) -> list[str]:
    """Deploy the stack, add the answers, delete the stack whatever happens, and return what is left."""
    quota = int(instance_quotas(account, [INSTANCE_TYPE])[INSTANCE_TYPE])
    if quota < 1:
        raise DeploymentError(
            f"the account must allow a processing job an instance of {INSTANCE_TYPE}, got a quota of {quota}; request "
            "an increase in Service Quotas, which takes minutes to days"
        )
    deployment = Deployment(account, options.profile)
    _say(f"Stage 1: deploying {STACK}.")
    left = [f"stack {STACK}: kept"]
    try:
        deployment.deploy()
        lab = Lab(
            account=account,
            deployment=deployment,
            provoker=provoker_for(account),
            outputs=deployment.outputs(),
            slots=threading.BoundedSemaphore(min(quota, _JOBS_MAX)),
            deployed_at=time.time(),
        )
        answers += _asked(lab, options.only)
    finally:
        if not options.keep:
            left = _cleaned(account)
    return left


def _asked(lab: Lab, only: Sequence[str]) -> list[Answer]:
    chosen, closing = _chosen(QUESTIONS, only), _chosen(CLOSING, only)
    if not any(question.id == "notifications-in-force" for question in chosen):
        lab.notifications.set()

    def ask(question: Question[Lab]) -> Answer:
        found = answer(question, lab)
        _say(f"  {found.question}: {found.outcome}")
        return found

    with ThreadPoolExecutor(max_workers=max(1, len(chosen))) as threads:
        answers = list(threads.map(ask, chosen))
    return [*answers, *map(ask, closing)]


def _chosen(questions: Sequence[Question[Asker]], only: Sequence[str]) -> list[Question[Asker]]:
    return [question for question in questions if not only or question.id in only]


def _cleaned(account: Account) -> list[str]:
    _say(f"Deleting {STACK}.")
    try:
        left = clean_up(account)
    except ClientError as error:
        left = [f"stack {STACK}, which was not deleted: {error}; delete it in the console of CloudFormation"]
    for each in left:
        _say(f"  left: {each}")
    _say("Everything else is deleted." if left else "Nothing is left.")
    return left


def _parser() -> argparse.ArgumentParser:
    known = [*(check.id for check in CHECKS), *(question.id for question in (*QUESTIONS, *CLOSING))]
    parser = argparse.ArgumentParser(prog="python -m tools.verify_aws", description="Ask AWS what only AWS can answer.")
    parser.add_argument("--stage", choices=("0", "1"), default="1", help="the last stage; 0 deploys nothing")
    parser.add_argument("--only", action="append", default=[], choices=known, metavar="QUESTION", help="ask only this")
    parser.add_argument("--yes", action="store_true", help="deploy without asking")
    parser.add_argument("--keep", action="store_true", help="keep the stack; the next run without this deletes it")
    parser.add_argument("--profile", help="a profile of the AWS configuration")
    parser.add_argument("--region", help="the region")
    parser.add_argument("--output", type=Path, default=VERIFIED, help="the directory of the record")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
