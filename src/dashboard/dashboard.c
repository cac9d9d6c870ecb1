/* SPDX-License-Identifier: MIT */
#include "dashboard_priv.h"

#include "traction/base/buf.h"

#include <string.h>

enum { FIELDS_MAX = 12, SNIPPET_BYTES = 4096 };

static const struct web_file *find_file(struct tr_slice path)
{
    for (size_t i = 0; i < tr_web_file_count; i++)
        if (tr_slice_is(path, tr_web_files[i].path))
            return &tr_web_files[i];
    return NULL;
}

/* Negotiation (RFC 9110, 12.5.3 and 13.1.2) ---------------------------------------------------- */

/* The next element of a comma-separated list, without the white space around it. */
static struct tr_slice next_element(struct tr_slice *list)
{
    const char *comma = list->size > 0 ? memchr(list->data, ',', list->size) : NULL;
    size_t size = comma != NULL ? (size_t)(comma - list->data) : list->size;
    struct tr_slice element = tr_slice(list->data, size);
    size_t step = comma != NULL ? size + 1 : size;
    *list = tr_slice(list->data + step, list->size - step);
    while (element.size > 0 && (element.data[0] == ' ' || element.data[0] == '\t'))
        element = tr_slice(element.data + 1, element.size - 1);
    while (element.size > 0 && strchr(" \t", element.data[element.size - 1]) != NULL)
        element.size--;
    return element;
}

/* Whoever bothers to give a coding a weight gets the file plain, unless the weight is what it is
 * without. */
static bool accepts(const struct tr_http_request *request, const char *coding)
{
    struct tr_slice list = tr_http_field(request, "accept-encoding");
    while (list.size > 0)
        if (tr_slice_is_nocase(next_element(&list), coding))
            return true;
    return false;
}

static bool has_it(const struct tr_http_request *request, const struct web_file *file)
{
    struct tr_slice list = tr_http_field(request, "if-none-match");
    while (list.size > 0) {
        struct tr_slice tag = next_element(&list);
        if (tr_slice_starts(tag, "W/"))
            tag = tr_slice(tag.data + 2, tag.size - 2);
        if (tr_slice_is(tag, file->etag))
            return true;
    }
    return false;
}

/* Answers -------------------------------------------------------------------------------------- */

static void add_field(struct tr_http_field *fields, size_t *count, const char *name,
                      const char *value)
{
    fields[(*count)++] = (struct tr_http_field){tr_slice_of(name), tr_slice_of(value)};
}

