# SPDX-License-Identifier: MIT
"""What alerts are told to in tests: a recording webhook, and Debian's Alertmanager."""
import http.server
import json
import os
import subprocess
import threading
import time

import harness


class Recorder:
    """An HTTP server on loopback that keeps what is posted to it. answer(post) may say another
    status than 200, or sleep."""

    def __init__(self, answer=None):
        self.posts = []
        self.answer = answer
        self.filled = threading.Condition()
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                post = {"path": self.path, "headers": dict(self.headers), "raw": body,
                        "at": time.time()}
                status = recorder.answer(post) if recorder.answer else 200
                post["status"] = status
                with recorder.filled:
                    recorder.posts.append(post)
                    recorder.filled.notify_all()
                self.send_response(status)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self, taken=True):
        """Of the requests that were taken, in order."""
        with self.filled:
            return [json.loads(post["raw"]) for post in self.posts
                    if not taken or post["status"] == 200]

    def alerts(self):
        """(status, alert name, group's labels, alert) of all that was told, in order."""
        return [alert for body in self.bodies() for alert in body["alerts"]]

    def wait(self, status, name, count=1, seconds=30, **labels):
        """Until it was told count times of this; returns the last such alert."""
        def found():
            matching = [alert for alert in self.alerts()
                        if alert["status"] == status and alert["labels"]["alertname"] == name
                        and all(alert["labels"].get(k) == v for k, v in labels.items())]
            return matching[-1] if len(matching) >= count else None
        return harness.wait_for(found, seconds)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class Alertmanager:
    """Debian's prometheus-alertmanager, on loopback, in a folder of its own."""

    CONFIG = """
route:
  receiver: recorder
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: recorder
    webhook_configs:
      - url: %s
        send_resolved: true
"""

    def __init__(self, directory, recorder):
        self.directory = directory
        self.port = harness.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        with open(os.path.join(directory, "alertmanager.yml"), "w") as config:
            config.write(self.CONFIG % recorder.url)
        self.log = open(os.path.join(directory, "alertmanager.log"), "wb")
        self.process = subprocess.Popen(
            ["prometheus-alertmanager", "--config.file=alertmanager.yml",
             "--storage.path=alertmanager-data", f"--web.listen-address=127.0.0.1:{self.port}",
             "--cluster.listen-address="],
            cwd=directory, stdout=self.log, stderr=self.log)
        harness.wait_for(lambda: self.get("/-/ready") == 200, 60)

    def get(self, path):
        try:
            return harness.request(self.url, "GET", path)[0]
        except OSError:
            assert self.process.poll() is None
            return 0

    def alerts(self):
        status, _, body = harness.request(self.url, "GET", "/api/v2/alerts")
        assert status == 200
        return json.loads(body)

    def silence(self, name):
        now = time.time()

        def stamp(at):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        body = {"matchers": [{"name": "alertname", "value": name, "isRegex": False,
                              "isEqual": True}],
                "startsAt": stamp(now - 1), "endsAt": stamp(now + 600), "createdBy": "test",
                "comment": "test"}
        status, _, answer = harness.request(self.url, "POST", "/api/v2/silences", body=body,
                                            headers={"Content-Type": "application/json"})
        assert status == 200, answer

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
