#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""User-Agents are read as uap-core's own tests say, but for those that our rules are asked about
first: test_uap_core.py ASK_AGENTS RULES FOLDER. FOLDER is where uap-core is."""
import os
import re
import subprocess
import sys

import yaml

# Of 30,000; the steps of an expression are bounded, and these names need more.
UNREAD_MAX = 10


def load(path):
    with open(path, encoding="utf-8") as text:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def cases(folder, *names):
    """(User-Agent, case); those that would not fit into a line of ours are left out."""
    for name in names:
        for case in load(os.path.join(folder, name))["test_cases"]:
            agent = str(case["user_agent_string"])
            if "\n" not in agent and len(agent.encode()) <= 512:
                yield agent, case


def expected(value):
    return "" if value in (None, "Other") else str(value)


def truncated(text):
    return text.encode()[:63].decode(errors="ignore")


class Check:
    def __init__(self, ask, rules):
        self.ask = ask
        self.rules = rules
        self.problems = []
        self.unread = 0

    def read(self, agents):
        done = subprocess.run([self.ask], input="".join(a + "\n" for a in agents), text=True,
                              capture_output=True, check=True, encoding="utf-8")
        return [line.split("\t") for line in done.stdout.split("\n")[:-1]]

    def compare(self, key, column, wanted, tests):
        """The answer's column is to be what wanted() makes of the case."""
        own = [re.compile(rule["regex"]) for rule in self.rules[key]]
        chosen = [(agent, case) for agent, case in tests
                  if not any(expression.search(agent) for expression in own)]
        for (agent, case), answer in zip(chosen, self.read(agent for agent, _ in chosen)):
            got, want = answer[column], wanted(case)
            if key == "device_parsers":
                got = got == "bot"
            if got == want:
                continue
            if got == "":
                self.unread += 1
                continue
            self.problems.append(f"{key} of {agent!r}: {got!r}, not {want!r}")


def main():
    ask, rules, folder = sys.argv[1:]
    check = Check(ask, load(rules))
    check.compare("user_agent_parsers", 1, lambda case: truncated(expected(case["family"])),
                  cases(folder, "tests/test_ua.yaml",
                        "test_resources/firefox_user_agent_strings.yaml",
                        "test_resources/pgts_browser_list.yaml"))
    check.compare("os_parsers", 2, lambda case: truncated(expected(case["family"])),
                  cases(folder, "tests/test_os.yaml", "test_resources/additional_os_tests.yaml"))
    check.compare("device_parsers", 0, lambda case: case["family"] == "Spider",
                  cases(folder, "tests/test_device.yaml"))
    if check.unread > UNREAD_MAX:
        check.problems.append(f"{check.unread} were not read, at most {UNREAD_MAX}")
    for problem in check.problems[:50]:
        print(problem)
    print(f"{len(check.problems)} problems, {check.unread} unread")
    sys.exit(1 if check.problems else 0)


main()
