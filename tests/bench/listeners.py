#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Holds N listeners to GET /v1/live and reads what comes: listeners.py URL KEY N. Prints "listening"
when all have had their first frame; at the end (SIGTERM), the bytes read."""
import select
import signal
import socket
import sys
import urllib.parse


def connect(url, key):
    where = urllib.parse.urlsplit(url)
    client = socket.create_connection((where.hostname, where.port))
    client.sendall(f"GET /v1/live HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    client.setblocking(False)
    return client


def main():
    url, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    clients = {}
    poll = select.epoll()
    for _ in range(count):
        client = connect(url, key)
        clients[client.fileno()] = client
        poll.register(client.fileno(), select.EPOLLIN)
    room = bytearray(65536)
    total, waiting = 0, set(clients)
    try:
        while True:
            for fd, _ in poll.poll():
                size = clients[fd].recv_into(room)
                if size == 0:
                    sys.exit("a stream ended")
                total += size
                if waiting and b"event: stats" in room[:size]:
                    waiting.discard(fd)
                    if not waiting:
                        print("listening", flush=True)
    finally:
        print(total, flush=True)


main()
