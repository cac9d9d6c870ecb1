#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A module includes only modules of rows above its own in the table of docs/architecture.md; each
outside library has one door; nothing reaches into another module's folder."""
import re

import source

# library header: modules that may include it
DOORS = {
    r"libpq-fe\.h|postgres_ext\.h": {"pg"},
    r"zlib\.h": {"http"},
    r"openssl/.*": {"base", "http"},
    r"event2/.*|event\.h": {"base", "http", "server", "cli"},
    r"cmocka\.h": set(),
    r"ini\.h": {"config"},
    r"pcre2\.h|maxminddb\.h": {"event"},
    r"curl/.*": {"outbound"},
    r"yaml\.h": {"alert"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def rows():
    table = {}
    for line in source.read("docs/architecture.md").splitlines():
        match = re.match(r"\|\s*(\d+)\s*\|([^|]*)\|", line)
        for name in re.findall(r"`([a-z0-9_]+)`", match.group(2)) if match else ():
            table[name] = int(match.group(1))
    return table

# Headers that stand beside their module's own: bench.h is the command line's.
NEIGHBOURS = {"bench": "cli", "json": "event", "standard": "event", "enrich": "event"}


def module_of(path):
    """src/spool/spool.c, include/traction/spool.h, include/traction/base/log.h."""
    parts = path.split("/")
    if parts[0] == "src":
        return parts[1] if len(parts) > 2 else None
    return parts[2].removesuffix(".h")


def check_own(path, module, header, row_of):
    target = header.split("/")[1].removesuffix(".h")
    if module is None or target == module or target == "embed":
        return None
    target = NEIGHBOURS.get(target, target)
    if target == module:
        return None
    if target not in row_of:
        return f"{path}: {header} is of no module in docs/architecture.md"
    if row_of[target] >= row_of[module]:
        return (f"{path}: {module} (row {row_of[module]}) may not include {target} "
                f"(row {row_of[target]})")
    return None


def check_include(path, module, bracket, header, row_of):
    if ".." in header.split("/"):
        return f"{path}: \"{header}\" goes around the include path"
    if header.startswith("traction/"):
        return check_own(path, module, header, row_of)
    for pattern, doors in DOORS.items():
        if bracket == "<" and re.fullmatch(pattern, header) and module not in doors:
            return f"{path}: <{header}> belongs into {' and '.join(sorted(doors)) or 'tests'}"
    return None


def main():
    row_of = rows()
    problems = [] if row_of else ["docs/architecture.md: no table of modules"]
    for path in source.files(".c", ".h", under="src") + source.files(".h", under="include"):
        module = module_of(path)
        module = NEIGHBOURS.get(module, module)
        if module in ("embed", "tools"):
            continue
        if module is not None and module not in row_of:
            problems.append(f"{path}: module {module} is not in docs/architecture.md")
            continue
        problems += filter(None, (check_include(path, module, *include, row_of)
                                  for include in INCLUDE.findall(source.read(path))))
    source.finish(problems)


main()