/* Nothing from elsewhere, nothing inline, framed by nobody. */
static void add_page_fields(struct tr_http_field *fields, size_t *count)
{
    add_field(
        fields, count, "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
    add_field(fields, count, "X-Frame-Options", "DENY");
    add_field(fields, count, "Referrer-Policy", "same-origin");
    add_field(fields, count, "Cross-Origin-Opener-Policy", "same-origin");
    add_field(fields, count, "Permissions-Policy", "camera=(), geolocation=(), microphone=()");
}

/* Pages of any origin include the snippet, with its hash checked if they like. */
static void add_script_fields(struct tr_http_field *fields, size_t *count,
                              const struct web_file *file)
{
    add_field(fields, count, "Access-Control-Allow-Origin", "*");
    add_field(fields, count, "Cross-Origin-Resource-Policy", "cross-origin");
    add_field(fields, count, "Timing-Allow-Origin", "*");
    if (strcmp(file->path, "/traction.js") == 0)
        add_field(fields, count, "SourceMap", "/traction.js.map");
}

static const char *const cache_control[] = {
    [CACHE_NEVER] = "no-cache",
    [CACHE_HOUR] = "public, max-age=3600, stale-while-revalidate=86400",
    [CACHE_FOREVER] = "public, max-age=31536000, immutable",
};

static void send_file(struct tr_http_request *request, const struct web_file *file)
{
    struct tr_http_field fields[FIELDS_MAX];
    size_t count = 0;
    struct tr_http_response response = {.status = 200, .content_type = file->type};
    add_field(fields, &count, "Cache-Control", cache_control[file->cache]);
    add_field(fields, &count, "ETag", file->etag);
    add_field(fields, &count, "Vary", "Accept-Encoding");
    add_field(fields, &count, "X-Content-Type-Options", "nosniff");
    if (file->cache == CACHE_NEVER)
        add_page_fields(fields, &count);
    else
        add_script_fields(fields, &count, file);
    if (has_it(request, file)) {
        response.status = 304;
        response.content_type = NULL;
    } else if (file->br.size > 0 && accepts(request, "br")) {
        add_field(fields, &count, "Content-Encoding", "br");
        response.body = file->br;
    } else if (file->gzip.size > 0 && accepts(request, "gzip")) {
        add_field(fields, &count, "Content-Encoding", "gzip");
        response.body = file->gzip;
    } else {
        response.body = file->data;
    }
    response.fields = fields;
    response.field_count = count;
    tr_http_respond(request, &response);
}

static void on_file(struct tr_http_request *request, void *context)
{
    (void)context;
    const struct web_file *file = find_file(request->path);
    if (file != NULL)
        send_file(request, file);
    else
        tr_http_respond_no_route(request, 0);
}

/* Which page it is the script finds out by itself. */
static void on_page(struct tr_http_request *request, void *context)
{
    (void)context;
    send_file(request, find_file(TR_SLICE("/index.html")));
}

/* Where the snippet is, also the one that never changes, and the hash to hold it to. */
static void on_snippet(struct tr_http_request *request, void *context)
{
    (void)context;
    const struct web_file *file = find_file(TR_SLICE("/traction.js"));
    const struct web_file *pinned = file;
    for (size_t i = 0; i < tr_web_file_count; i++)
        if (tr_slice_starts(tr_slice_of(tr_web_files[i].path), "/assets/traction-"))
            pinned = &tr_web_files[i];
    struct tr_buf text;
    tr_buf_init(&text, SNIPPET_BYTES);
    tr_buf_printf(&text,
                  "{\"version\":\"%s\",\"script\":\"%s\",\"pinned\":\"%s\",\"integrity\":\"%s\","
                  "\"bytes\":%zu,\"package\":\"/traction-web.tgz\",\"types\":\"/traction.d.ts\"}",
                  TR_VERSION, file->path, pinned->path, pinned->integrity, file->gzip.size);
    tr_http_respond_json(request, 200, tr_buf_slice(&text));
    tr_buf_fini(&text);
}

#define GET TR_HTTP_METHOD_BIT(TR_HTTP_GET)

const struct tr_http_route *tr_dashboard_routes(size_t *count_out)
{
    static const struct tr_http_route routes[] = {
        {GET, "/traction.js", NULL, on_file, NULL},
        {GET, "/traction.js.map", NULL, on_file, NULL},
        {GET, "/traction.d.ts", NULL, on_file, NULL},
        {GET, "/traction-web.tgz", NULL, on_file, NULL},
        {TR_HTTP_METHOD_BIT(TR_HTTP_GET), "/v1/snippet", NULL, on_snippet, NULL},
        {GET, "/assets/*", NULL, on_file, NULL},
        {GET, "/favicon.svg", NULL, on_file, NULL},
        {GET, "/", NULL, on_page, NULL},
        {GET, "/sign-in", NULL, on_page, NULL},
        {GET, "/share", NULL, on_page, NULL},
        {GET, "/overview", NULL, on_page, NULL},
        {GET, "/engagement", NULL, on_page, NULL},
        {GET, "/performance", NULL, on_page, NULL},
        {GET, "/business", NULL, on_page, NULL},
        {GET, "/feedback", NULL, on_page, NULL},
        {GET, "/retention", NULL, on_page, NULL},
        {GET, "/funnels", NULL, on_page, NULL},
        {GET, "/hypotheses", NULL, on_page, NULL},
        {GET, "/alerts", NULL, on_page, NULL},
        {GET, "/live", NULL, on_page, NULL},
        {GET, "/events", NULL, on_page, NULL},
        {GET, "/rejects", NULL, on_page, NULL},
        {GET, "/settings", NULL, on_page, NULL},
    };
    *count_out = sizeof routes / sizeof *routes;
    return routes;
}
