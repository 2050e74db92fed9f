"""The names that this project has given up appear nowhere but in the changelog."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Old names as regular expressions, each with its successor.
FORMER = {
    r"\b(?i:laptops?)\b|Laptop(?=[A-Z])": "local AWS, LocalAws",
    r"\bsmproc[./]job\b": "cdk_sagemaker_processing.model",
    r"\bsmproc[./]operate\b": "smproc.operations",
    r"\bconstructs/smproc\b": "smproc/",
    r"\bsmproc[./]local[./](?:jobs|seams|service)\b": "smproc.local.server.execution, .patches, .sagemaker",
    r"\bworkflow/_\w+": "tasks/",
    r"\bseams?\b": "patch",
    r"\bamend(?:s|ed|ing)?\b": "patch, apply",
    r"\bStateFolder\b": "StateDir",
    r"\bJobLife\b": "JobExecutor",
    r"\bAlongside\b": "BackgroundTasks",
    r"\bKeeper\b": "AutoSaver",
    r"\bStandIn\b|\bstand_ins?(?:_for)?\b": "ImageSubstitute, substitute_for",
    r"\btry_sandboxes\b|\bTrial\b": "probe_sandboxes, SandboxProbe",
    r"\bInjected\b|\b_?go_wrong\b": "InjectedFault, inject_fault",
    r"\b(?:CannotRun|ConflictingValues|InvalidProcessingJob|InvalidValue|PortInUse|ServerFailed)\b": "...Error",
    r"\b(?:NoExecutionStarted|NothingToRetry|PipelineNotFound|RunTimedOut)\b": "...Error",
    r"\b(?:NoSandbox|UnsupportedMinistack)\b": "...Error",
    r"\bMinistackMissing\b": "MinistackNotInstalledError",
    r"\bNoEngine\b": "NoContainerEngineError",
    r"\bWrongOption\b": "InvalidOptionError",
    r"\bN818\b": "a name that ends in Error",
    r"\blet_(?:encrypt|in|it_\w+|publish|use)\b": "grant_...",
    r"\btell_of_\w+": "report_...",
    r"\blook_(?:after|at_machines)\b": "reconcile, register_state_machine_check",
    r"\bForeignPolicy\b": "UnmanagedPolicy",
    r"\bcheck_kind\b": "check_type",
    r"\bstatic_head\b|\bheads\(": "static_prefix, key_prefixes",
    r"\bknown_at_run_time\b": "context_object_values",
    r"\bkeep_entries_apart\b": "_separate_outputs_per_entry",
    r"\bkept_queue\b": "retained_queue",
    r"\bIN_HALVES\b|\brelease_in_halves\b": "BISECTED, release_bisected",
    r"\bset_aside\b": "to_dead_letters",
    r"\bFrameworkFamily\b|\bOneFrameworkProcessor\b": "_FrameworkProcessorBase, SingleFrameworkProcessor",
}
# They name what was renamed; the others are written by tools.
EXEMPT = re.compile(
    r"CHANGELOG\.md|changelog\.d/.*|tests/unit/test_vocabulary\.py|package-lock\.json|(?:.*/)?requirements[^/]*\.txt"
    r"|tools/requirements/.*"
)
BUILT = {"node_modules", "cdk.out", "dist", "build"}


def tracked_files() -> Iterator[str]:
    """Yield the paths of the project's files: what git tracks, or everything where there is no git, as in an sdist."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
        yield from filter(None, listed.stdout.split("\0"))
        return
    for directory, subdirectories, names in os.walk(ROOT):
        subdirectories[:] = [name for name in subdirectories if name not in BUILT and not name.startswith(".")]
        yield from (str((Path(directory) / name).relative_to(ROOT)) for name in names)


def former_names(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the name and the successor of each former name in a text."""
    lines = text.splitlines()
    for pattern, successor in FORMER.items():
        if re.search(pattern, text):
            for number, line in enumerate(lines, start=1):
                yield from ((number, match[0], successor) for match in re.finditer(pattern, line))


def test_former_names_are_gone() -> None:
    remaining = []
    for name in tracked_files():
        path = ROOT / name
        if EXEMPT.fullmatch(name) or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        # The file's own name counts as its line 0.
        remaining += [
            f"{name}:{number}: {former}; use {successor}"
            for number, former, successor in (
                *((0, *found[1:]) for found in former_names(name)),
                *former_names(text),
            )
        ]

    assert remaining == []


@pytest.mark.parametrize(
    ("text", "former"),
    [
        ("from smproc.job import errors", ["smproc.job"]),
        ("class LaptopAws: ...  # runs on a laptop", ["Laptop", "laptop"]),
        ("raise InvalidValue(x)", ["InvalidValue"]),
        ("raise InvalidValueError(x)", []),
        ("let_it_start(x); grant_start_execution(y)", ["let_it_start"]),
        ("seamless, amendment, stands in", []),
    ],
)
def test_a_former_name_is_recognised_and_its_successor_is_not(text: str, former: list[str]) -> None:
    assert sorted(name for _, name, _ in former_names(text)) == sorted(former)
