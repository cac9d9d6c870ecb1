/* SPDX-License-Identifier: MIT */
/*
 * What is told of the sender before an event is encoded: agent, country, what is stored of the
 * address. Done when the first event of a request is there, and again when a protocol names another
 * User-Agent or address for the next one.
 */
#include "intake_priv.h"

#include "traction/base/clock.h"
#include "traction/base/log.h"

#include <stdlib.h>

enum { REFRESH_S = 10, KEPT_BITS_V4 = 24, KEPT_BITS_V6 = 48 };

/* Each worker has a reader of its own, which ends with the thread. */
static void free_reader(void *reader)
{
    tr_agent_reader_free(reader);
}

static struct tr_agent_reader *reader_of(struct tr_intake *intake)
{
    struct tr_agent_reader *reader = pthread_getspecific(intake->reader_key);
    if (reader != NULL)
        return reader;
    reader = tr_agent_reader_new(intake->agent_rules);
    if (pthread_setspecific(intake->reader_key, reader) != 0)
        abort();
    return reader;
}

/* Client hints are the browser's that sent the request: they say nothing about another. */
static void read_agent(struct door *door, struct tr_slice user_agent)
{
    struct tr_agent_fields fields = {.user_agent = user_agent};
    const struct tr_http_request *request = door->request;
    if (tr_slice_equal(user_agent, tr_http_field(request, "user-agent"))) {
        fields.brands = tr_http_field(request, "sec-ch-ua");
        fields.mobile = tr_http_field(request, "sec-ch-ua-mobile");
        fields.platform = tr_http_field(request, "sec-ch-ua-platform");
    }
    door->agent = *tr_agent_read(reader_of(door->intake), &fields);
    door->sender.agent = &door->agent;
}

static void read_address(struct door *door, const struct tr_address *address)
{
    const struct tr_intake *intake = door->intake;
    struct tr_event_sender *sender = &door->sender;
    sender->country = TR_SLICE_NONE;
    if (intake->geo != NULL && address->size > 0 &&
        tr_geo_country(intake->geo, tr_address_slice(address), door->country))
        sender->country = tr_slice(door->country, 2);
    sender->kept.size = 0;
    if (intake->options.address == TR_PRIVACY_ADDRESS_DROP || address->size == 0)
        return;
    sender->kept = *address;
    sender->kept_bits = address->size * 8;
    if (intake->options.address == TR_PRIVACY_ADDRESS_TRUNCATE)
        sender->kept_bits = address->size == 4 ? KEPT_BITS_V4 : KEPT_BITS_V6;
    tr_address_mask(&sender->kept, sender->kept_bits);
}

/* Absent texts are equal to empty ones, but nothing was read yet. */
void tr_door_enrich(struct door *door)
{
    struct tr_slice user_agent = door->sender.user_agent;
    bool same_agent = door->enriched && user_agent.data == door->enriched_agent.data &&
                      user_agent.size == door->enriched_agent.size;
    bool same_address =
        door->enriched && memcmp(&door->client, &door->enriched_address, sizeof door->client) == 0;
    if (!same_agent)
        read_agent(door, user_agent);
    if (!same_address)
        read_address(door, &door->client);
    door->sender.address = tr_address_slice(&door->client);
    door->enriched_agent = user_agent;
    door->enriched_address = door->client;
    door->enriched = true;
}

/* What outlives requests ---------------------------------------------------------------------- */

void tr_intake_refresh(struct tr_intake *intake)
{
    int64_t now_us = tr_clock_mono_us();
    struct tr_error error = TR_ERROR_INIT;
    if (intake->geo == NULL || now_us < intake->refresh_us)
        return;
    intake->refresh_us = now_us + (int64_t)REFRESH_S * 1000000;
    int result = tr_geo_refresh(intake->geo, &error);
    if (result == TR_GEO_READ)
        tr_log(TR_LOG_INFO, "countries: the database of addresses was read");
    else if (result < 0)
        tr_log(TR_LOG_WARNING, "countries: %s", error.message);
}

int tr_intake_enrich_init(struct tr_intake *intake, struct tr_error *error)
{
    int failed = pthread_key_create(&intake->reader_key, free_reader);
    if (failed != 0)
        return tr_error_set(error, -failed, "could not make a key: %s", strerror(failed));
    intake->agent_rules = tr_agent_rules_new();
    if (intake->options.geoip_path != NULL)
        intake->geo = tr_geo_new(intake->options.geoip_path);
    tr_intake_refresh(intake);
    return 0;
}

void tr_intake_enrich_fini(struct tr_intake *intake)
{
    tr_agent_reader_free(pthread_getspecific(intake->reader_key)); /* should this be a worker */
    pthread_key_delete(intake->reader_key);
    tr_agent_rules_free(intake->agent_rules);
    tr_geo_free(intake->geo);
}
