/* SPDX-License-Identifier: MIT */
/*
 * What a batch holds of the last minutes, as a note for those who watch (src/live reads it): one
 * row a project, of a size that does not depend on the batch's. Bots are left out, as in all
 * rollups.
 */
#include "writer_priv.h"

#include "traction/base/clock.h"
#include "traction/base/hash.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

enum {
    PROJECTS = 4096, /* a batch; of others nothing is noted */
    WINDOW_S = 360,  /* older events are not noted: readers show five minutes */
    MINUTES = 31,    /* of page views */
    KEYS = 50,       /* names, and pages, the largest */
    KEY_BYTES = 200, /* of a page's path */
    NEWEST = 10,     /* events */
    NEWEST_AGE_S = 60,
    PEOPLE = 4096, /* beyond, a sample of them */
    PERSON_BYTES = 20,
    WHO_BYTES = 8,
    PROPERTIES_BYTES = 4096, /* larger ones are left out */
    NOTE_BYTES = 1 << 20
};

struct second {
    uint32_t events;
    uint32_t requests;
    uint32_t failures;
    uint32_t errors;
};

/* A name with its kind before it, or a path. */
struct key_count {
    struct table_entry entry;
    struct tr_slice key;
    int64_t n;
};

struct seen {
    struct table_entry entry;
    uint8_t person[16];
    int64_t last_s;
};

struct note {
    struct table_entry entry;
    int32_t project_id;
    struct second seconds[WINDOW_S]; /* by age */
    int64_t minutes[MINUTES];        /* page views, by age */
    struct table names;
    struct table pages;
    struct table people;
    const struct item *newest[NEWEST]; /* the newest first */
    size_t newest_count;
    bool identified;
    bool any; /* something of the window */
    struct tr_buf json;
    struct tr_buf packed; /* people */
    int level;
    struct note *next;
};

struct notes {
    struct tr_arena *arena;
    int64_t now_s;
    struct table by_project;
    struct note *all;
    struct note *last; /* found */
};

/* Gathering ------------------------------------------------------------------------------------ */

static struct note *note_of(struct notes *notes, int32_t project_id)
{
    if (notes->last != NULL && notes->last->project_id == project_id)
        return notes->last;
    struct note *note = tr_table_find(&notes->by_project, &project_id, sizeof project_id);
    if (note == NULL) {
        if (tr_table_count(&notes->by_project) == PROJECTS)
            return NULL;
        note = tr_arena_calloc(notes->arena, sizeof *note);
        note->project_id = project_id;
        note->names.arena = note->pages.arena = note->people.arena = notes->arena;
        tr_table_add(&notes->by_project, &note->entry, &note->project_id, sizeof project_id);
        note->next = notes->all;
        notes->all = note;
    }
    notes->last = note;
    return note;
}

static void count_key(struct notes *notes, struct table *table, struct tr_slice key)
{
    struct key_count *count = tr_table_find(table, key.data, key.size);
    if (count == NULL) {
        count = tr_arena_calloc(notes->arena, sizeof *count);
        count->key = tr_arena_dup(notes->arena, key);
        tr_table_add(table, &count->entry, count->key.data, key.size);
    }
    count->n++;
}

static void count_name(struct notes *notes, struct note *note, const struct tr_record *record)
{
    char key[1 + KEY_BYTES] = {(char)record->kind};
    struct tr_slice name = tr_text_truncate(record->name, KEY_BYTES);
    memcpy(key + 1, name.data, name.size);
    count_key(notes, &note->names, tr_slice(key, 1 + name.size));
}

static void see_person(struct notes *notes, struct note *note, const struct item *item,
                       int64_t at_s)
{
    struct seen *seen = tr_table_find(&note->people, item->person, sizeof item->person);
    if (seen == NULL) {
        seen = tr_arena_calloc(notes->arena, sizeof *seen);
        memcpy(seen->person, item->person, sizeof seen->person);
        tr_table_add(&note->people, &seen->entry, seen->person, sizeof seen->person);
    }
    if (at_s > seen->last_s)
        seen->last_s = at_s;
}

