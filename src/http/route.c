/* SPDX-License-Identifier: MIT */
/* Which row of a route table a request belongs to. */
#include "traction/http.h"

#include <stdio.h>

/* A "*" of the pattern stands for one segment, at its end for everything below; never for nothing.
 */
static bool matches(const char *pattern, struct tr_slice asked)
{
    const char *at = asked.data;
    const char *end = at + asked.size;
    for (; *pattern != '\0'; pattern++) {
        if (at == end)
            return false;
        if (*pattern != '*') {
            if (*at++ != *pattern)
                return false;
            continue;
        }
        if (pattern[1] == '\0')
            return true;
        if (*at == '/')
            return false;
        while (at < end && *at != '/')
            at++;
    }
    bool slash_more = end - at == 1 && *at == '/' && at > asked.data && at[-1] != '/';
    return at == end || slash_more;
}

const struct tr_http_route *tr_http_route_find(const struct tr_http_route *routes, size_t count,
                                               const struct tr_http_request *request,
                                               unsigned *allowed_out)
{
    unsigned allowed = 0;
    unsigned wanted = TR_HTTP_METHOD_BIT(request->method);
    if (request->method == TR_HTTP_HEAD)
        wanted |= TR_HTTP_METHOD_BIT(TR_HTTP_GET);
    const struct tr_http_route *found = NULL;
    for (size_t i = 0; i < count && found == NULL; i++) {
        if (!matches(routes[i].path, request->path))
            continue;
        if (routes[i].methods & wanted)
            found = &routes[i];
        allowed |= routes[i].methods;
    }
    if (allowed_out != NULL)
        *allowed_out = allowed;
    return found;
}

void tr_http_respond_no_route(struct tr_http_request *request, unsigned allowed)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};
    if (allowed == 0) {
        tr_http_respond_error(request, 404, NULL, "there is nothing at this path");
        return;
    }
    if (allowed & TR_HTTP_METHOD_BIT(TR_HTTP_GET))
        allowed |= TR_HTTP_METHOD_BIT(TR_HTTP_HEAD);
    char list[64] = "";
    size_t used = 0;
    for (unsigned method = 0; method < sizeof names / sizeof *names; method++)
        if (allowed & TR_HTTP_METHOD_BIT(method))
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "",
                                     names[method]);
    static const char body[] = "{\"error\":{\"code\":\"method_not_allowed\",\"message\":"
                               "\"this path does not know this method; see Allow\"}}\n";
    const struct tr_http_field allow = {TR_SLICE("Allow"), tr_slice_of(list)};
    const struct tr_http_response response = {.status = 405,
                                              .content_type = "application/json",
                                              .body = tr_slice_of(body),
                                              .fields = &allow,
                                              .field_count = 1};
    tr_http_respond(request, &response);
}
