/* SPDX-License-Identifier: MIT */
#include "traction/base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

enum { NETWORKS_MAX = 256 };

struct tr_networks {
    size_t count;
    struct network {
        struct tr_address address;
        int bits;
    } list[];
};

static struct tr_address of_bytes(const void *bytes, uint8_t size)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct tr_address address = {.size = size};
    if (size == 16 && memcmp(bytes, mapped, sizeof mapped) == 0) {
        address.size = 4;
        memcpy(address.bytes, (const char *)bytes + sizeof mapped, 4);
    } else {
        memcpy(address.bytes, bytes, size);
    }
    return address;
}

struct tr_address tr_address_of(const struct sockaddr *socket)
{
    if (socket->sa_family == AF_INET)
        return of_bytes(&((const struct sockaddr_in *)(const void *)socket)->sin_addr, 4);
    if (socket->sa_family == AF_INET6)
        return of_bytes(&((const struct sockaddr_in6 *)(const void *)socket)->sin6_addr, 16);
    return (struct tr_address){.size = 0};
}

bool tr_address_parse(struct tr_slice text, struct tr_address *address_out)
{
    char terminated[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (text.size == 0 || text.size >= sizeof terminated ||
        memchr(text.data, '\0', text.size) != NULL)
        return false;
    memcpy(terminated, text.data, text.size);
    terminated[text.size] = '\0';
    if (inet_pton(AF_INET, terminated, bytes) == 1)
        *address_out = of_bytes(bytes, 4);
    else if (inet_pton(AF_INET6, terminated, bytes) == 1)
        *address_out = of_bytes(bytes, 16);
    else
        return false;
    return true;
}

/* ":" and digits, or nothing. */
static bool is_port(const char *at, const char *end)
{
    if (at == end)
        return true;
    if (*at++ != ':' || at == end || end - at > 5)
        return false;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at == end;
}

bool tr_address_parse_host(struct tr_slice text, struct tr_address *address_out)
{
    const char *end = text.data + text.size;
    struct tr_address address;
    if (tr_address_parse(text, address_out))
        return true;
    const char *close = text.size > 0 ? memchr(text.data, ']', text.size) : NULL;
    const char *colon = text.size > 0 ? memchr(text.data, ':', text.size) : NULL;
    struct tr_slice host = TR_SLICE_NONE;
    const char *port = NULL;
    if (close != NULL && *text.data == '[') {
        host = tr_slice(text.data + 1, (size_t)(close - text.data) - 1);
        port = close + 1;
    } else if (colon != NULL) {
        host = tr_slice(text.data, (size_t)(colon - text.data));
        port = colon;
    }
    if (!tr_address_parse(host, &address) || !is_port(port, end))
        return false;
    *address_out = address;
    return true;
}

void tr_address_mask(struct tr_address *address, int bits)
{
    for (int i = 0; i < address->size; i++, bits -= 8)
        if (bits < 8)
            address->bytes[i] &= (uint8_t)(bits <= 0 ? 0 : 0xff << (8 - bits));
}

struct tr_slice tr_address_slice(const struct tr_address *address)
{
    return tr_slice((const char *)address->bytes, address->size);
}

/* Networks ------------------------------------------------------------------------------------ */

/* The length behind the slash: digits, at most most. */
static bool parse_bits(struct tr_slice text, int most, int *bits_out)
{
    int bits = 0;
    if (text.size == 0 || text.size > 3)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        bits = bits * 10 + (text.data[i] - '0');
    }
    *bits_out = bits;
    return bits <= most;
}

static bool parse_network(struct tr_slice text, struct network *network_out)
{
    const char *slash = memchr(text.data, '/', text.size);
    size_t size = slash != NULL ? (size_t)(slash - text.data) : text.size;
    struct network network;
    if (!tr_address_parse(tr_slice(text.data, size), &network.address))
        return false;
    int most = network.address.size * 8;
    network.bits = most;
    if (slash != NULL &&
        !parse_bits(tr_slice(slash + 1, text.size - size - 1), most, &network.bits))
        return false;
    tr_address_mask(&network.address, network.bits);
    *network_out = network;
    return true;
}

int tr_networks_parse(struct tr_networks **networks_out, const char *text, struct tr_error *error)
{
    static const char separators[] = ", \t";
    TR_CLEANUP(tr_networks_freep)
    struct tr_networks *networks =
        tr_calloc(1, sizeof *networks + NETWORKS_MAX * sizeof *networks->list);
    const char *at = text != NULL ? text : "";
    for (;;) {
        at += strspn(at, separators);
        size_t size = strcspn(at, separators);
        if (size == 0)
            break;
        if (networks->count == NETWORKS_MAX)
            return tr_error_set(error, -E2BIG, "more than %d networks", NETWORKS_MAX);
        if (!parse_network(tr_slice(at, size), &networks->list[networks->count++]))
            return tr_error_set(error, -EINVAL, "\"%.*s\" is no network such as 10.0.0.0/8",
                                (int)(size < 60 ? size : 60), at);
        at += size;
    }
    *networks_out = TR_TAKE(networks);
    return 0;
}

void tr_networks_free(struct tr_networks *networks)
{
    free(networks);
}

bool tr_networks_contain(const struct tr_networks *networks, const struct tr_address *address)
{
    for (size_t i = 0; i < networks->count; i++) {
        const struct network *network = &networks->list[i];
        if (network->address.size != address->size)
            continue;
        struct tr_address masked = *address;
        tr_address_mask(&masked, network->bits);
        if (memcmp(masked.bytes, network->address.bytes, masked.size) == 0)
            return true;
    }
    return false;
}
