/* SPDX-License-Identifier: MIT */
/*
 * How many connections an address has, over all workers: counters at the keyed hash of the
 * address, of the /64 for IPv6. Two addresses that meet in a slot share their allowance, which is
 * rare and, without the key, cannot be brought about. Loopback is not counted: proxies live there.
 */
#include "http_priv.h"
#include "traction/base/hash.h"

#include <arpa/inet.h>

static bool is_loopback_v4(const void *bytes)
{
    return *(const uint8_t *)bytes == 127;
}

static struct tr_slice key_of(const union tr_http_address *peer, bool *loopback_out)
{
    if (peer->any.sa_family == AF_INET) {
        *loopback_out = is_loopback_v4(&peer->v4.sin_addr);
        return tr_slice((const char *)&peer->v4.sin_addr, 4);
    }
    const struct in6_addr *address = &peer->v6.sin6_addr;
    const char *bytes = (const char *)address;
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        *loopback_out = is_loopback_v4(bytes + 12);
        return tr_slice(bytes + 12, 4);
    }
    *loopback_out = IN6_IS_ADDR_LOOPBACK(address);
    return tr_slice(bytes, 8);
}

int tr_http_address_take(struct tr_http_server *server, const union tr_http_address *peer)
{
    bool loopback;
    struct tr_slice parts[2] = {tr_slice((const char *)server->address_key, 16),
                                key_of(peer, &loopback)};
    if (loopback)
        return -1;
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
