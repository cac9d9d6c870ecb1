# SPDX-License-Identifier: MIT
"""What docs/alerts.md shows works as it is shown; Prometheus takes what /metrics has."""
import json
import os
import re
import subprocess
import time

import harness

DOCS = os.path.join(harness.ROOT, "docs")


def blocks(language):
    with open(os.path.join(DOCS, "alerts.md")) as text:
        return re.findall(rf"^```{language}\n(.*?)^```", text.read(), re.S | re.M)


def apply(up, directory, text):
    path = os.path.join(directory, "alerts.yaml")
    with open(path, "w") as out:
        out.write(text)
    env = dict({k: v for k, v in os.environ.items() if not k.startswith("TRACTION_")}, **up.values)
    return subprocess.run([harness.BINARY, "alert", "apply", path], capture_output=True, text=True,
                          env=env, timeout=60)


def questions(up):
    return int(re.search(rb"traction_alert_questions (\d+)",
                         harness.request(up.url, "GET", "/metrics")[2]).group(1))


def test_examples_can_be_applied(traction_up, directory):
    first, recipes = blocks("yaml")
    done = apply(traction_up, directory, first)
    assert done.returncode == 0 and "+ rule API error rate" in done.stdout, done.stderr
    done = apply(traction_up, directory, recipes)
    assert done.returncode == 0 and done.stdout.count("+ rule ") == recipes.count("- name:")
    # All of them are asked without a complaint.
    harness.wait_for(lambda: questions(traction_up) >= 10)
    time.sleep(6)
    assert b"traction_alert_questions_failing 0\n" in harness.request(
        traction_up.url, "GET", "/metrics")[2]


def test_promtool_takes_the_samples():
    folder = os.path.join(DOCS, "prometheus")
    for what, name in (("rules", "rules.yml"), ("config", "prometheus.yml")):
        done = subprocess.run(["promtool", "check", what, os.path.join(folder, name)],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_scrapes_what_a_rule_found(traction_up, directory):
    done = apply(traction_up, directory, """
rules:
  - {name: Page views, kpi: page_views, window: 1h, above: 1000000}
""")
    assert done.returncode == 0, done.stderr
    traction_up.post([{"name": "page_view", "user": "u", "url": "https://a.example/"}] * 3,
                     "?ack=commit")
    port = harness.free_port()
    with open(os.path.join(directory, "prometheus.yml"), "w") as out:
        out.write(f"""
global: {{scrape_interval: 1s}}
rule_files: [{DOCS}/prometheus/rules.yml]
scrape_configs:
  - job_name: traction
    static_configs: [{{targets: ["127.0.0.1:{traction_up.port}"]}}]
""")
    with open(os.path.join(directory, "prometheus.log"), "wb") as log:
        server = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
             f"--web.listen-address=127.0.0.1:{port}"], cwd=directory, stdout=log, stderr=log)
    try:
        def found():
            try:
                _, _, body = harness.request(f"http://127.0.0.1:{port}", "GET",
                                             '/api/v1/query?query=traction_kpi%7Brule%3D%22Page%20'
                                             'views%22%7D')
            except OSError:
                return None
            if not body.startswith(b"{"):
                return None  # it still starts
            series = json.loads(body).get("data", {}).get("result", [])
            return series if series and series[0]["value"][1] == "3" else None
        [series] = harness.wait_for(found, 60)
        assert series["metric"]["kpi"] == "page_views"
        assert series["metric"]["project"] == "default"
    finally:
        server.terminate()
        server.wait(30)
