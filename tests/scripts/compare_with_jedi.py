#!/usr/bin/env python3
"""Compares the calls that the code graph knows with those that Jedi resolves, on the source archive of a Python package.

    pip install jedi
    pip download --no-deps --no-binary :all: flask==3.1.0
    cargo build --release -p indexer --example edges
    tests/scripts/compare_with_jedi.py target/release/examples/edges flask-3.1.0.tar.gz

A call is a pair: the function, class or file in which it stands, and the function or class of the package that it calls. Jedi answers each
call expression on its own (`Script.goto` at the called name, imports followed); what it answers with something outside of the package, or
not at all, is not in its set, so an edge for such a call counts against precision even where it is right. Left out of both sets are calls of
`__init__` (the graph has one for each call of a class), of a function by itself (the graph has no edge from a node to itself), and calls by
decorators (uses in the graph), and calls of what a variable or field holds, which is what the graph has where it does not know what is held.
"""

import ast
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import jedi


def definitions(tree):
    """Yields every function and class with its qualified name, and every call with the name of the definition around it.

    Decorators, defaults and bases run where the definition stands, not in it.
    """
    stack = [(tree, "")]
    while stack:
        node, around = stack.pop()
        if isinstance(node, ast.Call):
            yield "call", around, node
        inside = around
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inside = f"{around}.{node.name}".lstrip(".")
            yield "definition", inside, node
        body = {id(it) for it in getattr(node, "body", ())} if inside != around else ()
        decorators = {id(it) for it in getattr(node, "decorator_list", ())}
        for child in ast.iter_child_nodes(node):
            if id(child) in decorators and isinstance(child, ast.Call):
                # What a decorator calls is a use in the graph, what is given to it is not.
                stack.extend((it, around) for it in [*child.args, *(it.value for it in child.keywords)])
            else:
                stack.append((child, inside if id(child) in body else around))


def position(function):
    """Returns line and column of the name that is called; None where it has none."""
    if isinstance(function, ast.Name):
        return function.lineno, function.col_offset
    if isinstance(function, ast.Attribute):
        return function.end_lineno, function.end_col_offset - len(function.attr)
    return None


def jedi_calls(root, files):
    """Returns the calls between definitions of the files, and the names of all definitions by file."""
    project = jedi.Project(root, added_sys_path=[str(root / "src")])
    known, calls = {}, set()
    trees = {path: ast.parse((root / path).read_bytes()) for path in files}
    lines = {}
    for path, tree in trees.items():
        found = [(name, node) for kind, name, node in definitions(tree) if kind == "definition"]
        known[path] = {name for name, _ in found}
        lines[path] = {node.lineno: name for name, node in found}
    for path, tree in trees.items():
        script = jedi.Script(path=root / path, project=project)
        for kind, around, call in definitions(tree):
            place = position(call.func) if kind == "call" else None
            if place is None:
                continue
            try:
                answers = script.goto(*place, follow_imports=True)
            except Exception as error:  # Jedi fails on some code; then it knows nothing of the call.
                print(f"jedi failed at {path}:{place[0]}: {error}", file=sys.stderr)
                continue
            for answer in answers:
                if answer.module_path is None or answer.type not in ("function", "class"):
                    continue
                try:
                    target = answer.module_path.relative_to(root).as_posix()
                except ValueError:
                    continue
                name = lines.get(target, {}).get(answer.line)
                if name is not None and not name.endswith(".__init__"):
                    calls.add((f"{path}::{around}" if around else path, f"{target}::{name}"))
    return {it for it in calls if it[0] != it[1]}, known


def graph_calls(edges, known):
    """Returns the calls of the graph with the confidence of each."""
    calls = {}
    for line in edges.splitlines():
        source, kind, target, confidence = line.split("\t")
        if kind != "Calls" or target.endswith(".__init__"):
            continue
        path, _, name = target.partition("::")
        if name not in known.get(path, ()):
            continue
        path, _, name = source.partition("::")
        # What is called where a variable gets its value is called by what is around it.
        while name and name not in known.get(path, ()):
            name = name.rpartition(".")[0]
        key = (f"{path}::{name}" if name else path, target)
        if key[0] != key[1]:
            calls[key] = max(calls.get(key, 0.0), float(confidence))
    return calls


def main(edges_program, archive):
    with tempfile.TemporaryDirectory() as folder:
        tarfile.open(archive).extractall(folder, filter="data")
        (root,) = pathlib.Path(folder).resolve().iterdir()
        git = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run([*git, "init", "-q"], check=True)
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", "source"], check=True)
        cache = pathlib.Path(folder) / "cache"
        edges = subprocess.run([edges_program, root, "HEAD", cache], check=True, capture_output=True, text=True).stdout
        files = sorted(it.relative_to(root).as_posix() for it in root.rglob("*.py"))
        expected, known = jedi_calls(root, files)
    found = graph_calls(edges, known)
    print(f"{len(files)} files, {len(expected)} calls resolved by Jedi {jedi.__version__}, {len(found)} by the graph")
    print("| confidence at least | calls | precision | recall |\n| --- | --- | --- | --- |")
    for least in (0.9, 0.5, 0.0):
        some = {call for call, confidence in found.items() if confidence >= least}
        both = len(some & expected)
        print(f"| {least} | {len(some)} | {both / max(len(some), 1):.3f} | {both / max(len(expected), 1):.3f} |")
    if "--differences" in sys.argv:
        for call in sorted(set(found) - expected):
            print("only the graph:", *call, found[call])
        for call in sorted(expected - set(found)):
            print("only Jedi:", *call)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
