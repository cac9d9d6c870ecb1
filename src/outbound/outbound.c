/* SPDX-License-Identifier: MIT */
/*
 * The thread. Requests come by a list under a lock; libcurl's multi interface runs them side by
 * side, its resolver in threads of its own; curl_multi_wakeup() tells of new ones.
 */
#include "outbound_priv.h"

#include "traction/base/alloc.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECT_TIMEOUT_MS = 5000, ANSWER_BYTES = 64 << 10, POLL_MS = 1000, ERROR_BODY_BYTES = 512 };

struct tr_outbound {
    struct tr_outbound_options options;
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t lock;
    struct tr_outbound_request *arrived; /* guarded by lock; the newest first */
    bool stopping;                       /* guarded by lock */
    struct transfer *transfers;          /* the thread's own */
};

/* A request that libcurl works on. */
struct transfer {
    struct transfer *next;
    struct tr_outbound *outbound;
    struct tr_outbound_request *request;
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *recipients;
    size_t read;     /* of the body, sent */
    size_t answered; /* bytes */
    bool refused;    /* the address */
    char refused_address[TR_OUTBOUND_ADDRESS_BYTES];
    char why[CURL_ERROR_SIZE];
};

void tr_outbound_options_init(struct tr_outbound_options *options)
{
    *options = (struct tr_outbound_options){.timeout_ms = 10000};
}

/* What libcurl calls --------------------------------------------------------------------------- */

/* After the name was resolved, for each address that is tried. */
static curl_socket_t on_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    struct transfer *transfer = context;
    (void)purpose;
    if (transfer->request->mail_to == NULL && !transfer->outbound->options.allow_private &&
        !tr_outbound_is_public(&address->addr)) {
        transfer->refused = true;
        tr_outbound_format_address(&address->addr, transfer->refused_address);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Nobody reads what is answered; one that does not end is cut off. */
static size_t on_answer(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    (void)data;
    transfer->answered += size * count;
    return transfer->answered <= ANSWER_BYTES ? size * count : 0;
}

static size_t on_read(char *out, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const struct tr_slice body = transfer->request->body;
    size_t room = size * count;
    size_t left = body.size - transfer->read;
    size_t taken = left < room ? left : room;
    if (taken > 0)
        memcpy(out, body.data + transfer->read, taken);
    transfer->read += taken;
    return taken;
}

/* Beginning ------------------------------------------------------------------------------------ */

static void set_common(struct transfer *transfer)
{
    const struct tr_outbound_options *options = &transfer->outbound->options;
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->why);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (options->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}

static void set_post(struct transfer *transfer)
{
    const struct tr_outbound_request *request = transfer->request;
    CURL *easy = transfer->easy;
    /* A connection is made for each request, so that each is checked. */
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                     request->body.data != NULL ? request->body.data : "");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "Traction/" TR_VERSION);
    transfer->headers = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; i < request->header_count; i++) {
        TR_CLEANUP(tr_freep)
        char *line = tr_printf("%s: %s", request->headers[i].name, request->headers[i].value);
        transfer->headers = curl_slist_append(transfer->headers, line);
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_mail(struct transfer *transfer)
{
    const struct tr_outbound_options *options = &transfer->outbound->options;
    CURL *easy = transfer->easy;
    TR_CLEANUP(tr_freep) char *from = tr_outbound_mail_from(options);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_URL, options->smtp_url);
    curl_easy_setopt(easy, CURLOPT_USE_SSL,
                     (long)(options->smtp_plain ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    if (options->smtp_user != NULL) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, options->smtp_user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD,
                         options->smtp_password != NULL ? options->smtp_password : "");
    }
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, from);
    transfer->recipients = curl_slist_append(NULL, transfer->request->mail_to);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, transfer->recipients);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->request->body.size);
}

static void refuse(struct tr_outbound_request *request, const char *why)
{
    request->status = 0;
    snprintf(request->error, sizeof request->error, "%s", why);
    request->done(request);
}

static void begin(struct tr_outbound *outbound, struct tr_outbound_request *request)
{
    if (request->mail_to != NULL && outbound->options.smtp_url == NULL) {
        refuse(request, "there is no mail server; set alerts.smtp_url");
        return;
    }
    struct transfer *transfer = tr_calloc(1, sizeof *transfer);
    transfer->outbound = outbound;
    transfer->request = request;
    transfer->easy = curl_easy_init();
    transfer->next = outbound->transfers;
    outbound->transfers = transfer;
    set_common(transfer);
    if (request->mail_to != NULL)
        set_mail(transfer);
    else
        set_post(transfer);
    curl_multi_add_handle(outbound->multi, transfer->easy);
}

/* Ending --------------------------------------------------------------------------------------- */

