"""An upgrade from the kept release candidate, by `cdk diff`: each change is in the changelog, and no data is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from tools import release_candidate, upgrade_changes
from tools.upgrade_changes import DATA_TYPES, Change, UnreadableDiffError, changes, missing_fragments, parse_diff

FUNCTION, BUCKET = "AWS::Lambda::Function", "AWS::S3::Bucket"


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly that the checkout synthesizes."""
    return release_candidate.synthesize(tmp_path_factory.mktemp("checkout") / "assembly")


@pytest.fixture(scope="module")
def since_candidate(new: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Change]:
    """The changes since the kept candidate."""
    return release_candidate.changes_since(release_candidate.unpack(tmp_path_factory.mktemp("kept")), new)


def test_every_change_of_an_upgrade_is_named_in_the_changelog(since_candidate: list[Change]) -> None:
    assert missing_fragments(since_candidate, release_candidate.FRAGMENTS) == []


def test_no_upgrade_replaces_or_removes_what_holds_data(since_candidate: list[Change]) -> None:
    lost = [change for change in since_candidate if change.is_breaking and change.kind in DATA_TYPES]
    fragments = list(release_candidate.FRAGMENTS.glob("*.breaking.md"))
    assert [one for one in lost if not any(f"`{one.kind}`" in path.read_text() for path in fragments)] == []


def test_the_candidate_is_of_this_app() -> None:
    kept = json.loads(release_candidate.ABOUT.read_text())["app_sha256"]
    assert kept == release_candidate.app_hash(), (
        "the app of tests/upgrade has changed, which is no upgrade; run "
        "python -m tools.release_candidate keep --of-another-app"
    )


def first(template: dict[str, Any], kind: str) -> str:
    """Return the logical id of the first resource of a type."""
    return next(str(name) for name, one in template["Resources"].items() if one["Type"] == kind)


def with_mutations(new: Path, directory: Path, *mutations: Callable[[dict[str, Any]], None]) -> list[Change]:
    """Return the changes from a mutation of the template that is deployed to what the checkout synthesizes."""
    template = json.loads((new / "Upgraded.template.json").read_text())
    for mutate in mutations:
        mutate(template)
    (directory / "old.template.json").write_text(json.dumps(template))
    return changes(directory / "old.template.json", new, "Upgraded")


def test_an_upgrade_without_a_change_has_none(new: Path, tmp_path: Path) -> None:
    assert with_mutations(new, tmp_path) == []


def test_each_kind_of_change_needs_its_fragment(new: Path, tmp_path: Path) -> None:
    def rename_bucket(template: dict[str, Any]) -> None:
        old = first(template, BUCKET)
        renamed = json.loads(json.dumps(template).replace(f'"{old}"', '"OtherBucket"'))
        template.clear()
        template.update(renamed)

    def change_function(template: dict[str, Any]) -> None:
        properties = template["Resources"][first(template, FUNCTION)]["Properties"]
        properties["MemorySize"] = properties.get("MemorySize", 128) + 1

    def lack_alarm(template: dict[str, Any]) -> None:
        del template["Resources"][first(template, "AWS::CloudWatch::Alarm")]

    def have_other_output(template: dict[str, Any]) -> None:
        template["Outputs"]["InputBucket"]["Value"] = "another"

    found = with_mutations(new, tmp_path, rename_bucket, change_function, lack_alarm, have_other_output)
    directory = tmp_path / "changelog.d"
    directory.mkdir()
    sentences = missing_fragments(found, directory)
    # Of the two about buckets, the one about the bucket that is lost.
    missing = {sentence.partition(" ")[0]: sentence for sentence in sentences}
    assert {BUCKET, f"{FUNCTION}.MemorySize", "AWS::CloudWatch::Alarm", "Outputs"} <= missing.keys()
    assert "OtherBucket" in missing[BUCKET]
    assert missing[BUCKET].startswith(f"{BUCKET} is lost or replaced in deployed stacks: ")
    assert missing[BUCKET].endswith(f"; name it as `{BUCKET}` in a fragment changelog.d/+<topic>.breaking.md")
    assert missing["AWS::CloudWatch::Alarm"].endswith("changelog.d/+<topic>.(breaking|feature|fix).md")

    spans = " ".join(f"`{name}`" for name in missing)
    (directory / "+all.misc.md").write_text(spans)
    assert missing_fragments(found, directory) == sentences
    (directory / "+all.feature.md").write_text(spans)
    assert {sentence.partition(" ")[0] for sentence in missing_fragments(found, directory)} == {BUCKET}
    (directory / "+all.breaking.md").write_text(f"`{BUCKET}`")
    assert missing_fragments(found, directory) == []


