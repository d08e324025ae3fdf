"""Change a parsed template before it is compiled: places into its text, counters into its loops, bounds into its expressions.

text            each line begins with a mark of its place
loop, macro     counts its turn and the statements inside before it does them
a ~ b           environment.concat_bounded(a, b)
a == b, a in b  operands through environment.compared
[a, b], {..}    environment.measured([a, b])
a[1:2]          environment.sliced(a, 1, 2, None)
for x in y      environment.charge(y)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from provisioner.rendering import mark

SHORT = 256
"Texts up to this length are not counted when they are joined or compared: fleets do nothing else."

MAX_DEPTH = 16
"Loops, macros and blocks inside each other; Python's compiler takes 20."

_COUNTED = (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block, nodes.Template)


def rewrite(tree: nodes.Template, number: int, name: str | None) -> nodes.Template:
    """Return `tree`, the template with that number, changed in place."""
    _check_depth(tree, name)
    everything = [tree, *tree.find_all(nodes.Node)]
    for node in everything:
        for field, value in list(node.iter_fields()):
            if isinstance(value, nodes.Expr):
                setattr(node, field, _expression(value))
            elif isinstance(value, list) and value and isinstance(value[0], nodes.Expr):
                value[:] = [_expression(item) for item in value]
        if isinstance(node, nodes.Compare | nodes.Operand):
            node.expr = _operand(node.expr)
        elif isinstance(node, nodes.For):
            if node.recursive:
                raise TemplateSyntaxError("recursive loops are not for phones' files", node.lineno, name)
            node.iter = _call(node.iter, "charge", [node.iter])
        elif isinstance(node, nodes.TemplateData):
            node.data = _with_places(node.data, number, node.lineno)
    for node in everything:
        if isinstance(node, _COUNTED):
            node.body.insert(0, _tick(node))
    return tree


def _check_depth(tree: nodes.Template, name: str | None) -> None:
    pending: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        depth += isinstance(node, _COUNTED)
        if depth > MAX_DEPTH:
            raise TemplateSyntaxError(f"loops and blocks inside each other, more than {MAX_DEPTH} deep", node.lineno, name)
        pending.extend((child, depth) for child in node.iter_child_nodes())


def _expression(node: Any) -> Any:
    if isinstance(node, nodes.Concat):
        return _call(node, "concat_bounded", node.nodes)
    if isinstance(node, nodes.List | nodes.Dict) or (isinstance(node, nodes.Tuple) and node.ctx == "load"):
        return _call(node, "measured", [node]) if node.items else node
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
        nothing = nodes.Const(None, lineno=node.lineno)
        part = node.arg
        return _call(node, "sliced", [node.node, part.start or nothing, part.stop or nothing, part.step or nothing])
    return node


def _operand(node: Any) -> Any:
    return node if isinstance(node, nodes.Const) else _call(node, "compared", [node])


def _call(around: nodes.Node, method: str, arguments: list[Any]) -> nodes.Call:
    call = nodes.Call(nodes.EnvironmentAttribute(method), arguments, [], None, None, lineno=around.lineno)
    call.set_environment(around.environment)  # type: ignore[arg-type]
    return call


def _tick(around: Any) -> nodes.ExprStmt:
    size = sum(len(data.data) for data in _inside(around.body, nodes.TemplateData))
    statements = sum(1 for _ in _inside(around.body, nodes.Node))
    call = nodes.Call(nodes.EnvironmentAttribute("tick"), [nodes.Const(size + statements)], [], None, None)
    statement = nodes.ExprStmt(call)
    statement.set_lineno(around.lineno)
    statement.set_environment(around.environment)
    return statement


def _inside(body: list[Any], kind: type[nodes.Node]) -> Iterator[Any]:
    for child in body:
        if isinstance(child, kind):
            yield child
        yield from child.find_all(kind)


def _with_places(data: str, template: int, line: int) -> str:
    pieces = data.split("\n")
    marked = [mark.place_mark(template, line + at) + piece if piece.strip() else piece for at, piece in enumerate(pieces)]
    return "\n".join(marked)
