#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Documents in step with the tables they are printed from: docs.py TRACTION [--write]."""
import json
import os
import subprocess
import sys

import source

KPIS_TOP = """# KPIs

Generated from the table of KPIs, which is also what `GET /v1/kpis` and `traction query --list` answer. How to ask, and the shape of the
answer, is in [api.md](api.md#get-v1kpiname); the events they are computed from are in [events.md](events.md).

A **person** is the event's `user`, else its `anonymous` id, which `identify` joins to a user: [events.md](events.md#who); it says what sessions are, too.
`n` is the sample: how many of what stands in that column the value rests on. A ratio without a sample is `null`, a count is 0. Answers are exact but for percentiles, which are within 1 %.

| KPI | what it is | formula | unit | n |
|---|---|---|---|---|
"""
KPIS_PARAMETERS = """
## Parameters

Of every KPI:

| parameter | |
|---|---|
"""
KPIS_RULES = """
## Ranges

`from` is included, `to` is not; but a `to` that names a day (`2026-11-23`, `today`, `yesterday`) includes that day.

| asked | range, on 23 November 2026 at 15:30 |
|---|---|
| nothing | the 30 days that end with today |
| `from=-7d` | from 16 November, 0:00, to the end of today: eight days, of which today is not over |
| `from=-7d&to=yesterday` | 16 to 22 November: seven whole days |
| `from=-24h` | from yesterday 15:30 to now |
| `from=2026-11-01&to=2026-11-15` | 1 to 15 November, both included |
| `from=2026-11-01T00:00:00Z&to=2026-11-15T00:00:00Z` | 1 to 14 November |
| `from=begin` | from the day of the project's first event on (bots apart) to the end of today; 30 days if there is none before the end |

A `+` in an offset has to be written `%2B` in a URL; a space is taken for it. Days begin at midnight of `timezone`, with its changes of the clock. Intervals
are calendar intervals of that zone; a week begins on Monday. The first is cut at `from` when that lies inside it, and `notes` says so. At most
11,000 points, 2,000 with `by`; beyond is status 400.

The value over the range is computed from the range, not from the intervals: `active_users` of a week is not the sum of its days.

`"partial":true` marks the points of intervals that are not whole: cut by an end of the range, or not over yet. Leave them out of a trend.

## Compared with before

`compare` adds `previous`: `from`, `to`, `value`, `n` and `series` of another range, and `change`, the relative difference; `null` when the value there was
0 or unknown.

| `compare=` | range | the range 20 to 26 November 2026 with |
|---|---|---|
| `previous` | as many days (or as much time, where an end is no midnight) just before `from` | 13 to 19 November |
| `week` | as few whole weeks back as do not overlap: the same weekdays, the same hours | 13 to 19 November; 20 to 29 November with 6 to 15 November |
| `year` | the same dates a year earlier, 28 for 29 February | 20 to 26 November 2025 |

Both series have intervals of the same kind, each of its own calendar; the first is held against the first. With `interval=week` choose `compare=week`,
with `interval=month` `compare=year`, so that both are cut at the same places. Groups are not compared.

## by

The 20 largest groups and one `{"by":"other","other":true}` for the rest. A group with `"by":null` are the events without that
dimension. Dimensions: `kind` `name` `channel` `path` `host` `url` `referrer` (its host) `session` `user` `route` `status` `feature` `goal`
`plan` `metric` `properties.NAME`, where NAME is a key, or keys with dots for nested ones; and `country` `device` `browser` `os`, which
the server tells from address and User-Agent: [events.md](events.md#who-sends).

KPIs that count people or sessions can also be broken down by how people fared: `by=web_vital.LCP` (or INP, CLS, FCP, TTFB) groups them by the rating,
`good`, `needs improvement` or `poor`, of the 75th percentile of their own values in the range; `null` for people without one. So
`conversion_rate` by it says whether slow pages cost sign-ups.

## where

A condition on the events that are counted. Several `where` must all hold, at most 8.

| form | holds for |
|---|---|
| `plan:pro` | events whose plan is `pro` |
| `properties.plan:pro\\|team` | one of several values, at most 100; `\\` before the bar makes it part of a value |
| `!channel:paid` | events whose channel is something else, or nothing |
| `url~https://app.example/docs/*` | a pattern; `*` stands for any text |
| `url~/docs/*` | a pattern that begins with a slash is matched with the path alone |
| `goal:` | events without a goal |

In a URL, encode it: `where=url~%2Fdocs%2F*`.

## Rollups and events

`source` in the answer says how it was computed; the number is the same. Rollups answer when there is no `where` and no `include=bots`, when `by` is absent or one
of `name`, `kind` (of `event_count`), `route` (of the durations and `error_rate`) and `feature` (of `feature_usage`), and when the range
and the intervals begin at quarters of an hour; for KPIs about people and sessions, at midnights of the project's own time zone. KPIs of
subscriptions have a table of all changes besides, which answers any range and `by=plan`. All else
reads the events, and takes time in proportion to them. `source=rollup` refuses (400) instead of falling back, and says why.
"""

# Worked out by hand, each with a test of the same name: docs/kpi-examples.
EXAMPLES = ["engagement", "performance", "business", "feedback"]


def run(command):
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


def cell(text):
    return text.replace("|", "\\|")


def print_configuration(binary):
    return run([binary, "doctor", "--config", "--markdown"])


def print_example(part):
    with open(os.path.join(source.ROOT, "docs", "kpi-examples", part + ".md")) as file:
        return "\n" + file.read()


def print_kpis(binary):
    kpis = json.loads(run([binary, "query", "--list", "--format", "json"]))["kpis"]
    common = set.intersection(*(set(kpi["parameters"]) for kpi in kpis))
    text = KPIS_TOP
    for kpi in kpis:
        what = kpi["definition"] + (f"; {kpi['note']}" if "note" in kpi else "")
        text += (f"| `{kpi['kpi']}` | {cell(what)} | `{cell(kpi['formula'])}` | {kpi['unit']} | "
                 f"{kpi['n']} |\n")
    text += KPIS_PARAMETERS
    for name, words in kpis[0]["parameters"].items():
        if name in common:
            text += f"| `{name}` | {cell(words)} |\n"
    text += "\nOf some:\n\n| parameter | of | |\n|---|---|---|\n"
    special = {}
    for kpi in kpis:
        for name, words in kpi["parameters"].items():
            if name not in common:
                special.setdefault((name, words), []).append(f"`{kpi['kpi']}`")
    for (name, words), owners in special.items():
        text += f"| `{name}` | {' '.join(owners)} | {cell(words)} |\n"
    return text + KPIS_RULES + "".join(print_example(part) for part in EXAMPLES)


GENERATED = {"docs/configuration.md": print_configuration, "docs/kpis.md": print_kpis}


def main():
    binary, write = sys.argv[1], "--write" in sys.argv
    problems = []
    for path, generate in GENERATED.items():
        text = generate(binary)
        if write:
            with open(os.path.join(source.ROOT, path), "w", encoding="utf-8") as out:
                out.write(text)
        elif not os.path.exists(os.path.join(source.ROOT, path)) or source.read(path) != text:
            problems.append(f"{path} is not what its table says; "
                            f"run: tests/lint/docs.py {binary} --write")
    source.finish(problems)


main()
