"""The value of a pipeline, as Go's text/template evaluates it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from alerts.templates.methods import evaluate_member
from alerts.templates.nodes import (
    BoolNode,
    ChainNode,
    CommandNode,
    DotNode,
    FieldNode,
    IdentifierNode,
    NilNode,
    Node,
    NumberNode,
    OperandNode,
    PipeNode,
    StringNode,
    VariableNode,
)
from alerts.templates.parser import ParsedTemplate
from alerts.templates.signatures import TEMPLATE_CALL, CallError, Context, Function, Parameter
from alerts.templates.values import is_true, type_name
from monitor.errors import TemplateError
from monitor.model.labels import quote

_MISSING = object()
INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class TemplateLimits:
    """What one expansion may cost. A step is one node evaluated."""

    output_characters: int = 262_144
    steps: int = 200_000
    depth: int = 50


@dataclass(frozen=True, slots=True)
class _Call:
    """What something is called with: `.`, the arguments written behind it, and the value piped into it, if any."""

    dot: object
    arguments: tuple[OperandNode, ...] = ()
    piped: object = _MISSING

    @property
    def has_arguments(self) -> bool:
        return bool(self.arguments) or self.piped is not _MISSING


class Evaluator:
    """Where an expansion stands: `node` for error messages, the variables in scope, the steps that are left."""

    def __init__(
        self,
        template: ParsedTemplate,
        context: Context,
        limits: TemplateLimits,
        call_template: Callable[[str, object], str],
    ) -> None:
        self.template = template
        self.context = context
        self.limits = limits
        self.name = template.name
        self.node: Node | None = None
        self.variables: list[tuple[str, object]] = []
        self._call_template = call_template
        self._steps_left = limits.steps

    def fail(self, message: str) -> TemplateError:
        if self.node is None:
            return TemplateError(f"template: {self.name}: {message}")
        before = self.template.text[: self.node.position]
        line = before.count("\n") + 1
        column = len(before[before.rfind("\n") + 1 :].encode())
        place = f"{self.template.name}:{line}:{column}: executing {quote(self.name)} at <{self.node}>"
        return TemplateError(f"template: {place}: {message}")

    def at(self, node: Node) -> None:
        self.node = node
        self._steps_left -= 1
        if self._steps_left < 0:
            raise self.fail(f"exceeded the limit of {self.limits.steps} steps")

    def pipeline(self, dot: object, pipe: PipeNode) -> object:
        self.at(pipe)
        value: object = _MISSING
        for command in pipe.commands:
            value = self._command(dot, command, value)
        for variable in pipe.declared:
            self.set_variable(variable.names[0], value, declare=not pipe.is_assignment)
        return value

    def set_variable(self, name: str, value: object, *, declare: bool) -> None:
        if declare:
            self.variables.append((name, value))
            return
        for index in range(len(self.variables) - 1, -1, -1):
            if self.variables[index][0] == name:
                self.variables[index] = (name, value)
                return
        raise self.fail(f"undefined variable: {name}")

    def _variable(self, name: str) -> object:
        for known, value in reversed(self.variables):
            if known == name:
                return value
        raise self.fail(f"undefined variable: {name}")

    def _command(self, dot: object, command: CommandNode, piped: object) -> object:
        first = command.arguments[0]
        call = _Call(dot, command.arguments[1:], piped)
        if isinstance(first, IdentifierNode):
            return self._function(first, command, call)
        if isinstance(first, FieldNode | VariableNode | ChainNode):
            return self._with_members(first, call)
        self.at(first)
        self._refuse_arguments(first, call)
        return self.pipeline(dot, first) if isinstance(first, PipeNode) else self._constant(dot, first)

    def _refuse_arguments(self, node: OperandNode, call: _Call) -> None:
        if call.has_arguments:
            raise self.fail(f"can't give argument to non-function {node}")

    def _constant(self, dot: object, node: OperandNode) -> object:
        if isinstance(node, DotNode):
            return dot
        if isinstance(node, NilNode):
            raise self.fail("nil is not a command")
        assert isinstance(node, BoolNode | NumberNode | StringNode), f"BUG: got {node!r}, want a constant"
        self._refuse_overflow(node)
        return node.value

    def _refuse_overflow(self, node: BoolNode | NumberNode | StringNode) -> None:
        if isinstance(node.value, int) and node.value > INT64_MAX:
            raise self.fail(f"{node} overflows int")

    # Fields

    def _with_members(self, node: FieldNode | VariableNode | ChainNode, call: _Call) -> object:
        """`.a.b`, `$x.a.b` or `(…).a.b`; only the last name can be a method that takes arguments."""
        self.at(node)
        if isinstance(node, FieldNode):
            receiver, names = call.dot, node.names
        elif isinstance(node, VariableNode):
            receiver, names = self._variable(node.names[0]), node.names[1:]
        else:
            receiver, names = self._chain_operand(node, call.dot), node.names
        if not names:
            self._refuse_arguments(node, call)
            return receiver
        for name in names[:-1]:
            receiver = self._member(node, name, receiver, _Call(call.dot))
        return self._member(node, names[-1], receiver, call)

    def _chain_operand(self, node: ChainNode, dot: object) -> object:
        if isinstance(node.operand, NilNode):
            raise self.fail(f"indirection through explicit nil in {node}")
        return self._argument(dot, Parameter.ANY, node.operand)

    def _member(self, node: OperandNode, name: str, receiver: object, call: _Call) -> object:
        try:
            value = evaluate_member(receiver, name, has_arguments=call.has_arguments)
        except CallError as error:
            raise self.fail(str(error)) from None
        return self._called(value, name, node, call) if isinstance(value, Function) else value

    # Functions

    def _function(self, node: IdentifierNode, place: CommandNode | IdentifierNode, call: _Call) -> object:
        self.at(node)
        if node.name == TEMPLATE_CALL:
            function = Function(self._call_template, (Parameter.STRING, Parameter.ANY))
        else:
            function = self.template.functions[node.name]
        return self._called(function, node.name, place, call)

    def _called(self, function: Function, name: str, place: Node, call: _Call) -> object:
        complaint = function.wrong_count(len(call.arguments) + (call.piped is not _MISSING))
        if complaint:
            raise self.fail(f"wrong number of args for {name}: {complaint}")
        if function.stops_at is not None:
            return self._short_circuit(call, stops_at=function.stops_at)
        values = [self._argument(call.dot, function.parameter(i), node) for i, node in enumerate(call.arguments)]
        if call.piped is not _MISSING:
            values.append(self._checked(call.piped, function.parameter(len(values))))
        if function.needs_context:
            values.insert(0, self.context)
        return self._result(function.call, values, name, place)

    def _result(self, call: Callable[..., object], values: list[object], name: str, place: Node) -> object:
        try:
            value = call(*values)
        except (CallError, ValueError) as error:
            self.at(place)
            raise self.fail(f"error calling {name}: {error}") from None
        if isinstance(value, str) and len(value) > self.limits.output_characters:
            self.at(place)
            raise self.fail(f"exceeded the limit of {self.limits.output_characters} characters of output")
        return value

    def _short_circuit(self, call: _Call, *, stops_at: bool) -> object:
        value: object = None
        for argument in call.arguments:
            value = self._argument(call.dot, Parameter.VALUE, argument)
            if is_true(value) is stops_at:
                return value
        return value if call.piped is _MISSING else call.piped

    def _argument(self, dot: object, parameter: Parameter, node: OperandNode) -> object:
        self.at(node)
        if isinstance(node, FieldNode | VariableNode | ChainNode):
            return self._checked(self._with_members(node, _Call(dot)), parameter)
        if isinstance(node, PipeNode):
            return self._checked(self.pipeline(dot, node), parameter)
        if isinstance(node, IdentifierNode):
            return self._checked(self._function(node, node, _Call(dot)), parameter)
        if isinstance(node, DotNode):
            return self._checked(dot, parameter)
        return self._constant_argument(parameter, node)

    def _constant_argument(self, parameter: Parameter, node: BoolNode | NumberNode | StringNode | NilNode) -> object:
        if isinstance(node, NilNode):
            if parameter in (Parameter.STRING, Parameter.DURATION):
                raise self.fail(f"cannot assign nil to {parameter.value}")
            return None
        if parameter is Parameter.STRING and not isinstance(node, StringNode):
            raise self.fail(f"expected string; found {node}")
        self._refuse_overflow(node)
        if not parameter.accepts(node.value):
            raise self.fail(f"can't handle {node} for arg of type {parameter.value}")
        return node.value

    def _checked(self, value: object, parameter: Parameter) -> object:
        if parameter.accepts(value):
            return value
        if value is None:
            raise self.fail(f"invalid value; expected {parameter.value}")
        raise self.fail(f"wrong type for value; expected {parameter.value}; got {type_name(value)}")
