"""ministack's persistence: the content of the account is saved while the server runs, not only when it stops.

AWS: the content of an account is durable.
See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/DataDurability.html

ministack 1.5.33: `ministack.app.app` calls `ministack.core.persistence.save_all` when the server shuts down, and at no
other time. A server that is killed loses all changes since its start except S3 objects.
`ministack.core.persistence.save_state` writes every service, changed or not, with the slower of Python's two JSON
encoders, and logs each at INFO.

Removable when: a release of ministack saves its services' state at intervals or after changes (1.5.33 does not).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, application, core, takes

NAMES: Names = {
    "ministack.app": {"_build_persistence_save_dict": takes(), "_load_persisted_state": takes()},
    "ministack.core.persistence": {
        "save_all": takes("services"),
        "save_state": takes("service", "data"),
        "_json_default": takes("obj"),
        "_state_format_version": takes("service"),
        "STATE_DIR": lambda value: isinstance(value, str),
        "PERSIST_STATE": lambda value: isinstance(value, bool),
    },
    "ministack.services.eventbridge": {"_dispatch_event": takes("event", "view")},
    "ministack.services.s3": {"S3_PERSIST": lambda value: isinstance(value, bool)},
}

# By service, of what is in its file.
_digests: dict[str, bytes] = {}
_listeners: list[Callable[[], None]] = []


def apply() -> None:
    """Limit ministack's log of its persistence to failures."""
    logging.getLogger("persistence").setLevel(logging.WARNING)


def on_background_change(listener: Callable[[], None]) -> None:
    """Register a function to call when something changes without a request, such as at the end of an execution.

    Args:
        listener: the function.
    """
    _listeners.append(listener)


def account_parts() -> Mapping[str, Callable[[], None]]:
    """Return the services of the account with the functions that save them if they have changed.

    S3 objects, processing jobs and the events of logs are on disk already. A service that changes while it is read may
    not be written; ministack's log says so, and the previous version stays.
    """
    save_all = core("persistence").save_all
    return {
        name: partial(save_all, {name: get_state})
        for name, get_state in application()._build_persistence_save_dict().items()
    }


def _save_state(original: Callable[[str, Any], None], service: str, data: object) -> None:
    persistence = core("persistence")
    document = {"__ministack_format__": persistence._state_format_version(service), "payload": data}
    path = Path(persistence.STATE_DIR) / f"{service}.json"
    try:
        written = json.dumps(document, default=persistence._json_default).encode()
        digest = hashlib.blake2b(written).digest()
        if _digests.get(service) != digest or not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            incomplete = path.with_name(f"{path.name}.tmp")
            incomplete.write_bytes(written)
            incomplete.replace(path)
            _digests[service] = digest
    except (OSError, TypeError, ValueError, RecursionError):
        # Fails as well, and says why in its log.
        original(service, data)


def _dispatch_event(original: Callable[..., Any], event: object, view: object = None) -> None:
    original(event, view)
    for listener in _listeners:
        listener()


WRAPPERS: Wrappers = {
    "ministack.core.persistence": {"save_state": _save_state},
    "ministack.services.eventbridge": {"_dispatch_event": _dispatch_event},
}