/* What happened in the window, by the event's own time. */
static void count_happened(struct notes *notes, struct note *note, const struct item *item,
                           int64_t at_s)
{
    int64_t age_s = notes->now_s - at_s;
    bool is_view = tr_slice_is(item->record.name, "page_view");
    int64_t minute = notes->now_s / 60 - at_s / 60;
    if (is_view && minute < MINUTES)
        note->minutes[minute]++;
    if (age_s >= WINDOW_S)
        return;
    note->any = true;
    struct second *second = &note->seconds[age_s];
    second->requests += item->standard == STANDARD_API_REQUEST;
    second->failures += item->standard == STANDARD_API_REQUEST && item->record.status >= 500;
    second->errors += item->standard == STANDARD_ERROR;
    if (is_view && item->record.path.data != NULL)
        count_key(notes, &note->pages, tr_text_truncate(item->record.path, KEY_BYTES));
    if (item->record.kind == TR_EVENT_ENGAGEMENT)
        see_person(notes, note, item, at_s);
}

static int64_t no_later(int64_t us, int64_t now_s)
{
    int64_t s = us / 1000000;
    return s < now_s ? s : now_s;
}

static void note_item(struct notes *notes, const struct item *item)
{
    const struct tr_record *record = &item->record;
    int64_t received_s = no_later(record->received_us, notes->now_s);
    int64_t at_s = no_later(record->timestamp_us, received_s);
    int64_t age_s = notes->now_s - received_s;
    if (notes->now_s - at_s >= INT64_C(60) * MINUTES && age_s >= WINDOW_S)
        return;
    struct note *note = note_of(notes, record->project_id);
    if (note == NULL)
        return;
    count_happened(notes, note, item, at_s);
    if (age_s >= WINDOW_S)
        return;
    note->any = true;
    note->seconds[age_s].events++;
    count_name(notes, note, record);
    if (tr_slice_is(record->name, "identify") || tr_slice_is(record->name, "alias"))
        note->identified = true;
    if (age_s <= NEWEST_AGE_S && note->newest_count < NEWEST)
        note->newest[note->newest_count++] = item;
}

struct notes *tr_notes_gather(const struct landing *landing)
{
    struct notes *notes = tr_arena_calloc(landing->arena, sizeof *notes);
    notes->arena = landing->arena;
    notes->by_project.arena = landing->arena;
    notes->now_s = tr_clock_wall_us() / 1000000;
    for (size_t i = landing->count; i > 0; i--)
        if (tr_item_counts(&landing->items[i - 1]))
            note_item(notes, &landing->items[i - 1]);
    return notes;
}

/* Writing -------------------------------------------------------------------------------------- */

static void append_seconds(struct tr_buf *out, const struct notes *notes, const struct note *note)
{
    const char *comma = "";
    tr_buf_append_text(out, "{\"seconds\":[");
    for (int age = WINDOW_S - 1; age >= 0; age--) {
        const struct second *second = &note->seconds[age];
        if (second->events + second->requests + second->errors == 0)
            continue;
        tr_buf_printf(out, "%s[%" PRId64 ",%u,%u,%u,%u]", comma, notes->now_s - age, second->events,
                      second->requests, second->failures, second->errors);
        comma = ",";
    }
}

static int compare_counts(const void *a, const void *b)
{
    const struct key_count *one = *(const struct key_count *const *)a;
    const struct key_count *two = *(const struct key_count *const *)b;
    return (one->n < two->n) - (one->n > two->n);
}

/* The largest; *count_out of them, in the arena. */
static const struct key_count **largest(const struct notes *notes, const struct table *table,
                                        size_t *count_out)
{
    size_t count = tr_table_count(table);
    const struct key_count **list =
        tr_arena_alloc(notes->arena, (count + 1) * sizeof(struct key_count *));
    size_t at = 0;
    for (struct table_entry *entry = table->first; entry != NULL; entry = entry->hh.next)
        list[at++] = (const struct key_count *)entry;
    qsort(list, count, sizeof(struct key_count *), compare_counts);
    *count_out = count < KEYS ? count : KEYS;
    return list;
}

