"""What the account holds, on disk: ministack writes it at an orderly end, and here whenever it is asked to."""

from __future__ import annotations

import importlib
import logging

from smproc.local.server.patches.registry import Names, takes

NAMES: Names = {
    "ministack.app": {"_build_persistence_save_dict": takes(), "_load_persisted_state": takes()},
    "ministack.core.persistence": {
        "save_all": takes("services"),
        "PERSIST_STATE": lambda value: isinstance(value, bool),
    },
    "ministack.services.s3": {"S3_PERSIST": lambda value: isinstance(value, bool)},
}


def apply() -> None:
    """Let ministack's log tell of what could not be written, and not of what was."""
    logging.getLogger("persistence").setLevel(logging.WARNING)


def save_account() -> None:
    """Write what the account holds, each service's part in one step; objects are on disk already.

    A part that changes meanwhile may not be written; ministack's log says so, and what was written before stays.
    """
    application = importlib.import_module("ministack.app")
    persistence = importlib.import_module("ministack.core.persistence")
    persistence.save_all(application._build_persistence_save_dict())
