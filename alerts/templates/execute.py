"""Runs a parsed template, as Go's text/template does, within limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from alerts.templates.evaluate import Evaluator, TemplateLimits
from alerts.templates.go_format import shown_text, value_text
from alerts.templates.nodes import ActionNode, BranchNode, ControlNode, ListNode, PipeNode, TemplateNode, TextNode
from alerts.templates.parser import ParsedTemplate
from alerts.templates.signatures import Context
from alerts.templates.values import AnyMap, QueryResult, StringMap, is_true
from monitor.errors import TemplateError
from monitor.model.labels import quote


class _Jump(Exception):
    """`break` or `continue` on its way to its range."""

    def __init__(self, keyword: str) -> None:
        self.keyword = keyword


class _Execution:
    """One expansion: the control structures, and the output so far."""

    def __init__(self, template: ParsedTemplate, context: Context, limits: TemplateLimits) -> None:
        self.template = template
        self.limits = limits
        self.evaluator = Evaluator(template, context, limits, self._call_template)
        self.output: list[str] = []
        self._output_left = limits.output_characters
        self._depth_left = limits.depth

    def write(self, text: str) -> None:
        self._output_left -= len(text)
        if self._output_left < 0:
            raise self.evaluator.fail(f"exceeded the limit of {self.limits.output_characters} characters of output")
        self.output.append(text)

    def run_list(self, dot: object, nodes: ListNode) -> None:
        for node in nodes.nodes:
            self._run(dot, node)

    def _run(self, dot: object, node: ControlNode) -> None:
        if isinstance(node, TextNode):
            self.write(node.text)
            return
        self.evaluator.at(node)
        if isinstance(node, ActionNode):
            self._action(dot, node)
        elif isinstance(node, BranchNode):
            self._branch(dot, node)
        elif isinstance(node, TemplateNode):
            argument = None if node.pipe is None else self.evaluator.pipeline(dot, node.pipe)
            self._run_template(node.name, argument)
        else:
            raise _Jump(node.keyword)

    def _action(self, dot: object, node: ActionNode) -> None:
        value = self.evaluator.pipeline(dot, node.pipe)
        if node.pipe.declared:
            return
        self.evaluator.at(node)
        self.write(shown_text(value))

    def _branch(self, dot: object, node: BranchNode) -> None:
        variables = self.evaluator.variables
        scope = len(variables)
        value = self.evaluator.pipeline(dot, node.pipe)
        if node.keyword == "range":
            self._range(dot, node, value)
        elif is_true(value):
            self.run_list(value if node.keyword == "with" else dot, node.body)
        elif node.otherwise is not None:
            self.run_list(dot, node.otherwise)
        del variables[scope:]

    def _range(self, dot: object, node: BranchNode, value: object) -> None:
        variables = self.evaluator.variables
        scope = len(variables)
        is_empty = True
        for index, element in self._elements(node, value):
            is_empty = False
            self._set_range_variables(node.pipe, index, element)
            try:
                self.run_list(element, node.body)
            except _Jump as jump:
                if jump.keyword == "break":
                    break
            finally:
                del variables[scope:]
        if is_empty and node.otherwise is not None:
            self.run_list(dot, node.otherwise)

    def _elements(self, node: BranchNode, value: object) -> Iterable[tuple[object, object]]:
        if isinstance(value, QueryResult):
            return enumerate(value)
        if isinstance(value, StringMap | AnyMap):
            return [(key, value[key]) for key in sorted(value)]
        if isinstance(value, int) and not isinstance(value, bool):
            if len(node.pipe.declared) > 1:
                raise self.evaluator.fail(f"can't use {value} to iterate over more than one variable")
            return ((number, number) for number in range(value))
        if value is None:
            return ()
        raise self.evaluator.fail(f"range can't iterate over {value_text(value)}")

    def _set_range_variables(self, pipe: PipeNode, index: object, element: object) -> None:
        values = (index, element) if len(pipe.declared) > 1 else (element,)
        for variable, value in zip(pipe.declared, values, strict=False):
            self.evaluator.set_variable(variable.names[0], value, declare=not pipe.is_assignment)

    def _run_template(self, name: str, argument: object) -> None:
        body = self.template.defined.get(name)
        if body is None:
            raise self.evaluator.fail(f"template {quote(name)} not defined")
        self._depth_left -= 1
        if self._depth_left < 0:
            raise self.evaluator.fail(f"exceeded maximum template depth ({self.limits.depth})")
        evaluator = self.evaluator
        outer_name, outer_variables = evaluator.name, evaluator.variables
        evaluator.name, evaluator.variables = name, [("$", argument)]
        self.run_list(argument, body)
        evaluator.name, evaluator.variables = outer_name, outer_variables
        self._depth_left += 1

    def _call_template(self, name: str, argument: object) -> str:
        """The `tmpl` function: like `template`, but the name is computed and the text is a value."""
        outer, self.output = self.output, []
        self._run_template(name, argument)
        text, self.output = "".join(self.output), outer
        self._output_left += len(text)
        return text


def execute(
    template: ParsedTemplate,
    data: object,
    context: Context,
    limits: TemplateLimits,
    variables: Sequence[tuple[str, object]] = (),
) -> str:
    """The text of `template` for `data`, with `variables` known from the start. Raises TemplateError as Go words it."""
    execution = _Execution(template, context, limits)
    execution.evaluator.variables += [("$", data), *variables]
    try:
        execution.run_list(data, template.root)
    except RecursionError:
        raise TemplateError(f"template: {template.name}: the template is nested too deeply") from None
    return "".join(execution.output)
