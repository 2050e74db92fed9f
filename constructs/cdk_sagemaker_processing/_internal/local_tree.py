"""The content of a local directory, as a deployment uploads it: links are followed, patterns are excluded."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from aws_cdk import Stage
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import root_of
from cdk_sagemaker_processing._internal.exclude_patterns import ExcludePatterns
from cdk_sagemaker_processing.model import InvalidValueError

# aws-cdk leaves its output directory out of Docker assets, and "cdk watch" that and node_modules; the projects of
# "cdk init" keep __pycache__, .pytest_cache, .venv, .cdk.staging and cdk.out out of version control.
# See: https://docs.aws.amazon.com/cdk/v2/guide/ref-cli-cmd-watch.html
DEFAULT_EXCLUDES: Final = (
    ".DS_Store",
    ".cdk.staging",
    ".git",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    "__pycache__",
    "cdk.out",
    "node_modules",
)
_VIRTUAL_ENVIRONMENT: Final = {"pyvenv.cfg"}
_CLOUD_ASSEMBLY: Final = {"cdk.out", "manifest.json"}


def check_excludes(exclude: object) -> None:
    """Check that ``exclude`` is a list of patterns; None passes.

    Raises:
        InvalidValueError: the value has another type, or a pattern is empty.
    """
    if exclude is None:
        return
    if not isinstance(exclude, list | tuple) or not all(isinstance(each, str) and each for each in exclude):
        raise InvalidValueError("exclude", exclude, "be a list of glob patterns", 'for example ["tests", "*.csv"]')


def output_directory(scope: IConstruct) -> Path | None:
    """Return the directory that the app of a construct is synthesized to, as cdk.json, the CLI or the app sets it."""
    root = root_of(scope)
    if not isinstance(root, Stage):
        return None
    if root not in _OUTPUT:
        _OUTPUT[root] = Path(root.outdir)
    return _OUTPUT[root]


_OUTPUT: WeakKeyDictionary[Stage, Path] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTree:
    """The content of a local directory.

    Links are followed, as the tar archive of the SageMaker SDK follows them: a linked file or directory has the link's
    name. Never part of it are the output directory of the app, which would grow with each synth, and any other
    directory that contains a cloud assembly.

    Args:
        root: the directory.
        parameter: the parameter that names it, for messages.
        output: the app's output directory. Default: none to leave out.
        exclude: glob patterns, as for ``exclude`` of aws-cdk's assets. Virtual environments are left out together with
            them. Default: None, everything is part of the content.
    """

    root: Path
    parameter: str
    output: Path | None = None
    exclude: Sequence[str] | None = None

    def entries(self) -> dict[str, Path]:
        """Return files and directories by their relative names; names of directories end in ``/``.

        Raises:
            InvalidValueError: a link is broken or leads back to a directory above it, something is neither a file nor
                a directory, cannot be read, or the directory is the app's output directory.
        """
        if self._is_output(self.root):
            raise self._refusal("be another directory than the app's output directory", "move the files")
        status = self.root.stat()
        ignore = ExcludePatterns(self.root, self.exclude) if self.exclude else None
        return dict(self._walk(self.root, "", frozenset({(status.st_dev, status.st_ino)}), ignore))

    def files(self) -> dict[str, Path]:
        """Return the files by their relative names.

        Raises:
            InvalidValueError: see `entries`.
        """
        return {name: path for name, path in self.entries().items() if not name.endswith("/")}

    def _walk(
        self, directory: Path, prefix: str, above: frozenset[tuple[int, int]], ignore: ExcludePatterns | None
    ) -> Iterator[tuple[str, Path]]:
        for base in self._names(directory, prefix):
            name, path = f"{prefix}{base}", directory / base
            # The name relative to the root, not the location behind a link, is what the patterns match.
            is_dir = path.is_dir()
            if ignore and ignore.match(name, is_dir=is_dir):
                continue
            status = self._status(path, name)
            if not is_dir:
                if not stat.S_ISREG(status.st_mode):
                    raise self._refusal("contain files and directories only", f"{name} is neither; remove it")
                yield name, path
            elif not self._is_left_out(path):
                identity = (status.st_dev, status.st_ino)
                if identity in above:
                    raise self._refusal(
                        "contain no link to a directory above it", f"{name} points to {path.resolve()}; remove it"
                    )
                yield f"{name}/", path
                yield from self._walk(path, f"{name}/", above | {identity}, ignore)

    def _names(self, directory: Path, prefix: str) -> list[str]:
        try:
            names = sorted(path.name for path in directory.iterdir())
        except OSError as error:
            raise self._refusal("be readable", f"{prefix or directory}: {error.strerror}") from error
        for name in names:
            try:
                name.encode()
            except UnicodeEncodeError as error:
                raise self._refusal("contain names in UTF-8 only", f"rename {prefix}{name!a}") from error
        return names

    def _status(self, path: Path, name: str) -> os.stat_result:
        try:
            return path.stat()
        except OSError as error:
            if path.is_symlink():
                raise self._refusal(
                    "contain no broken link",
                    f"{name} points to {str(path.readlink())!r}, where nothing is; remove or correct it",
                ) from error
            raise self._refusal("be readable", f"{name}: {error.strerror}") from error

    def _is_left_out(self, directory: Path) -> bool:
        """Return whether a directory is never uploaded, whatever the patterns are."""
        if self._is_output(directory) or _contains(directory, _CLOUD_ASSEMBLY):
            return True
        return self.exclude is not None and _contains(directory, _VIRTUAL_ENVIRONMENT)

    def _is_output(self, directory: Path) -> bool:
        return self.output is not None and self.output.is_dir() and directory.samefile(self.output)

    def _refusal(self, rule: str, advice: str) -> InvalidValueError:
        return InvalidValueError(self.parameter, str(self.root), rule, advice)


def _contains(directory: Path, names: set[str]) -> bool:
    return all((directory / name).is_file() for name in names)
