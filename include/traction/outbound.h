/* SPDX-License-Identifier: MIT */
/*
 * Requests to others: HTTP and HTTPS POST, and mail by SMTP. The only door to libcurl. A thread of
 * its own runs any number of them at once; nothing here blocks for long.
 *
 * Where a request may go is checked on the address that is about to be connected to, after its name
 * was resolved: loopback, private, link-local, multicast and otherwise special addresses (RFC
 * 6890), IPv4 ones in IPv6 clothes too, are refused unless allowed. Redirects are not followed,
 * proxies of the environment not used. Of an answer only the status is kept, and at most 64 KiB are
 * read.
 */
#pragma once

#include "traction/base/error.h"
#include "traction/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tr_outbound;

struct tr_outbound_options {
    bool allow_private;  /* addresses that are not public, too */
    const char *ca_file; /* of certificates to trust; NULL: the system's */
    int timeout_ms;      /* 10,000: of a whole request */
    /* The mail server, which the operator chose and may be anywhere: smtp://host:587,
     * smtps://host:465; NULL: no mail. */
    const char *smtp_url;
    const char *smtp_user; /* NULL: none */
    const char *smtp_password;
    const char *mail_from;
    bool smtp_plain; /* also without TLS (STARTTLS is asked for in any case) */
};
void tr_outbound_options_init(struct tr_outbound_options *options);
/* Whom mails come from: mail_from, or traction@ and this machine's name. The caller frees. */
char *tr_outbound_mail_from(const struct tr_outbound_options *options);

struct tr_outbound_header {
    const char *name;
    const char *value;
};

enum { TR_OUTBOUND_HEADERS_MAX = 24, TR_OUTBOUND_ERROR_BYTES = 256 };

/* Owned by whoever sends it, and untouched by them until done() is called. What it points to must
 * live as long. Exactly one of url and mail_to is set. */
struct tr_outbound_request {
    const char *url;
    const char *mail_to;  /* one address */
    struct tr_slice body; /* of a mail: the whole message, header fields and CRLFs included */
    struct tr_outbound_header headers[TR_OUTBOUND_HEADERS_MAX];
    size_t header_count;
    /* On the outbound thread, once; also when the thread stops (then status 0). Must not block. */
    void (*done)(struct tr_outbound_request *request);
    int status;                          /* 2xx: HTTP took it; of a mail 250; 0: no answer */
    char error[TR_OUTBOUND_ERROR_BYTES]; /* "" when taken; else one line, what to do about it
                                            included */
    struct tr_outbound_request *next;    /* the thread's own, as the next */
    void *handle;
};

int tr_outbound_start(struct tr_outbound **outbound_out, const struct tr_outbound_options *options,
                      struct tr_error *error);
/* Any thread. */
void tr_outbound_send(struct tr_outbound *outbound, struct tr_outbound_request *request);
/* Ends what is under way, with status 0. */
void tr_outbound_stop(struct tr_outbound *outbound);

/* Whether a URL can be one of a receiver: http or https, a host, no user or password; NULL or what
 * is wrong with it (static). Where it leads is not looked at. Any thread. */
const char *tr_outbound_check_url(const char *url);
/* Whether this is one mail address that can stand in a command of SMTP; NULL or what is wrong. */
const char *tr_outbound_check_mail(const char *address);
/* "t=UNIX,v1=HEX": HMAC-SHA256 of "UNIX.BODY" by the secret, so that a receiver can tell who sent a
 * body and when. out holds TR_OUTBOUND_SIGNATURE_BYTES. */
enum { TR_OUTBOUND_SIGNATURE_BYTES = 96 };
void tr_outbound_sign(const char *secret, int64_t unix_s, struct tr_slice body, char *out);
