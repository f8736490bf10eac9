"""Template text → syntax tree, as Go's text/template parses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alerts.templates.nodes import (
    ActionNode,
    BranchNode,
    ControlNode,
    JumpNode,
    ListNode,
    TemplateNode,
    TextNode,
)
from alerts.templates.pipeline_parser import PipelineParser
from alerts.templates.signatures import Function
from alerts.templates.tokens import Token, TokenKind


@dataclass(frozen=True, slots=True)
class ParsedTemplate:
    """A template and those defined inside it, by name."""

    name: str
    text: str
    functions: Mapping[str, Function]
    root: ListNode
    defined: Mapping[str, ListNode]


class _Parser(PipelineParser):
    """The control structures."""

    def __init__(self, name: str, text: str, functions: Mapping[str, Function], depth: int) -> None:
        super().__init__(name, text, functions, depth)
        self.range_depth = 0
        self.defined: dict[str, ListNode] = {}

    def whole(self) -> ListNode:
        nodes: list[ControlNode] = []
        while self.peek().kind is not TokenKind.END:
            if self._at_define():
                self._define()
                continue
            node = self.text_or_action()
            if isinstance(node, str):
                raise self.fail(f"unexpected {{{{{node}}}}}")
            nodes.append(node)
        return ListNode(tuple(nodes))

    def _at_define(self) -> bool:
        if self.peek().kind is not TokenKind.LEFT:
            return False
        start = self.next
        self.take()
        is_define = self.peek_past_space().text == "define" and self.peek().kind is TokenKind.KEYWORD
        self.next = start
        return is_define

    def _define(self) -> None:
        self.take()
        self.take_past_space()
        name = self._template_name("define clause")
        self.expect(TokenKind.RIGHT, "define clause")
        self.defined[name] = self._definition_body("define clause")

    def _definition_body(self, context: str) -> ListNode:
        outer_variables, outer_range = self.variables, self.range_depth
        self.variables, self.range_depth = ["$"], 0
        body, ended_by = self.list_until_end()
        if ended_by != "end":
            raise self.fail(f"unexpected {{{{{ended_by}}}}} in {context}")
        self.variables, self.range_depth = outer_variables, outer_range
        return body

    def _template_name(self, context: str) -> str:
        token = self.take_past_space()
        if token.kind not in (TokenKind.STRING, TokenKind.RAW_STRING):
            raise self.unexpected(token, context)
        return self._unquoted(token)

    def list_until_end(self) -> tuple[ListNode, str]:
        """The nodes up to `{{end}}` or `{{else`, and which of the two; after an else the action is still open."""
        self.depth_left -= 1
        if self.depth_left < 0:
            raise self.fail("the template is nested too deeply")
        nodes: list[ControlNode] = []
        while self.peek().kind is not TokenKind.END:
            node = self.text_or_action()
            if isinstance(node, str):
                self.depth_left += 1
                return ListNode(tuple(nodes)), node
            nodes.append(node)
        raise self.fail("unexpected EOF")

    def text_or_action(self) -> ControlNode | str:
        """The next node; or `end`, with its action closed; or `else`, with its action open."""
        token = self.take()
        if token.kind is TokenKind.TEXT:
            return TextNode(token.position, token.text)
        if token.kind is not TokenKind.LEFT:
            raise self.unexpected(token, "input")
        first = self.peek_past_space()
        if first.kind is TokenKind.KEYWORD and first.text != "nil":
            self.take()
            return self._keyword(first)
        pipe = self.pipeline("command")
        return ActionNode(first.position, pipe)

    def _keyword(self, token: Token) -> ControlNode | str:
        match token.text:
            case "else":
                return "else"
            case "end":
                self.expect(TokenKind.RIGHT, "end")
                return "end"
            case "if" | "with" | "range":
                return self._branch(token)
            case "break" | "continue":
                return self._jump(token)
            case "template":
                return self._template()
            case "block":
                return self._block(token)
        raise self.unexpected(token, "command")

    def _branch(self, token: Token) -> BranchNode:
        outer = list(self.variables)
        pipe = self.pipeline(token.text)
        self.range_depth += token.text == "range"
        body, ended_by = self.list_until_end()
        self.range_depth -= token.text == "range"
        otherwise = self._otherwise(token) if ended_by == "else" else None
        self.variables = outer
        return BranchNode(token.position, token.text, pipe, body, otherwise)

    def _otherwise(self, token: Token) -> ListNode:
        following = self.peek_past_space()
        if following.kind is TokenKind.KEYWORD and following.text == token.text and token.text in ("if", "with"):
            self.take()
            return ListNode((self._branch(following),))
        self.expect(TokenKind.RIGHT, "else")
        body, ended_by = self.list_until_end()
        if ended_by != "end":
            raise self.fail("expected end; found {{else}}")
        return body

    def _jump(self, token: Token) -> JumpNode:
        self.expect(TokenKind.RIGHT, f"{{{{{token.text}}}}}")
        if self.range_depth == 0:
            raise self.fail(f"{{{{{token.text}}}}} outside {{{{range}}}}")
        return JumpNode(token.position, token.text)

    def _template(self) -> TemplateNode:
        name = self._template_name("template clause")
        position, quoted = self.tokens[self.next - 1].position, self.tokens[self.next - 1].text
        if self.peek_past_space().kind is TokenKind.RIGHT:
            self.take()
            return TemplateNode(position, quoted, name, None)
        return TemplateNode(position, quoted, name, self.pipeline("template clause"))

    def _block(self, token: Token) -> TemplateNode:
        name = self._template_name("block clause")
        quoted = self.tokens[self.next - 1].text
        pipe = self.pipeline("block clause")
        self.defined[name] = self._definition_body("block clause")
        return TemplateNode(token.position, quoted, name, pipe)


def parse_template(name: str, text: str, functions: Mapping[str, Function], depth: int = 100) -> ParsedTemplate:
    """The tree of `text`, which may call `functions` and `tmpl`; nested to `depth` at most.

    Raises TemplateError as Go words it.
    """
    parser = _Parser(name, text, functions, depth)
    root = parser.whole()
    return ParsedTemplate(name, text, functions, root, parser.defined)
