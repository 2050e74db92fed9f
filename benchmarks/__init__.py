"""Benchmarks: each module measures one part, against a named baseline in the same run.

``python -m benchmarks`` runs all and prints one table; ``python -m benchmarks synth trigger`` runs some of them.

measurement.py      a figure, its baseline, its bound
apps/               the apps that are synthesized, and the same by hand
synth.py            the synth
pipeline.py         the deployment, and an upload
jobs.py             a job with each runner
transfer.py         the inputs and outputs of a job
sharding.py         a job with several hosts
trigger.py          the calls, memory and cold start of the trigger's functions (consumption.py)
storm.py            uploads under faults (storm_uploads.py, storm_functions.py, storm_scans.py)
inner_loop.py       a saved script
operations.py       the commands for operators
console.py          the console
local_server.py     the local AWS with much of everything
costs.py, scale.py, backfill.py   pages of docs/ that are computed from the counts of trigger.py
"""
