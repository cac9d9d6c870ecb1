/* SPDX-License-Identifier: MIT */
/*
 * The acquisition channel of a page: what advertisers' click ids say, else the campaign, else other
 * click ids, else the referrer. docs/events.md has the rules; the words are here, in one table.
 *
 * A referrer on the page's own host says nothing: no channel.
 */
#include "event_priv.h"

static const char paid[] = "paid";
static const char email[] = "email";
static const char affiliate[] = "affiliate";
static const char social[] = "social";
static const char search[] = "organic search";
static const char assistant[] = "ai assistant";

/* What a word is looked for in. */
enum {
    AD = 1,      /* names of parameters that only advertisements have */
    CLICK = 2,   /* … that other links of a site have, too */
    MEDIUM = 4,  /* utm_medium */
    SOURCE = 8,  /* utm_source */
    HOST = 16,   /* a host, whole */
    SUFFIX = 32, /* a host, or the end of it behind a dot */
    LABEL = 64,  /* a label of a host but the last: google.com, www.google.co.uk */
};

/* In order: a host that is listed whole comes before those that are known by a label. */
static const struct word {
    const char *text;
    const char *channel;
    unsigned where;
} words[] = {
    {"gclid", paid, AD}, /* Google Ads, also as the two below */
    {"gbraid", paid, AD},
    {"wbraid", paid, AD},
    {"dclid", paid, AD}, /* Google Display & Video */
    {"gad_source", paid, AD},
    {"msclkid", paid, AD}, /* Microsoft */
    {"ttclid", paid, AD},  /* TikTok */
    {"twclid", paid, AD},  /* X */
    {"li_fat_id", paid, AD},
    {"rdt_cid", paid, AD}, /* Reddit */
    {"ScCid", paid, AD},   /* Snapchat */
    {"yclid", paid, AD},   /* Yandex */
    {"qclid", paid, AD},   /* Quora */
    {"irclickid", affiliate, AD},
    {"fbclid", social, CLICK},
    {"igsh", social, CLICK},
    {"igshid", social, CLICK},
    {"epik", social, CLICK}, /* Pinterest */
    {"mc_eid", email, CLICK},
    {"mc_cid", email, CLICK},
    {"_hsenc", email, CLICK},
    {"_hsmi", email, CLICK},
    {"vero_id", email, CLICK},
    {"ck_subscriber_id", email, CLICK},

    {"cpc", paid, MEDIUM},
    {"ppc", paid, MEDIUM},
    {"cpm", paid, MEDIUM},
    {"cpv", paid, MEDIUM},
    {"cpa", paid, MEDIUM},
    {"display", paid, MEDIUM},
    {"banner", paid, MEDIUM},
    {"retargeting", paid, MEDIUM},
    {"email", email, MEDIUM | SOURCE},
    {"e-mail", email, MEDIUM | SOURCE},
    {"e_mail", email, MEDIUM | SOURCE},
    {"newsletter", email, MEDIUM | SOURCE},
    {"affiliate", affiliate, MEDIUM},
    {"social", social, MEDIUM},
    {"social-network", social, MEDIUM},
    {"social-media", social, MEDIUM},
    {"social_network", social, MEDIUM},
    {"social_media", social, MEDIUM},
    {"sm", social, MEDIUM},
    {"organic", search, MEDIUM},

    {"mail.google.com", email, HOST},
    {"outlook.live.com", email, HOST},
    {"outlook.office.com", email, HOST},
    {"outlook.office365.com", email, HOST},
    {"mail.yahoo.com", email, HOST},
    {"mail.proton.me", email, HOST},
    {"app.fastmail.com", email, HOST},
    {"com.google.android.gm", email, HOST}, /* Gmail's app */
    {"chatgpt.com", assistant, SUFFIX},
    {"chat.openai.com", assistant, HOST},
    {"perplexity.ai", assistant, SUFFIX},
    {"claude.ai", assistant, SUFFIX},
    {"gemini.google.com", assistant, HOST},
    {"bard.google.com", assistant, HOST},
    {"copilot.microsoft.com", assistant, HOST},
    {"copilot.com", assistant, SUFFIX},
    {"chat.deepseek.com", assistant, HOST},
    {"chat.mistral.ai", assistant, HOST},
    {"grok.com", assistant, SUFFIX},
    {"meta.ai", assistant, SUFFIX},
    {"poe.com", assistant, SUFFIX},
    {"duck.ai", assistant, HOST},
    {"chatgpt", assistant, SOURCE},
    {"openai", assistant, SOURCE},
    {"perplexity", assistant, SOURCE},
    {"claude", assistant, SOURCE},
    {"gemini", assistant, SOURCE},
    {"copilot", assistant, SOURCE},
    {"x.com", social, HOST},
    {"t.co", social, HOST},
    {"news.ycombinator.com", social, HOST},
    {"facebook", social, SOURCE | LABEL},
    {"fb", social, SOURCE | LABEL},
    {"instagram", social, SOURCE | LABEL},
    {"linkedin", social, SOURCE | LABEL},
    {"lnkd", social, SOURCE | LABEL},
    {"twitter", social, SOURCE | LABEL},
    {"reddit", social, SOURCE | LABEL},
    {"youtube", social, SOURCE | LABEL},
    {"youtu", social, SOURCE | LABEL},
    {"tiktok", social, SOURCE | LABEL},
    {"pinterest", social, SOURCE | LABEL},
    {"threads", social, SOURCE | LABEL},
    {"bsky", social, SOURCE | LABEL},
    {"tumblr", social, SOURCE | LABEL},
    {"quora", social, SOURCE | LABEL},
    {"weibo", social, SOURCE | LABEL},
    {"vk", social, SOURCE | LABEL},
    {"mastodon", social, SOURCE | LABEL},
    {"search.brave.com", search, HOST},
    {"google", search, SOURCE | LABEL},
    {"bing", search, SOURCE | LABEL},
    {"duckduckgo", search, SOURCE | LABEL},
    {"yahoo", search, SOURCE | LABEL},
    {"baidu", search, SOURCE | LABEL},
    {"yandex", search, SOURCE | LABEL},
    {"ecosia", search, SOURCE | LABEL},
    {"startpage", search, SOURCE | LABEL},
    {"qwant", search, SOURCE | LABEL},
    {"kagi", search, SOURCE | LABEL},
    {"naver", search, SOURCE | LABEL},
    {"seznam", search, SOURCE | LABEL},
};
enum { WORDS = sizeof words / sizeof *words };

