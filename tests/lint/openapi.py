#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/openapi.yaml names every path and method of the route tables in src, and no other."""
import re

import source

DOCUMENT = "docs/openapi.yaml"
# TR_HTTP_METHOD_BIT(TR_HTTP_POST), "/v1/x", or a macro of a file with the path alone.
METHOD = re.compile(r"TR_HTTP_METHOD_BIT\(TR_HTTP_(\w+)\)")
ROUTE = re.compile(r"((?:TR_HTTP_METHOD_BIT\(TR_HTTP_\w+\)[\s|]*)+),\s*(\"/[^\"]*\"|\w+)")
MACRO = re.compile(r"#define (\w+)\((\w+)\)((?:.*\\\n)*.*)")


def plain(path):
    """A parameter's name does not matter: {kpi} and the table's * are the same."""
    return re.sub(r"\{\w+\}", "*", path)


def routes_of(text):
    macros = {}
    for name, argument, body in MACRO.findall(text):
        methods = [method for methods, path in ROUTE.findall(body) if path == argument
                   for method in METHOD.findall(methods)]
        if methods:
            macros[name] = methods
    for methods, path in ROUTE.findall(text):
        if path.startswith('"'):
            yield from ((path.strip('"'), method.lower()) for method in METHOD.findall(methods))
    for name, methods in macros.items():
        for path in re.findall(rf"\b{name}\(\"(/[^\"]*)\"\)", text):
            yield from ((path, method.lower()) for method in methods)


def routes_of_document():
    path, inside = None, False
    for line in source.read(DOCUMENT).splitlines():
        if re.match(r"\S", line):
            inside = line == "paths:"
        elif inside and re.match(r"  /\S*:$", line):
            path = plain(line.strip()[:-1])
        elif inside and re.match(r"    (get|post|put|delete|options):$", line):
            yield path, line.strip()[:-1]


def check_yaml():
    """Where there is a parser, it parses, and every reference leads somewhere."""
    try:
        import yaml
    except ImportError:
        return
    document = yaml.safe_load(source.read(DOCUMENT))
    for reference in re.findall(r"\$ref: '#/([^']+)'", source.read(DOCUMENT)):
        node = document
        for name in reference.split("/"):
            node = node.get(name) if isinstance(node, dict) else None
        if node is None:
            yield f"{DOCUMENT}: nothing at #/{reference}"


def main():
    coded = {route for path in source.files(".c", under="src")
             for route in routes_of(source.read(path))}
    written = set(routes_of_document())
    problems = [] if coded else ["no route tables found in src"]
    problems += [f"{DOCUMENT} lacks {method} {path}" for path, method in sorted(coded - written)]
    problems += [f"{DOCUMENT} has {method} {path}, which no table has"
                 for path, method in sorted(written - coded)]
    source.finish(problems + list(check_yaml()))


main()
