/* SPDX-License-Identifier: MIT */
/*
 * How many connections an address has, over all workers: counters at the keyed hash of the
 * address, of the /64 for IPv6. Two addresses that meet in a slot share their allowance, which is
 * rare and, without the key, cannot be brought about. Loopback is not counted, because proxies live
 * there, nor are proxies that are trusted: their connections are many clients'.
 */
#include "http_priv.h"
#include "traction/base/hash.h"

#include <arpa/inet.h>

static bool is_loopback(const struct tr_address *address)
{
    if (address->size == 4)
        return address->bytes[0] == 127;
    return address->size == 16 && memcmp(address->bytes, &in6addr_loopback, 16) == 0;
}

int tr_http_address_take(struct tr_http_server *server, const union tr_http_address *peer)
{
    struct tr_address address = tr_address_of(&peer->any);
    if (is_loopback(&address) ||
        (server->trusted != NULL && tr_networks_contain(server->trusted, &address)))
        return -1;
    struct tr_slice parts[2] = {
        tr_slice((const char *)server->address_key, 16),
        tr_slice((const char *)address.bytes, address.size == 4 ? 4 : 8),
    };
    uint8_t digest[16];
    tr_digest128(parts, 2, digest);
    int slot = digest[0] << 8 | digest[1];
    uint16_t before = atomic_fetch_add(&server->address_counts[slot], 1);
    if (before < server->options.connections_per_address)
        return slot;
    atomic_fetch_sub(&server->address_counts[slot], 1);
    return -2;
}

void tr_http_address_give(struct tr_http_server *server, int slot)
{
    if (slot >= 0)
        atomic_fetch_sub(&server->address_counts[slot], 1);
}
