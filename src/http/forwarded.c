/* SPDX-License-Identifier: MIT */
/*
 * Who sent a request that came by a proxy. Each proxy adds the address it got the request from at
 * the end of one header field; so from the end backwards, every address is vouched for as long as
 * it is a trusted proxy's, and the first that is not is the client. What stands before that anybody
 * may have written, and is not looked at.
 */
#include "http_priv.h"

enum { HOPS_MAX = 64 };

static struct tr_slice trim(struct tr_slice text)
{
    while (text.size > 0 && (*text.data == ' ' || *text.data == '\t'))
        text = tr_slice(text.data + 1, text.size - 1);
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* Cuts the part behind the last separator off; false: there was nothing left. */
static bool take_last(struct tr_slice *list, char separator, struct tr_slice *part_out)
{
    if (list->data == NULL)
        return false;
    const char *place = list->size > 0 ? memrchr(list->data, separator, list->size) : NULL;
    const char *begin = place != NULL ? place + 1 : list->data;
    *part_out = trim(tr_slice(begin, (size_t)(list->data + list->size - begin)));
    *list = place != NULL ? tr_slice(list->data, (size_t)(place - list->data)) : TR_SLICE_NONE;
    return true;
}

/* for="[2001:db8::1]:4711";proto=https: what stands behind for=, without quotes. */
static struct tr_slice for_of(struct tr_slice element)
{
    struct tr_slice pair;
    while (take_last(&element, ';', &pair)) {
        if (pair.size < 4 || strncasecmp(pair.data, "for=", 4) != 0)
            continue;
        struct tr_slice value = tr_slice(pair.data + 4, pair.size - 4);
        if (value.size >= 2 && *value.data == '"' && value.data[value.size - 1] == '"')
            value = tr_slice(value.data + 1, value.size - 2);
        return value;
    }
    return TR_SLICE_NONE;
}

struct hops {
    const struct tr_http_request *request;
    enum tr_http_proxy_field which;
    size_t field;         /* fields before this one are left */
    struct tr_slice list; /* what is left of the current field */
    int taken;
};

/* The hop before the one taken last, over all fields of the name; false: no more. */
static bool take_hop(struct hops *hops, struct tr_slice *hop_out)
{
    static const char *const names[] = {
        [TR_HTTP_X_FORWARDED_FOR] = "x-forwarded-for", [TR_HTTP_FORWARDED] = "forwarded"};
    while (hops->list.data == NULL) {
        if (hops->field == 0)
            return false;
        const struct tr_http_field *field = &hops->request->fields[--hops->field];
        if (tr_slice_is_nocase(field->name, names[hops->which]))
            hops->list = field->value.data != NULL ? field->value : TR_SLICE("");
    }
    take_last(&hops->list, ',', hop_out);
    if (hops->which == TR_HTTP_FORWARDED)
        *hop_out = for_of(*hop_out);
    return ++hops->taken <= HOPS_MAX;
}

struct tr_address tr_http_forwarded(const struct tr_http_request *request, struct tr_address peer,
                                    const struct tr_networks *trusted,
                                    enum tr_http_proxy_field which)
{
    struct hops hops = {.request = request, .which = which, .field = request->field_count};
    struct tr_address client = peer;
    struct tr_slice hop;
    while (tr_networks_contain(trusted, &client) && take_hop(&hops, &hop))
        if (!tr_address_parse_host(hop, &client))
            break; /* "unknown", or rubbish: the last one known is as near as one gets */
    return client;
}

struct tr_address tr_http_client(const struct tr_http_request *request)
{
    const struct tr_http_exchange *exchange = (const struct tr_http_exchange *)request;
    const struct tr_http_server *server = exchange->worker->server;
    return tr_http_forwarded(request, tr_address_of((const struct sockaddr *)&request->peer),
                             server->trusted,
                             (enum tr_http_proxy_field)server->options.proxy_field);
}
