/* SPDX-License-Identifier: MIT */
/* Addresses of clients, and networks of them. An IPv4 address in IPv6 form is the IPv4 address. */
#pragma once

#include "traction/base/alloc.h"
#include "traction/base/error.h"
#include "traction/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;

struct tr_address {
    uint8_t size; /* 4 or 16; 0: none */
    uint8_t bytes[16];
};

/* No address for families other than the two. */
struct tr_address tr_address_of(const struct sockaddr *socket);
/* "192.0.2.1", "2001:db8::1"; false: it is none. */
bool tr_address_parse(struct tr_slice text, struct tr_address *address_out);
/* The same with a port or brackets around it, as proxies write it. */
bool tr_address_parse_host(struct tr_slice text, struct tr_address *address_out);
/* Clears all but the first bits. */
void tr_address_mask(struct tr_address *address, int bits);
struct tr_slice tr_address_slice(const struct tr_address *address);

/* Read-only once parsed. */
struct tr_networks;
/* "10.0.0.0/8, 2001:db8::/32 192.0.2.1": separated by commas or spaces; text NULL: none. */
int tr_networks_parse(struct tr_networks **networks_out, const char *text, struct tr_error *error);
void tr_networks_free(struct tr_networks *networks);
TR_DEFINE_CLEANUP(struct tr_networks, tr_networks_free)
bool tr_networks_contain(const struct tr_networks *networks, const struct tr_address *address);
