"""The pipelines of a template: what stands between `{{` and `}}`, as Go's text/template parses it."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.templates.nodes import (
    BoolNode,
    ChainNode,
    CommandNode,
    DotNode,
    FieldNode,
    IdentifierNode,
    NilNode,
    NumberNode,
    OperandNode,
    PipeNode,
    StringNode,
    VariableNode,
)
from alerts.templates.quoting import number_value, unquote
from alerts.templates.signatures import TEMPLATE_CALL, Function
from alerts.templates.tokens import Token, TokenKind, tokenize
from monitor.errors import TemplateError
from monitor.model.labels import quote

_CONSTANTS = (BoolNode, DotNode, NilNode, NumberNode, StringNode)
UINT64_MAX = 2**64 - 1
INT64_MIN = -(2**63)
_COMMAND_STARTS = frozenset(
    (
        TokenKind.BOOL,
        TokenKind.CHARACTER,
        TokenKind.DOT,
        TokenKind.FIELD,
        TokenKind.IDENTIFIER,
        TokenKind.NUMBER,
        TokenKind.KEYWORD,
        TokenKind.RAW_STRING,
        TokenKind.STRING,
        TokenKind.VARIABLE,
        TokenKind.LEFT_PAREN,
    )
)


def _shown(token: Token) -> str:
    """A token as Go's messages show it."""
    if token.kind is TokenKind.END:
        return "EOF"
    if token.kind in (TokenKind.KEYWORD, TokenKind.DOT):
        return f"<{token.text}>"
    return f"{quote(token.text[:10])}..." if len(token.text.encode()) > 10 else quote(token.text)


