#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Functions fit a screen, files can be read in a sitting, module headers even more so."""
import re
import statistics

import source

FUNCTION_LINES = 60
FUNCTION_MEDIAN = 15
FILE_LINES = 700
TEST_LINES = 1000
HEADER_LINES = 250
COLUMNS = 100


def functions(text):
    """(line, name, lines) of every function; relies on the format: its braces stand in column 0."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            while start > 0 and lines[start - 1].strip() and lines[start - 1][0] not in "}#":
                start -= 1
        elif line.startswith("}") and start is not None:
            name = re.search(r"(\w+)\s*\(", " ".join(lines[start:number]))
            yield start + 1, name.group(1) if name else "?", number - start + 1
            start = None


def check_file(path, sizes):
    text = source.code(source.read(path))
    count = text.count("\n")
    limit = {"include": HEADER_LINES, "tests": TEST_LINES}.get(path.split("/")[0], FILE_LINES)
    if count > limit:
        yield f"{path}: {count} lines, at most {limit}"
    for line, name, size in functions(text):
        if path.startswith("src/"):
            sizes.append(size)
        if size > FUNCTION_LINES:
            yield f"{path}:{line}: {name} has {size} lines, at most {FUNCTION_LINES}"
    for number, line in enumerate(source.read(path).split("\n"), 1):
        if len(line) > COLUMNS:
            yield f"{path}:{number}: {len(line)} columns, at most {COLUMNS}"


def main():
    sizes = []
    problems = []
    for path in (source.files(".c", ".h", under="src") + source.files(".h", under="include")
                 + source.files(".c", ".h", under="tests")):
        problems += check_file(path, sizes)
    median = statistics.median(sizes)
    if median > FUNCTION_MEDIAN:
        problems.append(f"the median function has {median} lines, at most {FUNCTION_MEDIAN}")
    source.finish(problems)


main()
