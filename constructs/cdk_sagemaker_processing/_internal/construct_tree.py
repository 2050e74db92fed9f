"""The node, root, stage, stack and path of a construct, cached: they never change, and each call slows synth."""

from __future__ import annotations

import functools
from weakref import ReferenceType, WeakKeyDictionary, ref

from aws_cdk import CfnResource, ConstructSelector, IConstructSelector, Stack, Stage
from constructs import IConstruct, Node

from cdk_sagemaker_processing.safeguards import note_scope


def node_of(construct: IConstruct) -> Node:
    """Return the node of a construct."""
    if (node := _NODES.get(construct)) is None:
        node = _NODES[construct] = construct.node
    return node


def path_of(construct: IConstruct) -> str:
    """Return the path of a construct."""
    if (path := _PATHS.get(construct)) is None:
        path = _PATHS[construct] = node_of(construct).path
    return path


def root_of(construct: IConstruct) -> IConstruct:
    """Return the root of a construct's tree, which usually is the app."""
    known = _ROOTS.get(construct)
    if known is None or (root := known()) is None:
        root = node_of(construct).root
        _ROOTS[construct] = ref(root)
    return root


def stack_of(construct: IConstruct) -> Stack:
    """Return the stack of a construct."""
    known = _STACKS.get(construct)
    if known is None or (stack := known()) is None:
        stack = Stack.of(construct)
        _STACKS[construct] = ref(stack)
    return stack


def default_child_of(construct: IConstruct) -> IConstruct | None:
    """Return the default child of a construct: of one of aws-cdk, its resource."""
    if (child := _DEFAULT_CHILDREN.get(construct)) is None and (child := node_of(construct).default_child) is not None:
        _DEFAULT_CHILDREN[construct] = child
        _ROOTS[child] = ref(root_of(construct))
        _STACKS[child] = ref(stack_of(construct))
    return child


def scope_of(construct: IConstruct) -> IConstruct | None:
    """Return the scope of a construct; None for the root."""
    known = _SCOPES.get(construct)
    if (known is None or (scope := known()) is None) and (scope := node_of(construct).scope) is not None:
        _SCOPES[construct] = ref(scope)
    return scope


def resources_in(root: IConstruct, *types: str) -> list[CfnResource]:
    """Return the resources of some CloudFormation types: all constructs of a large app would be a large message."""
    return _selector(types).select(root)  # type: ignore[return-value]


@functools.cache
def _selector(types: tuple[str, ...]) -> IConstructSelector:
    return ConstructSelector.resources_of_type(*types)


def stage_of(stack: Stack) -> IConstruct:
    """Return the stage that a stack is synthesized with, which usually is the app."""
    known = _STAGES.get(stack)
    if known is None or (stage := known()) is None:
        stage = Stage.of(stack) or root_of(stack)
        _STAGES[stack] = ref(stage)
    return stage


def inherit(construct: IConstruct, scope: IConstruct, construct_id: str) -> None:
    """Note the root, the stack and the path of a new construct, which is no stack, as they follow from its scope.

    Its `Safeguards` follow from it, too.
    """
    note_scope(construct, scope)
    _ROOTS[construct] = ref(root_of(scope))
    _STACKS[construct] = ref(stack_of(scope))
    # https://github.com/aws/constructs/blob/10.x/src/construct.ts writes the separator of paths so in an id.
    _PATHS[construct] = "/".join(filter(None, (path_of(scope), construct_id.replace("/", "--"))))


_NODES: WeakKeyDictionary[IConstruct, Node] = WeakKeyDictionary()
_DEFAULT_CHILDREN: WeakKeyDictionary[IConstruct, IConstruct] = WeakKeyDictionary()
_PATHS: WeakKeyDictionary[IConstruct, str] = WeakKeyDictionary()
# The values are weak too: the stack of a stack is itself, and would keep itself alive.
_ROOTS: WeakKeyDictionary[IConstruct, ReferenceType[IConstruct]] = WeakKeyDictionary()
_STACKS: WeakKeyDictionary[IConstruct, ReferenceType[Stack]] = WeakKeyDictionary()
_SCOPES: WeakKeyDictionary[IConstruct, ReferenceType[IConstruct]] = WeakKeyDictionary()
_STAGES: WeakKeyDictionary[Stack, ReferenceType[IConstruct]] = WeakKeyDictionary()