class PipelineParser:
    """The tokens of one template, and the variables that are known where it stands."""

    def __init__(self, name: str, text: str, functions: Mapping[str, Function], depth: int) -> None:
        self.name = name
        self.tokens = tokenize(text)
        self.next = 0
        self.functions = functions
        self.depth_left = depth
        self.variables = ["$"]

    def fail(self, message: str, line: int | None = None) -> TemplateError:
        if line is None:
            line = self.tokens[max(self.next - 1, 0)].line
        return TemplateError(f"template: {self.name}:{line}: {message}")

    def peek(self) -> Token:
        token = self.tokens[self.next]
        if token.kind is TokenKind.ERROR:
            raise self.fail(token.text, token.line)
        return token

    def take(self) -> Token:
        token = self.peek()
        if token.kind is not TokenKind.END:
            self.next += 1
        return token

    def peek_past_space(self) -> Token:
        while self.peek().kind is TokenKind.SPACE:
            self.next += 1
        return self.peek()

    def take_past_space(self) -> Token:
        self.peek_past_space()
        return self.take()

    def expect(self, kind: TokenKind, context: str) -> Token:
        token = self.take_past_space()
        if token.kind is not kind:
            raise self.unexpected(token, context)
        return token

    def unexpected(self, token: Token, context: str) -> TemplateError:
        return self.fail(f"unexpected {_shown(token)} in {context}", token.line)

    # Pipelines

    def pipeline(self, context: str, end: TokenKind = TokenKind.RIGHT) -> PipeNode:
        self.depth_left -= 1
        if self.depth_left < 0:
            raise self.fail("the template is nested too deeply")
        position = self.peek_past_space().position
        declared, is_assignment = self._declarations(context)
        commands: list[CommandNode] = []
        while True:
            token = self.peek_past_space()
            if token.kind is end:
                self.take()
                break
            if token.kind in _COMMAND_STARTS:
                commands.append(self._command())
                continue
            raise self.unexpected(self.take(), context)
        self._check(commands, context)
        self.depth_left += 1
        return PipeNode(position, tuple(commands), declared, is_assignment)

    def _check(self, commands: list[CommandNode], context: str) -> None:
        if not commands:
            raise self.fail(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], start=2):
            if isinstance(command.arguments[0], _CONSTANTS):
                raise self.fail(f"non executable command in pipeline stage {stage}")

    def _declarations(self, context: str) -> tuple[tuple[VariableNode, ...], bool]:
        declared: list[VariableNode] = []
        while self.peek_past_space().kind is TokenKind.VARIABLE:
            start = self.next
            variable = self.take()
            following = self.peek_past_space()
            if following.kind in (TokenKind.DECLARE, TokenKind.ASSIGN):
                self.take()
                declared.append(VariableNode(variable.position, (variable.text,)))
                self.variables += [node.names[0] for node in declared]
                return tuple(declared), following.kind is TokenKind.ASSIGN
            if following.kind is not TokenKind.COMMA:
                self.next = start
                break
            if context != "range" or declared:
                raise self.fail(f"too many declarations in {context}")
            self.take()
            declared.append(VariableNode(variable.position, (variable.text,)))
        if declared:
            raise self.fail("range can only initialize variables")
        return (), False

    def _command(self) -> CommandNode:
        position = self.peek_past_space().position
        arguments: list[OperandNode] = []
        while True:
            self.peek_past_space()
            operand = self._operand()
            if operand is not None:
                arguments.append(operand)
            token = self.take()
            if token.kind is TokenKind.SPACE:
                continue
            if token.kind in (TokenKind.RIGHT, TokenKind.RIGHT_PAREN):
                self.next -= 1
            elif token.kind is not TokenKind.PIPE:
                raise self.unexpected(token, "operand")
            break
        if not arguments:
            raise self.fail("empty command")
        return CommandNode(position, tuple(arguments))

    def _operand(self) -> OperandNode | None:
        node = self._term()
        if node is None or self.peek().kind is not TokenKind.FIELD:
            return node
        position = self.peek().position
        names: list[str] = []
        while self.peek().kind is TokenKind.FIELD:
            names.append(self.take().text[1:])
        if isinstance(node, FieldNode):
            return FieldNode(position, (*node.names, *names))
        if isinstance(node, VariableNode):
            return VariableNode(position, (*node.names, *names))
        if isinstance(node, _CONSTANTS):
            raise self.fail(f"unexpected . after term {quote(str(node))}")
        return ChainNode(position, node, tuple(names))

    def _term(self) -> OperandNode | None:
        token = self.take_past_space()
        match token.kind:
            case TokenKind.IDENTIFIER:
                if token.text not in self.functions and token.text != TEMPLATE_CALL:
                    raise self.fail(f"function {quote(token.text)} not defined")
                return IdentifierNode(token.position, token.text)
            case TokenKind.VARIABLE:
                if token.text not in self.variables:
                    raise self.fail(f"undefined variable {quote(token.text)}")
                return VariableNode(token.position, (token.text,))
            case TokenKind.LEFT_PAREN:
                return self.pipeline("parenthesized pipeline", TokenKind.RIGHT_PAREN)
        constant = self._constant(token)
        if constant is None and token.kind is not TokenKind.END:
            self.next -= 1
        return constant

    def _constant(self, token: Token) -> OperandNode | None:
        match token.kind:
            case TokenKind.DOT:
                return DotNode(token.position)
            case TokenKind.FIELD:
                return FieldNode(token.position, (token.text[1:],))
            case TokenKind.BOOL:
                return BoolNode(token.position, token.text == "true")
            case TokenKind.STRING | TokenKind.RAW_STRING:
                return StringNode(token.position, token.text, self._unquoted(token))
            case TokenKind.NUMBER | TokenKind.CHARACTER:
                return self._number(token)
            case TokenKind.KEYWORD if token.text == "nil":
                return NilNode(token.position)
        return None

    def _unquoted(self, token: Token) -> str:
        try:
            return unquote(token.text)
        except ValueError as error:
            raise self.fail(str(error)) from None

    def _number(self, token: Token) -> NumberNode:
        if token.kind is TokenKind.CHARACTER:
            text = self._unquoted(token)
            if len(text) != 1:
                raise self.fail(f"malformed character constant: {token.text}")
            return NumberNode(token.position, token.text, ord(text))
        try:
            value = number_value(token.text)
        except ValueError:
            reason = "integer overflow" if token.text.isdigit() else "illegal number syntax"
            raise self.fail(f"{reason}: {quote(token.text)}") from None
        if isinstance(value, int) and not INT64_MIN <= value <= UINT64_MAX:
            raise self.fail(f"integer overflow: {quote(token.text)}")
        return NumberNode(token.position, token.text, value)