static const char *find_word(struct tr_slice text, unsigned where)
{
    for (size_t i = 0; i < WORDS; i++)
        if ((words[i].where & where) && tr_slice_is_nocase(text, words[i].text))
            return words[i].channel;
    return NULL;
}

static bool has_label(struct tr_slice host, const char *word)
{
    const char *end = host.data + host.size;
    const char *label = host.data;
    for (const char *at = label; at < end; at++) {
        if (*at != '.')
            continue;
        if (tr_slice_is_nocase(tr_slice(label, (size_t)(at - label)), word))
            return true;
        label = at + 1;
    }
    return false;
}

static bool ends_with(struct tr_slice host, const char *word)
{
    size_t size = strlen(word);
    if (host.size <= size || host.data[host.size - size - 1] != '.')
        return tr_slice_is_nocase(host, word);
    return strncasecmp(host.data + host.size - size, word, size) == 0;
}

static const char *from_host(struct tr_slice host)
{
    for (size_t i = 0; i < WORDS; i++) {
        const struct word *word = &words[i];
        if (((word->where & HOST) && tr_slice_is_nocase(host, word->text)) ||
            ((word->where & SUFFIX) && ends_with(host, word->text)) ||
            ((word->where & LABEL) && has_label(host, word->text)))
            return word->channel;
    }
    return NULL;
}

static const char *from_medium(struct tr_slice medium)
{
    if (medium.size >= 4 && strncasecmp(medium.data, "paid", 4) == 0)
        return paid;
    return find_word(medium, MEDIUM);
}

static const char *from_source(struct tr_slice source)
{
    const char *channel = find_word(source, SOURCE);
    return channel != NULL ? channel : from_host(source);
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

static const char *from_clicks(struct tr_slice query, unsigned where)
{
    for (size_t i = 0; query.data != NULL && i < WORDS; i++)
        if ((words[i].where & where) && tr_url_parameter(query, words[i].text).data != NULL)
            return words[i].channel;
    return NULL;
}

const char *tr_channel_derive(const struct tr_url *url, const struct tr_url *referrer)
{
    struct tr_slice query = url->query;
    const char *channel = from_clicks(query, AD);
    if (channel == NULL)
        channel = tr_channel_of_campaign(tr_url_parameter(query, "utm_source"),
                                         tr_url_parameter(query, "utm_medium"));
    if (channel == NULL)
        channel = from_clicks(query, CLICK);
    if (channel != NULL)
        return channel;
    if (referrer->host.size > 0) {
        if (tr_slice_equal(referrer->host, url->host))
            return NULL;
        channel = from_host(referrer->host);
        return channel != NULL ? channel : "referral";
    }
    return url->text.size > 0 ? "direct" : NULL;
}
