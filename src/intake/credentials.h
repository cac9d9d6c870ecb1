/* SPDX-License-Identifier: MIT */
#pragma once

#include "traction/http.h"

/* The key a request carries in its head, whatever it is worth; data NULL: none. */
struct tr_slice tr_credentials_find(struct tr_http_request *request);
