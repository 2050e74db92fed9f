"""Durations and principals, made once: they are the same for all constructs, and each call to aws-cdk slows synth."""

from __future__ import annotations

import functools

from aws_cdk import Duration
from aws_cdk import aws_iam as iam


@functools.cache
def seconds(amount: int) -> Duration:
    """Return a duration in seconds."""
    return Duration.seconds(amount)


@functools.cache
def minutes(amount: int) -> Duration:
    """Return a duration in minutes."""
    return Duration.minutes(amount)


@functools.cache
def days(amount: int) -> Duration:
    """Return a duration in days."""
    return Duration.days(amount)


@functools.cache
def service_principal(service: str) -> iam.ServicePrincipal:
    """Return the principal of a service, without conditions."""
    return iam.ServicePrincipal(service)
