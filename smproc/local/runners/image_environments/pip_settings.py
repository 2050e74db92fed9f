"""The package index of this machine, from pip's own settings: where environments and jobs install packages from."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The settings that say where packages come from and how they are reached.
# See: https://pip.pypa.io/en/stable/topics/configuration/
_NAMES = (
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "trusted-host",
    "cert",
    "client-cert",
    "proxy",
    "timeout",
)
_UV = {"index-url": "UV_DEFAULT_INDEX", "trusted-host": "UV_INSECURE_HOST", "cert": "SSL_CERT_FILE"}
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class PipSettings:
    """Settings of pip.

    Attributes:
        values: the value of each setting, as in a configuration file.
    """

    values: Mapping[str, str]

    @classmethod
    def of_this_machine(cls) -> PipSettings:
        """Read them from pip's configuration files and variables."""
        values: dict[str, str] = {}
        for path in _files():
            parser = configparser.RawConfigParser()
            try:
                parser.read(path, encoding="utf-8")
            except (configparser.Error, UnicodeDecodeError):
                continue  # pip itself reports it
            for section in ("global", "install"):
                if parser.has_section(section):
                    values |= {name: value for name, value in parser.items(section) if name in _NAMES}
        for name in _NAMES:
            if value := os.environ.get(f"PIP_{name.upper().replace('-', '_')}"):
                values[name] = value
        if "proxy" not in values:
            proxy = next(
                (os.environ[name] for name in (*_PROXIES, *map(str.lower, _PROXIES)) if name in os.environ), ""
            )
            values |= {"proxy": proxy} if proxy else {}
        for name in ("extra-index-url", "find-links"):
            # pip ignores a directory that does not exist, and warns of it each time.
            if name in values:
                values[name] = "\n".join(one for one in values[name].split() if _is_there(one))
        return cls({name: value for name, value in values.items() if value})

    @property
    def files(self) -> list[Path]:
        """The files and directories of this machine that they name."""
        paths = [_local(one) for name in ("cert", "client-cert", "find-links") for one in self._each(name)]
        indexes = (_local(one) for name in ("index-url", "extra-index-url") for one in self._each(name))
        paths += [_index_root(path) for path in indexes if path is not None]
        return [path for path in paths if path is not None and path.exists() and path != Path("/")]

    def _each(self, name: str) -> list[str]:
        return self.values.get(name, "").split()

    def to_file(self) -> str:
        """Return the content of a configuration file of pip."""
        lines = [f"{name} = {value.replace(chr(10), chr(10) + '    ')}" for name, value in sorted(self.values.items())]
        return "\n".join(["[global]", "disable-pip-version-check = true", "root-user-action = ignore", *lines, ""])

    def uv_variables(self) -> dict[str, str]:
        """Return the variables with which uv installs from the same place; uv's own variables take precedence."""
        variables = {variable: self.values[name] for name, variable in _UV.items() if name in self.values}
        if "extra-index-url" in self.values:
            # As pip, which takes the best version of all indexes.
            variables |= {
                "UV_INDEX": " ".join(self.values["extra-index-url"].split()),
                "UV_INDEX_STRATEGY": "unsafe-best-match",
            }
        if "find-links" in self.values:
            variables["UV_FIND_LINKS"] = ",".join(self.values["find-links"].split())
        if "proxy" in self.values:
            variables |= dict.fromkeys(_PROXIES, self.values["proxy"])
        return {name: value for name, value in variables.items() if name not in os.environ}


def _index_root(index: Path) -> Path:
    """Return the directory of an index and its files, which may be beside the pages in ``simple``."""
    # Whatever the layout, a job must not see the user's home.
    is_beside = index.name == "simple" and not Path.home().is_relative_to(index.parent)
    return index.parent if is_beside else index


def _is_there(location: str) -> bool:
    path = _local(location)
    return path is None or path.exists()


def _local(location: str) -> Path | None:
    """Return the path of a file or directory of this machine; None for a URL of another kind."""
    if "://" in location and not location.startswith("file://"):
        return None
    return Path(location.removeprefix("file://")).expanduser().absolute()


def _files() -> list[Path]:
    """Return the configuration files, the one that takes precedence last."""
    explicit = os.environ.get("PIP_CONFIG_FILE")
    if explicit == os.devnull:
        return []
    names = ["/etc/pip.conf", "/etc/xdg/pip/pip.conf", "~/.pip/pip.conf"]
    names.append(f"{os.environ.get('XDG_CONFIG_HOME', '~/.config')}/pip/pip.conf")
    names += ["~/Library/Application Support/pip/pip.conf"] if sys.platform == "darwin" else []
    names += [f"{sys.prefix}/pip.conf", *([explicit] if explicit else [])]
    return [Path(name).expanduser() for name in names]
