"""Values of one function's variables around each of its basic blocks, while one test runs.

A block is a run of statements up to a branch; the head of a loop is a block of its own. Of each block the first and the last visits
are kept. Everything is capped: calls, visits, variables, text, steps, time.
"""
import ast
import dis
import os
import sys
import threading
import time

import _patchwright_render as render

_GENERATOR = 0x20 | 0x80 | 0x200


class Tracer:
    def __init__(self, child, spec):
        self.child = child
        self.spec = spec
        self.path = os.path.join(child.root, spec["path"])
        self.function = find(self.path, spec["function"])
        self.calls = []
        self.latest = []
        self.total = 0
        self.steps = 0
        self.bytes = 0
        self.stopped = None if self.function else "there is no function %s in %s" % (spec["function"], spec["path"])
        self.open = {}
        self.known = {}

    def start(self):
        if self.stopped is None:
            self.deadline = time.time() + self.spec["seconds"]
            self.known = {}
            threading.settrace(self._enter)
            sys.settrace(self._enter)

    def stop(self):
        sys.settrace(None)
        threading.settrace(None)

    def report(self):
        calls = [call.report() for call in self.calls + self.latest]
        return {"calls": calls, "total": self.total, "stopped": self.stopped}

    def _is_ours(self, code):
        ours = self.known.get(code)
        if ours is None:
            ours = code.co_name == self.function.name and code.co_firstlineno in self.function.first_lines \
                and os.path.abspath(code.co_filename) == self.path
            self.known[code] = ours
        return ours

    def _enter(self, frame, event, argument):
        try:
            return self._begin(frame)
        except Exception as error:
            self.stopped = "tracing failed: %s" % type(error).__name__
            return None

    def _begin(self, frame):
        if self.stopped is not None or not self._is_ours(frame.f_code):
            return None
        call = self.open.get(frame)
        if call is None:
            self.total += 1
            call = Call(self, self.total, frame)
            half = max(self.spec["calls"] // 2, 1)
            if len(self.calls) < half:
                self.calls.append(call)
            else:
                self.latest.append(call)
                del self.latest[:-half]
            if frame.f_code.co_flags & _GENERATOR:
                self.open[frame] = call
        return call.step

    def spend(self, text):
        self.bytes += len(text)
        return text

    def tired(self):
        self.steps += 1
        if self.steps > self.spec["steps"]:
            self.stopped = "%d steps were traced" % self.spec["steps"]
        elif self.steps % 64 == 0 and time.time() > self.deadline:
            self.stopped = "tracing took longer than %g s" % self.spec["seconds"]
        elif self.bytes > self.spec["bytes"]:
            self.stopped = "the trace is larger than %d bytes" % self.spec["bytes"]
        return self.stopped is not None


class Call:
    """One call of the function."""

    def __init__(self, tracer, number, frame):
        self.tracer = tracer
        self.number = number
        self.visits = {}
        self.order = 0
        self.current = None
        self.outcome = {"kind": "unfinished"}
        self.raised = None
        code = frame.f_code
        names = code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]
        self.arguments = self._values(frame, names)

    def step(self, frame, event, argument):
        try:
            return self._step(frame, event, argument)
        except Exception as error:
            # Nothing of ours may come out of the tested code: near the recursion limit, or for want of memory.
            self.tracer.stopped = "tracing failed: %s" % type(error).__name__
            return None

    def _step(self, frame, event, argument):
        tracer = self.tracer
        if event == "line":
            if tracer.tired():
                self._leave(frame)
                return None
            self._line(frame)
        elif event == "exception":
            # Rendered at once: an exception kept alive would keep its frames.
            self.raised = tracer.spend(render.render_exception(argument[1], tracer.spec["text"])) \
                if issubclass(type(argument[1]), BaseException) else render.type_name(argument[0])
        elif event == "return":
            self._leave(frame)
            self._end(frame, argument)
        return self.step

    def _line(self, frame):
        line = frame.f_lineno
        block = self.tracer.function.block_of.get(line)
        if block is None:
            return
        if self.current is not None:
            known, visit, seen = self.current
            if known is block and not (line == block.first and seen):
                self.current = (known, visit, True)
                return
            self._leave(frame)
        self.order += 1
        visit = {"order": self.order, "before": self._values(frame, block.names), "after": []}
        self.visits.setdefault(block.index, Visits(max(self.tracer.spec["visits"] // 2, 1))).add(visit)
        self.current = (block, visit, line == block.first)

    def _leave(self, frame):
        if self.current is None:
            return
        block, visit, _ = self.current
        self.current = None
        before = dict(visit["before"])
        after = self._values(frame, block.names)
        visit["after"] = [[name, text] for name, text in after if name in block.stored or before.get(name) != text]

    def _end(self, frame, value):
        tracer = self.tracer
        code = frame.f_code
        operation = dis.opname[code.co_code[frame.f_lasti]] if 0 <= frame.f_lasti < len(code.co_code) else ""
        if operation.startswith(("YIELD", "SEND", "AWAIT")):
            return
        if operation.startswith("RETURN_GENERATOR"):
            return
        tracer.open.pop(frame, None)
        if operation.startswith("RETURN"):
            self.outcome = {"kind": "returned", "value": tracer.spend(render.render(value, tracer.spec["text"]))}
        else:
            self.outcome = {"kind": "raised", "exception": self.raised or "an exception"}

    def _values(self, frame, names):
        spec, found, local = self.tracer.spec, [], frame.f_locals
        for name in names:
            if len(found) == spec["variables"]:
                break
            if name in local:
                found.append([name, self.tracer.spend(render.render(local[name], spec["text"]))])
        return found

    def report(self):
        blocks = []
        for block in self.tracer.function.blocks:
            visits = self.visits.get(block.index)
            if visits is not None:
                blocks.append({"lines": [block.first, block.last], "hits": visits.count, "visits": visits.kept()})
        return {"number": self.number, "arguments": self.arguments, "blocks": blocks, "outcome": self.outcome}


class Visits:
    """The first and the last visits of a block."""

    def __init__(self, half):
        self.half = half
        self.count = 0
        self.first = []
        self.last = []

    def add(self, visit):
        self.count += 1
        if len(self.first) < self.half:
            self.first.append(visit)
            return
        self.last.append(visit)
        del self.last[:-self.half]

    def kept(self):
        return self.first + self.last


# From source to blocks.


class Block:
    def __init__(self, index, parts):
        self.index = index
        self.first = min(first for _, first, _ in parts)
        self.last = max(last for _, _, last in parts)
        names, stored = [], set()
        for nodes, _, _ in parts:
            for node in nodes:
                collect(node, names, stored)
        self.names = sorted(set(names))
        self.stored = stored


class Function:
    def __init__(self, node):
        self.name = node.name
        self.first_lines = {node.lineno} | {decorator.lineno for decorator in node.decorator_list}
        self.blocks = []
        self.block_of = {}
        body = node.body
        if len(body) > 1 and isinstance(body[0], ast.Expr) and isinstance(getattr(body[0], "value", None), (getattr(ast, "Str", ast.Constant), ast.Constant)):
            body = body[1:]
        self.split(body)

    def split(self, body, parts=None):
        """Cuts statements into blocks; `parts` are what comes right in front of them."""
        parts = parts or []
        for statement in body:
            head, heads_loop, inner = anatomy(statement)
            if not inner or any(first_line(part) <= head[1] for part, _ in inner if part):
                parts.append(([statement], first_line([statement]), last_line(statement)))
                continue
            if heads_loop:
                self.close(parts)
                parts = []
            if head[2] or heads_loop:
                parts.append((head[2], head[0], head[1]))
            self.close(parts)
            parts = []
            for part, front in inner:
                if part:
                    self.split(part, list(front))
        self.close(parts)

    def close(self, parts):
        if not parts:
            return
        block = Block(len(self.blocks), parts)
        self.blocks.append(block)
        for line in range(block.first, block.last + 1):
            self.block_of.setdefault(line, block)


def anatomy(statement):
    """(first line, last line, nodes) of the head, whether a loop jumps back to it, and the parts with what stands in front of each."""
    start = statement.lineno
    if isinstance(statement, ast.If):
        return (start, last_line(statement.test), [statement.test]), False, [(statement.body, []), (statement.orelse, [])]
    if isinstance(statement, ast.While):
        return (start, last_line(statement.test), [statement.test]), True, [(statement.body, []), (statement.orelse, [])]
    if isinstance(statement, (ast.For, ast.AsyncFor)):
        nodes = [statement.target, statement.iter]
        return (start, last_line(statement.iter), nodes), True, [(statement.body, []), (statement.orelse, [])]
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        last = max(last_line(item) for item in statement.items)
        return (start, last, list(statement.items)), False, [(statement.body, [])]
    if isinstance(statement, (ast.Try, getattr(ast, "TryStar", ast.Try))):
        inner = [(statement.body, [])]
        for handler in statement.handlers:
            last = last_line(handler.type) if handler.type is not None else handler.lineno
            inner.append((handler.body, [([handler.type] if handler.type is not None else [], handler.lineno, last)]))
        return (start, start, []), False, inner + [(statement.orelse, []), (statement.finalbody, [])]
    if isinstance(statement, getattr(ast, "Match", ())):
        inner = []
        for case in statement.cases:
            inner.append((case.body, [([case.pattern] + ([case.guard] if case.guard else []), case.pattern.lineno, last_line(case.pattern))]))
        return (start, last_line(statement.subject), [statement.subject]), False, inner
    return (start, start, []), False, []


def first_line(body):
    return min([body[0].lineno] + [decorator.lineno for decorator in getattr(body[0], "decorator_list", ())])


def last_line(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        # Only the line of its name runs here.
        return node.lineno
    return max(getattr(part, "end_lineno", None) or getattr(part, "lineno", 0) for part in ast.walk(node))


def collect(node, names, stored):
    """The plain names of a statement, without those of functions defined in it."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        if not isinstance(node, ast.Lambda):
            names.append(node.name)
            stored.add(node.name)
        return
    if isinstance(node, ast.Name):
        names.append(node.id)
        if not isinstance(node.ctx, ast.Load):
            stored.add(node.id)
    for part in ast.iter_child_nodes(node):
        collect(part, names, stored)


def find(path, wanted):
    """The function with this qualified name; `<locals>` may be left out."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    wanted = wanted.replace(".<locals>", "")
    pending = [("", tree)]
    while pending:
        prefix, node = pending.pop(0)
        for part in ast.iter_child_nodes(node):
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                name = prefix + part.name
                if name == wanted and not isinstance(part, ast.ClassDef):
                    return Function(part)
                pending.append((name + ".", part))
            else:
                pending.append((prefix, part))
    return None
