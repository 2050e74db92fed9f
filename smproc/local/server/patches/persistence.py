"""ministack's persistence: the content of the account is saved while the server runs, not only when it stops.

AWS: the content of an account is durable.
See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/DataDurability.html

ministack 1.5.33: `ministack.app.app` calls `ministack.core.persistence.save_all` when the server shuts down, and at no
other time. A server that is killed loses all changes since its start except S3 objects. Each save logs every service
at INFO.

Removable when: a release of ministack saves its services' state at intervals or after changes (1.5.33 does not).
"""

from __future__ import annotations

import logging

from smproc.local.server.patches.registry import Names, application, core, takes

NAMES: Names = {
    "ministack.app": {"_build_persistence_save_dict": takes(), "_load_persisted_state": takes()},
    "ministack.core.persistence": {
        "save_all": takes("services"),
        "PERSIST_STATE": lambda value: isinstance(value, bool),
    },
    "ministack.services.s3": {"S3_PERSIST": lambda value: isinstance(value, bool)},
}


def apply() -> None:
    """Limit ministack's log of its persistence to failures."""
    logging.getLogger("persistence").setLevel(logging.WARNING)


def save_account() -> None:
    """Write the content of the account, service by service; S3 objects are on disk already.

    A part that changes while it is read may not be written. ministack's log says so, and the previous version stays.
    """
    core("persistence").save_all(application()._build_persistence_save_dict())
