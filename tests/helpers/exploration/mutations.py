"""The conditions of the trigger's writes: what finds out that one is missing, or why none can.

A mutation has a condition hold always, in every request that has it. The names of runs and executions are digests of
what they are about, so several conditions have a second one behind them.
"""

from __future__ import annotations

from tests.helpers.exploration.services import Condition

_NEW = "attribute_not_exists(pk)"
_VERSION = "#version = :was"

# The scenario that finds the mutation, without a kill.
FOUND_BY = {
    Condition("Put seals", _NEW): (
        "a backfill finds what events tell of at the same time, first of all in a bucket with versions"
    ),
    Condition("Put seals", _VERSION): (
        "a backfill finds what events tell of at the same time, after other seals in a bucket with versions"
    ),
    Condition("Delete sealed", "#cursor = :was"): "two dispatchers distribute and close what a third has sealed",
    Condition("Put open", _NEW): "two dispatchers add units to a new batch",
    Condition("Delete open", _VERSION): "two minutes close an open batch while it is filled",
    Condition("Put open", _VERSION): "two dispatchers add units to an open batch",
    Condition("Delete ready", _VERSION): "two dispatchers claim a batch that fails",
    Condition("Put active", _VERSION): (
        "single objects without a limit: one dispatcher takes over from another, and executions end"
    ),
    Condition("Delete active", _VERSION): "the failure of a batch is reported twice and found by a minute, 0 replays",
    Condition("Update slots", "attribute_not_exists(#paused)"): "single objects are paused while two dispatchers claim",
    Condition("Update slots", "attribute_not_exists(#paused) AND (attribute_not_exists(#count) OR #count <= :most)"): (
        "one slot for a batch that waits and one that an earlier clock closes"
    ),
    Condition("Update run#...", "attribute_not_exists(#used) OR #used <= :most"): (
        "both halves of a batch fail at the same time, and one replay is left"
    ),
    Condition("Put run#...", _VERSION): "a stopped execution is retried twice, and fails then",
    Condition("Delete run#...", _VERSION): (
        "the dead letter of two missing objects is sent back twice, and their execution fails then"
    ),
}

# Conditions that no end depends on, and the reason.
REDUNDANT = {
    Condition("Delete inbox", "attribute_exists(pk)"): (
        "the seal that deletes an item also changes the heads of its uploads, so another seal that has read the heads "
        "before is refused, and one that reads them afterwards finds only duplicates; the condition saves units"
    ),
    Condition("Put sealed", _NEW): "the name of a unit is random, and no other transaction creates it",
    Condition("Put ready", _NEW): (
        "the name of a run is the digest of its members, which the same transaction takes from a record with a condition"  # noqa: E501
    ),
    Condition("Put ready", _VERSION): (
        "another split of a run of single objects has executions of the same names, so a second start finds the first; "
        "the condition saves slots"
    ),
    Condition("Put active", _NEW): "a run is claimed by the transaction that deletes it from those that wait",
    Condition("Put end#...", _NEW): (
        "failures are published at least once; the condition saves publishing the end of a redriven execution again"
    ),
    **dict.fromkeys(
        (Condition("Put seen", _NEW), Condition("Put seen", _VERSION)),
        "two seals with copies of one upload are refused by the order of seals; the conditions are for functions of "
        "the version before, which know no such order and may run during a deployment",
    ),
    Condition("Put scan", _NEW): "two scans that are started at the same time find the seals of each other",
    Condition("Put scan", _VERSION): (
        "a scanner that another one has overtaken is refused by the order of seals, and finds everything known; the "
        "condition keeps a request to stop from being lost, and what is taken again from being taken twice"
    ),
    Condition(
        "Update slots", "attribute_not_exists(paused)"
    ): "a second pause would only replace the time of the first",
    Condition("Update slots", "attribute_exists(paused)"): "the condition tells whether there was a pause to remove",
    Condition("Put meta", "attribute_not_exists(#marks_since)"): "whoever upgrades the table records the same",
    **dict.fromkeys(
        (Condition("Put rules", _NEW), Condition("Put rules", _VERSION)),
        "whoever finds that other rules were deployed records the same, with a time that is seconds later",
    ),
    Condition("Put meta", _NEW): "whoever examines the table records the same",
}
