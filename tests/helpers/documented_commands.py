"""The commands that the documentation prints, and the tests that run them.

A command is a line that starts with ``$`` in a block of a page. A test of tests/unit/test_documented_commands.py fails
for a command that is in none of these lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.helpers.stacks import ROOT

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
)
_FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s+# .*")

# Pages whose commands a test reads and runs, or prints by running them.
RUN_WITH_THEIR_PAGE = {
    "docs/first-pipeline.md": "tests/e2e/test_first_pipeline.py::test_the_commands_of_the_page_end_in_outputs",
    "docs/local-aws.md": "tests/e2e/test_local_aws_page.py::test_the_commands_of_the_page_run",
    "docs/when-something-fails.md": "tests/e2e/test_when_something_fails.py::test_the_page_has_every_kind",
}
_TRY = "tests/integration/trials/test_try.py::test_a_step_runs_with_the_script_as_it_is_saved"
_STACKS = "tests/e2e/test_stacks.py::test_the_pipeline_runs_with_the_role_and_the_key_of_the_base_stack"
_ADOPT = "tests/e2e/test_adopting.py::test_a_notebook_becomes_an_app_and_its_job_one_that_sends_the_same_request"
_IMAGES = "tests/conformance/container/test_image_builds.py::"
_BACKFILL = "tests/e2e/test_backfill.py::test_objects_without_events_are_counted_and_then_processed_once"
_PAUSE = "tests/e2e/test_operating.py::test_a_paused_pipeline_takes_uploads_and_starts_them_when_it_is_resumed"
# The others, by patterns of whole commands. The test runs the command with names, files and numbers of its own.
RUN_BY = {
    r"make demo": "tests/e2e/test_demo.py::test_the_demo_shows_both_outputs_and_the_duration_of_each_step",
    r"make help": "tests/unit/test_documented_commands.py::test_make_lists_what_it_can_do",
    r"smproc try Split wine\.csv( --output-dir before| --against before)?": _TRY,
    r"smproc local watch wine\.csv": "tests/e2e/test_inner_loop.py"
    "::test_a_saved_script_is_swapped_in_and_the_file_uploaded_again",
    r"smproc local (start|open)": "tests/e2e/test_console.py::test_a_browser_without_a_session_gets_nothing",
    r"smproc adopt (job|notebook) .*|cd my-project && .*": _ADOPT,
    r"cdk deploy --hotswap": "tests/e2e/test_script_edits.py::test_a_hotswap_reaches_the_jobs",
    r"cdk watch": "tests/e2e/test_script_edits.py::test_watch_deploys_a_saved_script",
    r'eval "\$\(smproc local env --account .*\)"|cdk bootstrap aws://.*|cdk deploy --all': _STACKS,
    r"smproc run data\.csv --stack OwnPipeline": _STACKS,
    r"smproc local images build sagemaker-scikit-learn:.*": f"{_IMAGES}"
    "test_a_job_of_scikit_learns_image_runs_with_its_versions",
    r"smproc local images build sagemaker-spark-processing:.*": f"{_IMAGES}"
    "test_a_spark_application_reads_and_writes_s3",
    r"smproc backfill start --stack Features .*": _BACKFILL,
    r"smproc (pause|resume) --pipeline Features": _PAUSE,
    r"cdk diff": "tests/conformance/test_upgrade_changes.py::test_every_change_of_an_upgrade_is_named_in_the_changelog",
    r"cdk deploy": "tests/e2e/test_upgrade.py::test_an_upgrade_replaces_no_data_loses_nothing_and_pending_work_goes_on",
    r"make verify-aws OPTIONS=.*": "tests/e2e/test_verify_aws.py::test_every_question_is_answered_and_recorded",
    r"npx cdk bootstrap": "tests/e2e/test_first_pipeline.py::test_the_commands_of_the_page_end_in_outputs",
}
# Commands that no test runs, with the reason.
NOT_RUN = {
    r"git clone <this repository> && .*": "the address is that from which a reader has the repository",
    r"make setup": "it installs the environment in which the tests run; `make test` begins with it",
    r"make test": "it runs the tests",
    r"pytest tests/unit|export PATH=.*": "`make test` runs these tests, with this path",
    r"pip install --upgrade cdk-sagemaker-processing": "the package is on no index yet",
    r"make bench": "it measures for most of an hour; tests compare what it has written",
}


@dataclass(frozen=True, slots=True)
class Documented:
    """A command of a page, without its comment."""

    page: str
    text: str


def documented_commands() -> Iterator[Documented]:
    """Yield the commands of all pages."""
    for page in PAGES:
        for block in _FENCE.findall((ROOT / page).read_text(encoding="utf-8")):
            for line in block.splitlines():
                if line.lstrip().startswith("$ "):
                    yield Documented(page, _COMMENT.sub("", line.strip().removeprefix("$ ")))


def runner_of(command: Documented) -> str | None:
    """Return the test that runs a command, ``not run`` for one of `NOT_RUN`, and None for a command without either."""
    if command.page in RUN_WITH_THEIR_PAGE:
        return RUN_WITH_THEIR_PAGE[command.page]
    for pattern, test in RUN_BY.items():
        if re.fullmatch(pattern, command.text):
            return test
    return "not run" if any(re.fullmatch(pattern, command.text) for pattern in NOT_RUN) else None
