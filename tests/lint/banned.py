#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Functions that have a safer sister, code that is not finished, SQL put together by printf, and
files without a licence line."""
import re

import source

# function: what to use instead
BANNED = {
    "strcpy": "snprintf", "strcat": "tr_buf", "strncpy": "snprintf", "strncat": "tr_buf",
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "fgets", "strtok": "strtok_r",
    "atoi": "strtol", "atol": "strtol", "atof": "strtod", "alloca": "an arena", "system": "fork",
    "tmpnam": "mkdtemp", "mktemp": "mkdtemp", "setlocale": "nothing", "gmtime": "gmtime_r",
    "localtime": "nothing: time zones are PostgreSQL's", "rand": "tr_random", "scanf": "strtol",
    "usleep": "a deadline",
}
# Not in base/alloc, which is their door.
ALLOCATORS = {"malloc": "tr_malloc", "calloc": "tr_calloc", "realloc": "tr_realloc",
              "strdup": "tr_strdup", "strndup": "tr_strndup", "asprintf": "tr_printf"}
# What people leave behind.
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
STATEMENT = re.compile(r'^\s*"?\s*(select|insert\s+into|update|delete\s+from|copy|create|drop)\s',
                       re.I)
FORMATTERS = re.compile(r"\b(?:snprintf|tr_printf|tr_buf_printf|tr_arena_printf|asprintf)\s*\(")
FIRST_TEXT = re.compile(r'"((?:\\.|[^"\\])*)"')


def check_calls(path, text):
    for name, instead in {**BANNED, **({} if path.startswith("src/base/") else ALLOCATORS)}.items():
        for match in re.finditer(rf"(?<![\w.>]){name}\s*\(", text):
            yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {name}(): use {instead}"


def check_sql(path, text):
    for match in FORMATTERS.finditer(text):
        first = FIRST_TEXT.search(text, match.end(), match.end() + 400)
        if first and STATEMENT.match(first.group(1)) and "%" in first.group(1):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: SQL put together by printf; bind values instead"


def main():
    problems = []
    for path in source.files(".c", ".h", under="src") + source.files(".h", under="include"):
        text = source.read(path)
        problems += check_calls(path, source.code(text))
        problems += check_sql(path, text)
    for path in source.files(".c", ".h", ".py"):
        text = source.read(path)
        if "SPDX-License-Identifier: MIT" not in text[:200]:
            problems.append(f"{path}: no SPDX-License-Identifier line on top")
        if not path.startswith("tests/lint/") and UNFINISHED.search(text):
            problems.append(f"{path}: unfinished: {UNFINISHED.search(text).group()}")
    source.finish(problems)


main()
