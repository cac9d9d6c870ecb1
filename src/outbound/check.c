/* SPDX-License-Identifier: MIT */
/* Where a request may go, and what a receiver may look like. */
#include "outbound_priv.h"

#include "traction/base/address.h"
#include "traction/base/alloc.h"
#include "traction/base/hash.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Addresses ------------------------------------------------------------------------------------ */

/* The IANA registries of special-purpose addresses, and multicast. */
static const char special_networks[] =
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 "
    "192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "
    "224.0.0.0/4 240.0.0.0/4 "
    "::/128 ::1/128 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 3fff::/20 5f00::/16 fc00::/7 "
    "fe80::/10 fec0::/10 ff00::/8";

static struct tr_networks *networks;

static void parse_networks(void)
{
    tr_networks_parse(&networks, special_networks, NULL);
}

static bool is_special(const struct tr_address *address)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, parse_networks);
    return networks == NULL || tr_networks_contain(networks, address);
}

/* The IPv4 address that an IPv6 one leads to, if it does: NAT64 (RFC 6052), 6to4 (RFC 3056), and
 * the deprecated compatible form. */
static bool embedded(const struct tr_address *address, struct tr_address *inner)
{
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    static const uint8_t compatible[12];
    const uint8_t *bytes = address->bytes;
    const uint8_t *from = NULL;
    if (address->size != 16)
        return false;
    if (memcmp(bytes, nat64, sizeof nat64) == 0 ||
        memcmp(bytes, compatible, sizeof compatible) == 0)
        from = bytes + 12;
    else if (bytes[0] == 0x20 && bytes[1] == 0x02)
        from = bytes + 2;
    if (from == NULL)
        return false;
    *inner = (struct tr_address){.size = 4};
    memcpy(inner->bytes, from, 4);
    return true;
}

bool tr_outbound_is_public(const struct sockaddr *socket)
{
    struct tr_address address = tr_address_of(socket);
    struct tr_address inner;
    if (address.size == 0 || is_special(&address))
        return false;
    return !embedded(&address, &inner) || !is_special(&inner);
}

void tr_outbound_format_address(const struct sockaddr *address, char out[TR_OUTBOUND_ADDRESS_BYTES])
{
    const void *bytes = address->sa_family == AF_INET6
                            ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
                            : (const void *)&((const struct sockaddr_in *)address)->sin_addr;
    if ((address->sa_family != AF_INET && address->sa_family != AF_INET6) ||
        inet_ntop(address->sa_family, bytes, out, TR_OUTBOUND_ADDRESS_BYTES) == NULL)
        snprintf(out, TR_OUTBOUND_ADDRESS_BYTES, "of another kind");
}

/* Receivers ------------------------------------------------------------------------------------ */

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return there;
}

static const char *check_parts(CURLU *url)
{
    char *scheme = NULL;
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return "is no URL";
    bool http = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
    curl_free(scheme);
    if (!http)
        return "must begin with https:// or http://";
    if (!has_part(url, CURLUPART_HOST))
        return "names no host";
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        return "may not hold a user or password; put them into headers";
    return NULL;
}

const char *tr_outbound_check_url(const char *url)
{
    for (const char *c = url; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return "may not hold spaces or control characters";
    CURLU *parsed = curl_url();
    const char *wrong =
        curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK
            ? check_parts(parsed)
            : "is no URL";
    curl_url_cleanup(parsed);
    return wrong;
}

const char *tr_outbound_check_mail(const char *address)
{
    static const char others[] = "!#$%&'*+-/=?^_`{|}~.";
    const char *at = strchr(address, '@');
    if (at == NULL || at == address || at[1] == '\0' || strlen(address) > 254)
        return "is no mail address such as ops@example.org";
    for (const char *c = address; c < at; c++)
        if (!isalnum((unsigned char)*c) && strchr(others, *c) == NULL)
            return "is no mail address such as ops@example.org";
    for (const char *c = at + 1; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-')
            return "is no mail address such as ops@example.org";
    return NULL;
}

char *tr_outbound_mail_from(const struct tr_outbound_options *options)
{
    char host[256] = "localhost";
    if (options->mail_from != NULL)
        return tr_strdup(options->mail_from);
    if (gethostname(host, sizeof host - 1) < 0)
        return tr_strdup("traction@localhost");
    return tr_printf("traction@%s", host);
}

void tr_outbound_sign(const char *secret, int64_t unix_s, struct tr_slice body, char *out)
{
    uint8_t digest[32];
    char hex[65];
    TR_CLEANUP(tr_freep) char *stamp = tr_printf("%lld.", (long long)unix_s);
    const struct tr_slice parts[] = {tr_slice_of(stamp), body};
    tr_hmac_sha256(tr_slice_of(secret), parts, 2, digest);
    tr_hex(digest, sizeof digest, hex);
    snprintf(out, TR_OUTBOUND_SIGNATURE_BYTES, "t=%lld,v1=%s", (long long)unix_s, hex);
}
