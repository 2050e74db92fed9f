"""ministack's persistence: what the account holds is saved while the server runs, not only at an orderly end.

AWS: what an account holds does not depend on the life of a server.
See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/DataDurability.html

ministack 1.5.33: `ministack.app.app` calls `ministack.core.persistence.save_all` when the server shuts down, and at no
other time; a server that is killed loses everything since its start but the objects of S3. Each save logs every
service at INFO.

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
    """Limit ministack's log of its persistence to what could not be written."""
    logging.getLogger("persistence").setLevel(logging.WARNING)


def save_account() -> None:
    """Write what the account holds, each service's part in one step; objects are on disk already.

    A part that changes while it is read may not be written. ministack's log says so, and the previous version stays.
    """
    core("persistence").save_all(application()._build_persistence_save_dict())
