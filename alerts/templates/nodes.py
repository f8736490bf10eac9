"""The syntax tree of a template. `str(node)` spells a node as Go does, for error messages.

`position` is an offset into the template's whole text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextNode:
    position: int
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class DotNode:
    position: int

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class NilNode:
    position: int

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True)
class FieldNode:
    """`.a.b`"""

    position: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class VariableNode:
    """`$x.a.b`; the first name keeps its `$`."""

    position: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class IdentifierNode:
    """The name of a function."""

    position: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class BoolNode:
    position: int
    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class NumberNode:
    """An untyped constant; `value` is what it is where any type will do."""

    position: int
    text: str
    value: int | float

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class StringNode:
    position: int
    quoted: str
    value: str

    def __str__(self) -> str:
        return self.quoted


@dataclass(frozen=True, slots=True)
class ChainNode:
    """Fields of something in parentheses: `(pipe).a.b`."""

    position: int
    operand: OperandNode
    names: tuple[str, ...]

    def __str__(self) -> str:
        operand = f"({self.operand})" if isinstance(self.operand, PipeNode) else str(self.operand)
        return operand + "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class CommandNode:
    """One stage of a pipeline."""

    position: int
    arguments: tuple[OperandNode, ...]

    def __str__(self) -> str:
        return " ".join(f"({node})" if isinstance(node, PipeNode) else str(node) for node in self.arguments)


@dataclass(frozen=True, slots=True)
class PipeNode:
    """`declared := command | command`; with `is_assignment` it is `declared = …`."""

    position: int
    commands: tuple[CommandNode, ...]
    declared: tuple[VariableNode, ...] = ()
    is_assignment: bool = False

    def __str__(self) -> str:
        commands = " | ".join(map(str, self.commands))
        if not self.declared:
            return commands
        return f"{', '.join(map(str, self.declared))} {'=' if self.is_assignment else ':='} {commands}"


ConstantNode = BoolNode | NumberNode | StringNode
OperandNode = ConstantNode | DotNode | NilNode | FieldNode | VariableNode | IdentifierNode | ChainNode | PipeNode


@dataclass(frozen=True, slots=True)
class ListNode:
    nodes: tuple[ControlNode, ...]

    def __str__(self) -> str:
        return "".join(map(str, self.nodes))


@dataclass(frozen=True, slots=True)
class ActionNode:
    position: int
    pipe: PipeNode

    def __str__(self) -> str:
        return "{{" + str(self.pipe) + "}}"


@dataclass(frozen=True, slots=True)
class BranchNode:
    """`if`, `with` or `range` (the keyword says which)."""

    position: int
    keyword: str
    pipe: PipeNode
    body: ListNode
    otherwise: ListNode | None = None

    def __str__(self) -> str:
        otherwise = "" if self.otherwise is None else "{{else}}" + str(self.otherwise)
        return "{{" + f"{self.keyword} {self.pipe}" + "}}" + str(self.body) + otherwise + "{{end}}"


@dataclass(frozen=True, slots=True)
class JumpNode:
    """`break` or `continue`."""

    position: int
    keyword: str

    def __str__(self) -> str:
        return "{{" + self.keyword + "}}"


@dataclass(frozen=True, slots=True)
class TemplateNode:
    """`template "name" pipe`"""

    position: int
    quoted: str
    name: str
    pipe: PipeNode | None

    def __str__(self) -> str:
        argument = "" if self.pipe is None else f" {self.pipe}"
        return "{{template " + self.quoted + argument + "}}"


ControlNode = TextNode | ActionNode | BranchNode | JumpNode | TemplateNode
Node = ControlNode | OperandNode | CommandNode
