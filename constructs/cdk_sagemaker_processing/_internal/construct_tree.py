"""The root, the stack and the path of a construct, cached: they never change, and each call to aws-cdk slows synth."""

from __future__ import annotations

from weakref import ReferenceType, WeakKeyDictionary, ref

from aws_cdk import Stack
from constructs import IConstruct


def path_of(construct: IConstruct) -> str:
    """Return the path of a construct."""
    if (path := _PATHS.get(construct)) is None:
        path = _PATHS[construct] = construct.node.path
    return path


def root_of(construct: IConstruct) -> IConstruct:
    """Return the root of a construct's tree, which usually is the app."""
    known = _ROOTS.get(construct)
    if known is None or (root := known()) is None:
        root = construct.node.root
        _ROOTS[construct] = ref(root)
    return root


def stack_of(construct: IConstruct) -> Stack:
    """Return the stack of a construct."""
    known = _STACKS.get(construct)
    if known is None or (stack := known()) is None:
        stack = Stack.of(construct)
        _STACKS[construct] = ref(stack)
    return stack


_PATHS: WeakKeyDictionary[IConstruct, str] = WeakKeyDictionary()
# The values are weak too: the stack of a stack is itself, and would keep itself alive.
_ROOTS: WeakKeyDictionary[IConstruct, ReferenceType[IConstruct]] = WeakKeyDictionary()
_STACKS: WeakKeyDictionary[IConstruct, ReferenceType[Stack]] = WeakKeyDictionary()