static void append_names(struct tr_buf *out, const struct notes *notes, const struct note *note)
{
    size_t count = 0;
    const struct key_count **list = largest(notes, &note->names, &count);
    tr_buf_append_text(out, "],\"names\":[");
    for (size_t i = 0; i < count; i++) {
        struct tr_slice key = list[i]->key;
        tr_buf_printf(out, "%s[\"%c\",", i > 0 ? "," : "", key.data[0]);
        tr_json_append_string(out, tr_slice(key.data + 1, key.size - 1));
        tr_buf_printf(out, ",%" PRId64 "]", list[i]->n);
    }
}

static void append_pages(struct tr_buf *out, const struct notes *notes, const struct note *note)
{
    size_t count = 0;
    const struct key_count **list = largest(notes, &note->pages, &count);
    tr_buf_append_text(out, "],\"pages\":[");
    for (size_t i = 0; i < count; i++) {
        tr_buf_append_text(out, i > 0 ? ",[" : "[");
        tr_json_append_string(out, list[i]->key);
        tr_buf_printf(out, ",%" PRId64 "]", list[i]->n);
    }
}

static void append_text(struct tr_buf *out, struct tr_slice text)
{
    tr_buf_append_text(out, ",");
    if (text.data == NULL)
        tr_buf_append_text(out, "null");
    else
        tr_json_append_string(out, tr_text_truncate(text, KEY_BYTES));
}

/* Enough to follow somebody, too little to know who it is. */
static void append_who(struct tr_buf *out, const struct tr_record *record)
{
    struct tr_slice id = record->user.data != NULL ? record->user : record->anonymous;
    char hex[2 * sizeof record->person + 1];
    char shown[WHO_BYTES + sizeof "…"];
    if (id.data == NULL) {
        tr_hex(record->person, sizeof record->person, hex);
        id = tr_slice_of(hex);
    }
    struct tr_slice cut = tr_text_truncate(id, WHO_BYTES);
    memcpy(shown, cut.data, cut.size);
    size_t size = cut.size;
    if (cut.size < id.size) {
        memcpy(shown + size, "…", sizeof "…" - 1);
        size += sizeof "…" - 1;
    }
    append_text(out, tr_slice(shown, size));
}

static void append_event(struct tr_buf *out, const struct tr_record *record)
{
    tr_buf_printf(out, "[%" PRId64 ",\"%c\"", record->timestamp_us, (char)record->kind);
    append_text(out, record->name);
    append_text(out, record->path);
    append_text(out, record->route);
    append_text(out, record->country);
    append_who(out, record);
    tr_buf_append_text(out, ",");
    if (record->properties.size == 0 || record->properties.size > PROPERTIES_BYTES)
        tr_buf_append_text(out, "null");
    else
        tr_buf_append_slice(out, record->properties);
    tr_buf_append_text(out, "]");
}

static void append_events(struct tr_buf *out, const struct note *note)
{
    tr_buf_printf(out, "],\"identified\":%s,\"events\":[", note->identified ? "true" : "false");
    for (size_t i = note->newest_count; i > 0; i--) {
        append_event(out, &note->newest[i - 1]->record);
        tr_buf_append_text(out, i > 1 ? "," : "");
    }
    tr_buf_append_text(out, "]}");
}

static int zero_bits(const uint8_t person[16])
{
    uint64_t bits;
    memcpy(&bits, person, sizeof bits);
    return bits == 0 ? 64 : __builtin_clzll(be64toh(bits));
}

/* The lowest level at which no more than PEOPLE are left. */
static int level_of(const struct note *note)
{
    size_t at_least[66] = {0};
    for (struct table_entry *entry = note->people.first; entry != NULL; entry = entry->hh.next)
        at_least[zero_bits(((struct seen *)entry)->person)]++;
    for (int level = 63; level >= 0; level--)
        at_least[level] += at_least[level + 1];
    int level = 0;
    while (at_least[level] > PEOPLE)
        level++;
    return level;
}