static void describe(const struct transfer *transfer, CURLcode code, long status, char *out,
                     size_t size)
{
    const char *why = transfer->why[0] != '\0' ? transfer->why : curl_easy_strerror(code);
    if (transfer->refused)
        snprintf(out, size, "its address %s is not public; allow it with alerts.allow_private",
                 transfer->refused_address);
    else if (status >= 300 && status < 400)
        snprintf(out, size,
                 "it answered %ld and points elsewhere, which is not followed; use the "
                 "final address",
                 status);
    else if (status != 0 && transfer->request->mail_to == NULL)
        snprintf(out, size, "it answered with status %ld", status);
    else if (code == CURLE_USE_SSL_FAILED)
        snprintf(out, size, "the mail server has no TLS; allow that with alerts.smtp_plain");
    else
        snprintf(out, size, "%s", why);
}

static void free_transfer(struct transfer *transfer)
{
    struct transfer **at = &transfer->outbound->transfers;
    while (*at != transfer)
        at = &(*at)->next;
    *at = transfer->next;
    curl_multi_remove_handle(transfer->outbound->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->recipients);
    free(transfer);
}

static void end(struct transfer *transfer, CURLcode code)
{
    struct tr_outbound_request *request = transfer->request;
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    bool cut = code == CURLE_WRITE_ERROR && transfer->answered > ANSWER_BYTES;
    bool taken = (code == CURLE_OK || cut) && status >= 200 && status < 300;
    request->status = (int)status;
    request->error[0] = '\0';
    if (!taken)
        describe(transfer, code, status, request->error, sizeof request->error);
    free_transfer(transfer);
    request->done(request);
}

/* The thread ----------------------------------------------------------------------------------- */

/* Those that arrived, the oldest first; *stopping_out: no more will. */
static struct tr_outbound_request *take_arrived(struct tr_outbound *outbound, bool *stopping_out)
{
    pthread_mutex_lock(&outbound->lock);
    struct tr_outbound_request *newest = TR_TAKE(outbound->arrived);
    *stopping_out = outbound->stopping;
    pthread_mutex_unlock(&outbound->lock);
    struct tr_outbound_request *oldest = NULL;
    while (newest != NULL) {
        struct tr_outbound_request *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void end_what_is_done(struct tr_outbound *outbound)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(outbound->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        end(transfer, code);
    }
}

static void end_everything(struct tr_outbound *outbound)
{
    for (struct transfer *transfer = outbound->transfers, *next; transfer != NULL;
         transfer = next) {
        struct tr_outbound_request *request = transfer->request;
        next = transfer->next;
        free_transfer(transfer);
        refuse(request, "the server stopped before there was an answer");
    }
}

static void *run(void *context)
{
    struct tr_outbound *outbound = context;
    for (;;) {
        bool stopping;
        struct tr_outbound_request *request = take_arrived(outbound, &stopping);
        while (request != NULL) {
            struct tr_outbound_request *next = request->next;
            if (stopping)
                refuse(request, "the server stopped before it was sent");
            else
                begin(outbound, request);
            request = next;
        }
        if (stopping)
            break;
        int running;
        curl_multi_perform(outbound->multi, &running);
        end_what_is_done(outbound);
        curl_multi_poll(outbound->multi, NULL, 0, POLL_MS, NULL);
    }
    end_everything(outbound);
    return NULL;
}

static void init_library(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int tr_outbound_start(struct tr_outbound **outbound_out, const struct tr_outbound_options *options,
                      struct tr_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_library);
    struct tr_outbound *outbound = tr_calloc(1, sizeof *outbound);
    outbound->options = *options;
    outbound->multi = curl_multi_init();
    if (outbound->multi == NULL) {
        free(outbound);
        return tr_error_set(error, -ENOMEM, "libcurl could not be started");
    }
    pthread_mutex_init(&outbound->lock, NULL);
    int result = tr_thread_start(&outbound->thread, "outbound", run, outbound, error);
    if (result < 0) {
        curl_multi_cleanup(outbound->multi);
        pthread_mutex_destroy(&outbound->lock);
        free(outbound);
        return result;
    }
    *outbound_out = outbound;
    return 0;
}

void tr_outbound_send(struct tr_outbound *outbound, struct tr_outbound_request *request)
{
    pthread_mutex_lock(&outbound->lock);
    request->next = outbound->arrived;
    outbound->arrived = request;
    pthread_mutex_unlock(&outbound->lock);
    curl_multi_wakeup(outbound->multi);
}

void tr_outbound_stop(struct tr_outbound *outbound)
{
    pthread_mutex_lock(&outbound->lock);
    outbound->stopping = true;
    pthread_mutex_unlock(&outbound->lock);
    curl_multi_wakeup(outbound->multi);
    pthread_join(outbound->thread, NULL);
    curl_multi_cleanup(outbound->multi);
    pthread_mutex_destroy(&outbound->lock);
    free(outbound);
}
