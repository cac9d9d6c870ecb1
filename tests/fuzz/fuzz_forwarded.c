/* SPDX-License-Identifier: MIT */
/* Whatever stands in front, the client is whom the trusted proxy saw, by either field. */
#include "http_priv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tr_address ask(struct tr_slice value, const char *name, const char *last,
                             enum tr_http_proxy_field which, const struct tr_networks *trusted)
{
    struct tr_http_field fields[] = {{tr_slice_of(name), value},
                                     {tr_slice_of(name), tr_slice_of(last)}};
    struct tr_http_request request = {.fields = fields, .field_count = last != NULL ? 2 : 1};
    return tr_http_forwarded(&request, (struct tr_address){4, {10, 0, 0, 1}}, trusted, which);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tr_slice value = tr_slice((const char *)data, size);
    TR_CLEANUP(tr_networks_freep) struct tr_networks *trusted = NULL;
    if (tr_networks_parse(&trusted, "10.0.0.0/8", NULL) < 0)
        abort();
    ask(value, "X-Forwarded-For", NULL, TR_HTTP_X_FORWARDED_FOR, trusted);
    ask(value, "Forwarded", NULL, TR_HTTP_FORWARDED, trusted);
    struct tr_address a =
        ask(value, "X-Forwarded-For", "192.0.2.1", TR_HTTP_X_FORWARDED_FOR, trusted);
    struct tr_address b = ask(value, "Forwarded", "for=192.0.2.1", TR_HTTP_FORWARDED, trusted);
    if (a.size != 4 || b.size != 4 || a.bytes[0] != 192 || b.bytes[0] != 192)
        abort();
    return 0;
}
