/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/outbound only, and by their unit tests. */
#pragma once

#include "traction/outbound.h"

#include "traction/base/loop.h"

#include <sys/socket.h>

enum { TR_OUTBOUND_ADDRESS_BYTES = 64 };

/* Whether anybody on the Internet could be there: not for addresses of the registries of special
 * purpose (RFC 6890), nor for ones that stand for them (mapped, NAT64, 6to4). */
bool tr_outbound_is_public(const struct sockaddr *address);
void tr_outbound_format_address(const struct sockaddr *address,
                                char out[TR_OUTBOUND_ADDRESS_BYTES]);