def test_what_cloudformation_replaces_is_breaking_where_it_holds_data(new: Path, tmp_path: Path) -> None:
    """Compare with cfn-lint's schemas: another value of a property that only a creation sets replaces the resource."""
    replaced: dict[str, str] = {}

    def set_names(template: dict[str, Any]) -> None:
        for kind in sorted(DATA_TYPES & {one["Type"] for one in template["Resources"].values()}):
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
            only = [path.rpartition("/")[2] for path in schema.get("createOnlyProperties", ())]
            if named := [name for name in only if name.endswith("Name")]:
                replaced[kind] = first(template, kind)
                template["Resources"][replaced[kind]]["Properties"][named[0]] = "of-another-version"

    found = with_mutations(new, tmp_path, set_names)
    assert len(replaced) > 5
    # A bucket policy goes with its bucket, for example, and is not breaking itself.
    lost = [change for change in found if change.is_replaced and change.kind in DATA_TYPES]
    assert {change.kind: change.names.rpartition(" ")[2] for change in lost} == replaced
    assert {change.kind for change in found if change.is_breaking} == {*replaced}


def test_a_replaced_resource_without_data_is_not_breaking() -> None:
    assert not Change("AWS::Lambda::Permission", "~", "P", ("Action",), is_replaced=True).is_breaking
    assert Change("AWS::Lambda::Permission", "-", "P").is_breaking  # its logical id is an interface


@pytest.mark.parametrize("line", ["[?] AWS::S3::Bucket Bucket", "[~]"])
def test_what_is_not_understood_is_no_upgrade_without_changes(line: str) -> None:
    with pytest.raises(UnreadableDiffError, match="which is not understood"):
        parse_diff(f"Stack Upgraded\nResources\n{line}\n")


def test_a_failure_of_the_cdk_cli_is_no_upgrade_without_changes(new: Path, tmp_path: Path) -> None:
    (tmp_path / "old.template.json").write_text("{}")
    with pytest.raises(UnreadableDiffError, match="No stacks match"):
        changes(tmp_path / "old.template.json", new, "NoSuchStack")


def test_a_candidate_that_hides_a_change_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = shutil.copy(release_candidate.ARCHIVE, tmp_path)
    change = Change(BUCKET, "-", "Stack/Bucket Bucket")
    monkeypatch.setattr(release_candidate, "ARCHIVE", Path(archive))
    monkeypatch.setattr(release_candidate, "FRAGMENTS", tmp_path)
    monkeypatch.setattr(release_candidate, "check", lambda _: ([change], missing_fragments([change], tmp_path)))
    monkeypatch.setattr(release_candidate, "keep", lambda *_: Path(archive).unlink())
    monkeypatch.setattr("sys.argv", ["release_candidate", "keep"])

    assert release_candidate.main() == 1
    assert Path(archive).is_file()
    assert f"`{BUCKET}` in a fragment" in capsys.readouterr().err
    monkeypatch.setattr(release_candidate, "check", lambda _: ([change], []))
    assert release_candidate.main() == 0
    assert not Path(archive).exists()


def test_the_types_with_data_are_those_that_the_library_retains(new: Path) -> None:
    retained: set[str] = set()
    for stack in release_candidate.STACKS:
        resources = json.loads((new / f"{stack}.template.json").read_text())["Resources"].values()
        retained |= {one["Type"] for one in resources if one.get("DeletionPolicy") == "Retain"}
    assert retained
    assert retained <= upgrade_changes.DATA_TYPES
