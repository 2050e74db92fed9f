"""The settings without effect that the resources of the account have: recorded for the doctor."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from smproc.local.settings_without_effect import SettingWithoutEffect


class SettingsInUse:
    """The settings without effect that resources have, each recorded once for each owner.

    Args:
        path: the file to append them to, a JSON text per line; None to record nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._recorded: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def record(self, setting: SettingWithoutEffect, owner: str) -> None:
        """Record that a resource has a setting.

        Args:
            setting: the setting.
            owner: the resource of a stack, or the requests that set it.
        """
        with self._lock:
            if self._path is None or (setting.name, owner) in self._recorded:
                return
            self._recorded.add((setting.name, owner))
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"owner": owner, "names": [setting.name]}) + "\n")
