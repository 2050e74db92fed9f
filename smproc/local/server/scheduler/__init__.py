"""EventBridge Scheduler: schedules start their targets when they are due, as their own roles."""

from smproc.local.server.scheduler.schedules import Schedules

__all__ = ["Schedules"]
