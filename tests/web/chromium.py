# SPDX-License-Identifier: MIT
"""A real Chromium, driven by a line of JSON at a time; and pages for it to look at."""
import http.server
import json
import os
import subprocess
import threading

HERE = os.path.dirname(os.path.abspath(__file__))


class Chromium:
    """run(code, **args) runs JavaScript in the driver: page, context, browser, state and args are
    there, and what it returns comes back."""

    def __init__(self):
        env = dict(os.environ)
        env.pop("NODE_OPTIONS", None)
        self.process = subprocess.Popen(["node", os.path.join(HERE, "driver.mjs")], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)

    def run(self, code, **args):
        self.process.stdin.write(json.dumps({"code": code, "args": args}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "the driver has died"}')
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["value"]

    def open(self, url=None, **options):
        """A context of its own: nothing is remembered from before."""
        self.run("""
            if (state.context) await state.context.close()
            state.context = await browser.newContext(args.options)
            state.page = await state.context.newPage()
            state.errors = []
            state.requests = []
            state.page.on('pageerror', (error) => state.errors.push(String(error)))
            state.page.on('console', (message) =>
              message.type() === 'error' && state.errors.push(message.text()))
            state.page.on('request', (request) => state.requests.push(request.url()))
            if (args.url) await state.page.goto(args.url)""", url=url, options=options)

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


class Site:
    """Serves the pages it is given, path to HTML, or to (status, body); each with a strict CSP."""

    def __init__(self, traction):
        self.pages = {"/favicon.ico": (204, "")}
        self.headers = {"Content-Security-Policy":
                        f"default-src 'none'; script-src 'self' {traction}; "
                        f"connect-src 'self' {traction}; img-src 'self'"}
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                page = site.pages.get(self.path.split("?")[0], (404, "nothing"))
                status, body = page if isinstance(page, tuple) else (200, page)
                body = body.encode()
                self.send_response(status)
                kind = "text/javascript" if self.path.endswith(".js") else "text/html; charset=utf-8"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for name, value in site.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
