/* SPDX-License-Identifier: MIT */
/*
 * The acquisition channel of a page, from its campaign parameters, else from its referrer:
 *
 *   paid            gclid or msclkid; utm_medium cpc, ppc, cpm, cpv, cpa, display, banner,
 *                   retargeting, or anything that begins with "paid"
 *   email           utm_medium or utm_source email, e-mail, newsletter; a webmail referrer
 *   affiliate       utm_medium affiliate
 *   social          utm_medium social, social-network, social-media, sm; fbclid; a social network
 *                   as utm_source or referrer
 *   organic search  utm_medium organic; a search engine as utm_source or referrer
 *   referral        any other campaign; any other site as referrer
 *   direct          a page without campaign and referrer
 *
 * A referrer on the page's own host says nothing: no channel.
 */
#include "event_priv.h"

#define WORD(text)             \
    {                          \
        text, sizeof(text) - 1 \
    }

static const struct tr_slice paid_media[] = {WORD("cpc"),    WORD("ppc"),        WORD("cpm"),
                                             WORD("cpv"),    WORD("cpa"),        WORD("display"),
                                             WORD("banner"), WORD("retargeting")};
static const struct tr_slice email_words[] = {WORD("email"), WORD("e-mail"), WORD("e_mail"),
                                              WORD("newsletter")};
static const struct tr_slice social_media[] = {WORD("social"),       WORD("social-network"),
                                               WORD("social-media"), WORD("social_network"),
                                               WORD("social_media"), WORD("sm")};
static const struct tr_slice search_engines[] = {
    WORD("google"), WORD("bing"),   WORD("duckduckgo"), WORD("yahoo"),
    WORD("baidu"),  WORD("yandex"), WORD("ecosia"),     WORD("startpage"),
    WORD("qwant"),  WORD("kagi"),   WORD("naver"),      WORD("seznam")};
static const struct tr_slice social_networks[] = {
    WORD("facebook"),  WORD("fb"),      WORD("instagram"), WORD("linkedin"), WORD("lnkd"),
    WORD("twitter"),   WORD("reddit"),  WORD("youtube"),   WORD("youtu"),    WORD("tiktok"),
    WORD("pinterest"), WORD("threads"), WORD("bsky"),      WORD("tumblr"),   WORD("quora"),
    WORD("weibo"),     WORD("vk"),      WORD("mastodon")};
static const struct tr_slice social_hosts[] = {WORD("x.com"), WORD("t.co"),
                                               WORD("news.ycombinator.com")};
static const struct tr_slice search_hosts[] = {WORD("search.brave.com")};
static const struct tr_slice webmail_hosts[] = {WORD("mail.google.com"), WORD("outlook.live.com"),
                                                WORD("outlook.office.com"), WORD("mail.yahoo.com"),
                                                WORD("mail.proton.me")};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool one_of(struct tr_slice text, const struct tr_slice *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text.size == list[i].size && strncasecmp(text.data, list[i].data, text.size) == 0)
            return true;
    return false;
}

/* Whether a label of the host but the last is in the list: google.com, www.google.co.uk. */
static bool label_in(struct tr_slice host, const struct tr_slice *list, size_t count)
{
    const char *end = host.data + host.size;
    const char *label = host.data;
    for (const char *at = label; at < end; at++) {
        if (*at != '.')
            continue;
        if (one_of(tr_slice(label, (size_t)(at - label)), list, count))
            return true;
        label = at + 1;
    }
    return false;
}

static const char *from_host(struct tr_slice host)
{
    if (one_of(host, webmail_hosts, COUNT(webmail_hosts)))
        return "email";
    if (one_of(host, social_hosts, COUNT(social_hosts)) ||
        label_in(host, social_networks, COUNT(social_networks)))
        return "social";
    if (one_of(host, search_hosts, COUNT(search_hosts)) ||
        label_in(host, search_engines, COUNT(search_engines)))
        return "organic search";
    return NULL;
}

static const char *from_medium(struct tr_slice medium)
{
    if (one_of(medium, paid_media, COUNT(paid_media)) ||
        (medium.size >= 4 && strncasecmp(medium.data, "paid", 4) == 0))
        return "paid";
    if (one_of(medium, email_words, COUNT(email_words)))
        return "email";
    if (tr_slice_is_nocase(medium, "affiliate"))
        return "affiliate";
    if (one_of(medium, social_media, COUNT(social_media)))
        return "social";
    if (tr_slice_is_nocase(medium, "organic"))
        return "organic search";
    return NULL;
}

static const char *from_source(struct tr_slice source)
{
    if (one_of(source, email_words, COUNT(email_words)))
        return "email";
    if (one_of(source, social_networks, COUNT(social_networks)))
        return "social";
    if (one_of(source, search_engines, COUNT(search_engines)))
        return "organic search";
    return from_host(source);
}

const char *tr_channel_of_campaign(struct tr_slice source, struct tr_slice medium)
{
    const char *channel = medium.size > 0 ? from_medium(medium) : NULL;
    if (channel == NULL && source.size > 0)
        channel = from_source(source);
    if (channel == NULL && (source.size > 0 || medium.size > 0))
        channel = "referral";
    return channel;
}

const char *tr_channel_derive(const struct tr_url *url, const struct tr_url *referrer)
{
    struct tr_slice query = url->query;
    if (tr_url_parameter(query, "gclid").data != NULL ||
        tr_url_parameter(query, "msclkid").data != NULL)
        return "paid";
    const char *channel = tr_channel_of_campaign(tr_url_parameter(query, "utm_source"),
                                                 tr_url_parameter(query, "utm_medium"));
    if (channel != NULL)
        return channel;
    if (tr_url_parameter(query, "fbclid").data != NULL)
        return "social";
    if (referrer->host.size > 0) {
        if (tr_slice_equal(referrer->host, url->host))
            return NULL;
        channel = from_host(referrer->host);
        return channel != NULL ? channel : "referral";
    }
    return url->text.size > 0 ? "direct" : NULL;
}
