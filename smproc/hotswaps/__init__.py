"""Hotswaps: edited scripts in deployed state machines, without a synth and without CloudFormation."""

from smproc.hotswaps.deployed_code import DeployedMachine, Swap, deployed_machines

__all__ = ["DeployedMachine", "Swap", "deployed_machines"]
