#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes small databases of countries in MaxMind's format, which
https://maxmind.github.io/MaxMind-DB/ describes: mmdb.py OUTPUT [--plain]

A binary tree over the bits of an address, whose leaves point into a section of records; IPv4 lives
below ::/96. With plain=True a record is {"country": "XX"} instead of {"country": {"iso_code": "XX"}}.
"""
import ipaddress
import struct
import sys

EXAMPLE = {"192.0.2.0/24": "DE", "198.51.100.0/25": "US", "203.0.113.7/32": "FR",
           "2001:db8::/32": "JP"}
RECORD_BYTES = 3


def control(kind, size):
    assert size < 29
    return bytes([size, kind - 7] if kind > 7 else [kind << 5 | size])


def encode(value):
    if isinstance(value, str):
        data = value.encode()
        return control(2, len(data)) + data
    if isinstance(value, dict):
        return control(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(map(encode, value))
    kind, number = value  # ("uint16", 3)
    data = number.to_bytes(8, "big").lstrip(b"\0")
    return control({"uint16": 5, "uint32": 6, "uint64": 9}[kind], len(data)) + data


class Tree:
    def __init__(self):
        self.nodes = [[None, None]]

    def insert(self, network, leaf):
        net = ipaddress.ip_network(network)
        bits, length = int(net.network_address), net.prefixlen
        if net.version == 4:
            length += 96
        node = 0
        for depth in range(length):
            side = bits >> (127 - depth) & 1
            if depth == length - 1:
                self.nodes[node][side] = ("leaf", leaf)
                return
            if self.nodes[node][side] is None:
                self.nodes.append([None, None])
                self.nodes[node][side] = ("node", len(self.nodes) - 1)
            node = self.nodes[node][side][1]


def build(countries, plain=False, built=1760000000):
    tree, data, places = Tree(), b"", {}
    for network, country in countries.items():
        if country not in places:
            places[country] = len(data)
            data += encode({"country": country if plain else {"iso_code": country}})
        tree.insert(network, places[country])
    count = len(tree.nodes)

    def record(entry):
        if entry is None:
            return count
        kind, value = entry
        return value if kind == "node" else count + 16 + value

    search = b"".join(struct.pack(">I", record(entry))[4 - RECORD_BYTES:]
                      for node in tree.nodes for entry in node)
    about = {"binary_format_major_version": ("uint16", 2),
             "binary_format_minor_version": ("uint16", 0),
             "build_epoch": ("uint64", built), "database_type": "Test-Country",
             "description": {"en": "of a test"}, "ip_version": ("uint16", 6), "languages": ["en"],
             "node_count": ("uint32", count), "record_size": ("uint16", RECORD_BYTES * 8)}
    return search + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encode(about)


def write(path, countries, **more):
    with open(path, "wb") as out:
        out.write(build(countries, **more))


if __name__ == "__main__":
    write(sys.argv[1], EXAMPLE, plain="--plain" in sys.argv)
