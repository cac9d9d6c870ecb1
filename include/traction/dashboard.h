/* SPDX-License-Identifier: MIT */
/*
 * What browsers get: the snippet that pages include (/traction.js, and with its hash in its name;
 * its source map, its types, the npm package), and the dashboard, whose pages are one document.
 * All of it is embedded in the program, compressed beforehand. docs/browser.md, docs/dashboard.md.
 */
#pragma once

#include "traction/http.h"

/* Their handlers need no context. Any worker. */
const struct tr_http_route *tr_dashboard_routes(size_t *count_out);
