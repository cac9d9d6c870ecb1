/* SPDX-License-Identifier: MIT */
/*
 * src/kpi/statement.c: every query of every KPI can be put together, and nothing that a question
 * says is ever part of one.
 */
#include "ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct tr_arena *arena;
static struct tr_kpi_question question;

#define HOSTILE "x'); drop table traction.event; --{where}:project$1"

static void check_sql(const char *sql)
{
    assert_null(strchr(sql, '{'));
    assert_null(strstr(sql, "drop table"));
    assert_null(strstr(sql, "--"));
    for (const char *at = strchr(sql, ':'); at != NULL; at = strchr(at + 2, ':'))
        if (at[1] != ':' && at[1] != '\'' && at[1] != '%' && at[1] != ' ')
            fail_msg("a parameter was left: %.20s", at);
}

static void build(const struct tr_kpi_scope *scope)
{
    struct tr_buf sql;
    struct tr_pg_params *params = tr_pg_params_new();
    tr_buf_init(&sql, 1 << 20);
    tr_kpi_build(scope, &sql, params);
    check_sql(sql.data);
    tr_pg_params_free(params);
    tr_buf_fini(&sql);
}

static void build_fragment(const char *fragment)
{
    static const struct tr_kpi_range range = {.bucket_count = 0};
    struct tr_kpi_plan plan = {.fragment = fragment, .grain = 'q'};
    if (plan.fragment == NULL)
        return;
    for (int bits = 0; bits < 4; bits++) {
        struct tr_kpi_scope scope = {
            .question = &question,
            .range = &range,
            .plan = &plan,
            .series = bits & 1,
            .groups = bits & 2 && question.by.fragment != NULL,
        };
        build(&scope);
    }
}

static void build_all(bool rollup)
{
    build_fragment(tr_kpi_fragment(&question, rollup));
    if (rollup)
        build_fragment(tr_kpi_stored_fragment(&question, "facts"));
}

static bool takes(const struct tr_kpi_entry *entry, const char *dimension)
{
    bool fixed = entry->by != NULL && !entry->by_any;
    return !fixed && (entry->only_by == NULL || strcmp(dimension + 3, entry->only_by) == 0);
}

static void test_every_query(void **state)
{
    (void)state;
    static const char *const dimensions[] = {
#define X(name) "by=" #name,
        TR_KPI_DIMENSIONS(X)
#undef X
            "by=properties." HOSTILE};
    for (size_t kpi = 0; kpi < tr_kpi_entry_count; kpi++) {
        bool steps = tr_kpi_entries[kpi].takes & TR_KPI_TAKES_STEPS;
        const char *more = steps ? "steps=a,b,c," HOSTILE : "from=-7d";
        assert_int_equal(ASK(arena, &question, tr_kpi_entries[kpi].name, more), 0);
        build_all(true);
        build_all(false);
        for (size_t i = 0; i < sizeof dimensions / sizeof *dimensions; i++) {
            if (!takes(&tr_kpi_entries[kpi], dimensions[i]))
                continue;
            assert_int_equal(ASK(arena, &question, tr_kpi_entries[kpi].name, dimensions[i], more),
                             0);
            build_all(true);
            build_all(false);
        }
    }
}

/* As many parameters as a question can have. */
static void test_largest(void **state)
{
    (void)state;
    static const char *const names[] = {"event_count", "conversion_rate", "revenue", "time_on_site",
                                        "load_time"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *const texts[] = {"by=properties." HOSTILE,
                                     "where=properties.a" HOSTILE,
                                     "where=properties.b:" HOSTILE,
                                     "where=!properties.c:" HOSTILE,
                                     "where=properties.d~" HOSTILE,
                                     "where=!properties.e~" HOSTILE,
                                     "where=properties.f:" HOSTILE,
                                     "where=name:" HOSTILE "|" HOSTILE,
                                     "where=properties.h:" HOSTILE,
                                     i == 0   ? "name=" HOSTILE
                                     : i == 1 ? "goal=" HOSTILE
                                              : NULL,
                                     NULL};
        assert_int_equal(ask(arena, names[i], texts, &question), 0);
        build_all(false);
    }
}

static int set_up(void **state)
{
    (void)state;
    arena = tr_arena_new(TR_KPI_ARENA_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tr_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_query),
        cmocka_unit_test(test_largest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