static void pack_people(struct note *note)
{
    note->level = level_of(note);
    for (struct table_entry *entry = note->people.first; entry != NULL; entry = entry->hh.next) {
        const struct seen *seen = (struct seen *)entry;
        if (zero_bits(seen->person) < note->level)
            continue;
        tr_buf_append(&note->packed, seen->person, sizeof seen->person);
        tr_buf_append_be32(&note->packed, (uint32_t)seen->last_s);
    }
}

static void write_note(const struct notes *notes, struct note *note)
{
    tr_buf_init(&note->json, NOTE_BYTES);
    tr_buf_init(&note->packed, (size_t)PEOPLE * PERSON_BYTES);
    append_seconds(&note->json, notes, note);
    append_names(&note->json, notes, note);
    append_pages(&note->json, notes, note);
    append_events(&note->json, note);
    pack_people(note);
}

/* Storing -------------------------------------------------------------------------------------- */

static void bind_notes(const struct notes *notes, struct tr_pg_params *params)
{
    tr_pg_array_begin(params, TR_PG_INT4);
    for (const struct note *note = notes->all; note != NULL; note = note->next)
        if (note->any)
            tr_pg_array_int(params, note->project_id);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_TEXT);
    for (const struct note *note = notes->all; note != NULL; note = note->next)
        if (note->any)
            tr_pg_array_bytes(params, note->json.data, note->json.size);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_BYTEA);
    for (const struct note *note = notes->all; note != NULL; note = note->next)
        if (note->any)
            tr_pg_array_bytes(params, note->packed.data, note->packed.size);
    tr_pg_array_end(params);
    tr_pg_array_begin(params, TR_PG_INT4);
    for (const struct note *note = notes->all; note != NULL; note = note->next)
        if (note->any)
            tr_pg_array_int(params, note->level);
    tr_pg_array_end(params);
}

static void bind_minutes(const struct notes *notes, struct tr_pg_params *params,
                         enum tr_pg_type type,
                         int64_t (*get)(const struct notes *, const struct note *, int age))
{
    tr_pg_array_begin(params, type);
    for (const struct note *note = notes->all; note != NULL; note = note->next)
        for (int age = 0; age < MINUTES; age++)
            if (note->minutes[age] > 0)
                tr_pg_array_int(params, get(notes, note, age));
    tr_pg_array_end(params);
}

static int64_t get_project(const struct notes *notes, const struct note *note, int age)
{
    (void)notes;
    (void)age;
    return note->project_id;
}

static int64_t get_minute(const struct notes *notes, const struct note *note, int age)
{
    (void)note;
    return (notes->now_s / 60 - age) * 60 * INT64_C(1000000);
}

static int64_t get_views(const struct notes *notes, const struct note *note, int age)
{
    (void)notes;
    return note->minutes[age];
}

static void drop_texts(struct notes *notes)
{
    for (struct note *note = notes->all; note != NULL; note = note->next) {
        tr_buf_fini(&note->json);
        tr_buf_fini(&note->packed);
    }
}

int tr_notes_store(struct notes *notes, struct landing *landing, int64_t run,
                   struct tr_error *error)
{
    if (notes->all == NULL)
        return 0;
    for (struct note *note = notes->all; note != NULL; note = note->next)
        write_note(notes, note);
    struct tr_pg_params *params = landing->params;
    tr_pg_params_clear(params);
    tr_pg_bind_int8(params, run);
    bind_notes(notes, params);
    bind_minutes(notes, params, TR_PG_INT4, get_project);
    bind_minutes(notes, params, TR_PG_TIMESTAMPTZ, get_minute);
    bind_minutes(notes, params, TR_PG_INT8, get_views);
    drop_texts(notes);
    return tr_pg_query(landing->pg, tr_pg_sql("queries/writer/add_notes"), params, NULL, error);
}
