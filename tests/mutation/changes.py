"""The small ways in which a line can be wrong: what stands beside each piece of code.

Names of things are changed (`"paid"`), sentences for people are not. What only tells types, the text of f-strings and
what a module does while it is loaded are left alone, but for its private sets and tables (`shortened`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from copy import deepcopy

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Add,
}
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "is_": "is_not", "is_not": "is_"}
_CALLED |= {"in_": "not_in", "not_in": "in_", "asc": "desc"}
_CONDITIONS = {"where", "having", "and_", "or_"}  # each condition of a query may be forgotten
_LEFT_OUT = {"replace", "with_for_update"}  # and each keyword of these
_NAME = re.compile(r"[a-z][a-z0-9_.:-]*")


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of `node`, each with one mistake."""
    if isinstance(node, ast.stmt):
        yield from _of_statement(node)
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    else:
        yield from _of_condition(node)
        yield from _of_sum(node)


def _of_statement(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="flush") | ast.Attribute(value=ast.Name(id="log")))):
            return  # the next query flushes, or the commit; and what is logged decides nothing
        case ast.Expr(value=ast.Call()) | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.AugAssign(op=op) if type(op) in _COMPUTED:
            yield _with(node, op=_COMPUTED[type(op)]())
            yield ast.Assign([node.target], node.value)
        case ast.If(test=test) if _is_plain(test):
            yield _with(node, test=ast.UnaryOp(ast.Not(), test))


def _of_constant(node: ast.Constant) -> Iterator[ast.AST]:
    match node.value:
        case bool() as value:
            yield ast.Constant(not value)
        case int() as value:
            yield ast.Constant(value + 1)
        case str() as value if _NAME.fullmatch(value):
            yield ast.Constant(f"{value}_")


def _of_condition(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=ops):
            for index, op in enumerate(ops):
                yield _with(node, ops=[*ops[:index], _COMPARED[type(op)](), *ops[index + 1 :]])
        case ast.BoolOp(op=op, values=values):
            yield _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
            yield from (_without(node, values, index) for index in range(len(values)))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.IfExp(test=test) if _is_plain(test):
            yield _with(node, test=ast.UnaryOp(ast.Not(), test))


def _of_sum(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield operand
        case ast.BinOp(op=op) if type(op) in _COMPUTED and not _is_text(node):
            yield _with(node, op=_COMPUTED[type(op)]())


def shortened(value: ast.expr) -> Iterator[ast.AST]:
    """A set or a table in which one entry is missing."""
    match value:
        case ast.Call(func=ast.Name(id="frozenset"), args=[ast.Set() as inner]):
            yield from (_with(value, args=[new]) for new in shortened(inner))
        case ast.Set(elts=entries) | ast.Tuple(elts=entries) | ast.List(elts=entries) if len(entries) > 1:
            yield from (_with(value, elts=entries[:at] + entries[at + 1 :]) for at in range(len(entries)))
        case ast.Dict(keys=keys, values=values) if len(keys) > 1:
            for at in range(len(keys)):
                yield _with(value, keys=keys[:at] + keys[at + 1 :], values=values[:at] + values[at + 1 :])


def _of_call(node: ast.Call) -> Iterator[ast.AST]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in _CALLED:
        func = deepcopy(node.func)
        setattr(func, "attr" if isinstance(func, ast.Attribute) else "id", _CALLED[name])
        yield _with(node, func=func)
    if name in _CONDITIONS and len(node.args) > 1:
        for index in range(len(node.args)):
            yield _with(node, args=[*node.args[:index], *node.args[index + 1 :]])
    elif name in ("where", "having") and isinstance(node.func, ast.Attribute):
        yield node.func.value
    if name in ("min", "max") and len(node.args) > 1:
        yield from node.args
    if name in _LEFT_OUT:
        for index in range(len(node.keywords)):
            yield _with(node, keywords=[*node.keywords[:index], *node.keywords[index + 1 :]])


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """A copy that differs in these fields; what is below stays shared."""
    made = type(node)(**{name: getattr(node, name) for name in node._fields if hasattr(node, name)} | fields)
    return ast.copy_location(made, node)


def _without(node: ast.BoolOp, values: list[ast.expr], index: int) -> ast.AST:
    left = [*values[:index], *values[index + 1 :]]
    return left[0] if len(left) == 1 else _with(node, values=left)


def _is_plain(test: ast.expr) -> bool:
    """A condition that no other change turns round."""
    return not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant)


def _is_text(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(isinstance(side, ast.JoinedStr | ast.Constant) and not _is_number(side) for side in sides)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)
