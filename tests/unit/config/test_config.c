/* SPDX-License-Identifier: MIT */
/* src/config: where values come from, what is refused, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "traction/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/traction-config-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    for (char **variable = environ; *variable != NULL;) {
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*variable, "="), *variable);
        if (strncmp(name, "TRACTION_", 9) == 0 && unsetenv(name) == 0)
            variable = environ; /* the list has moved */
        else
            variable++;
    }
    return mkdtemp(folder) == NULL || chdir(folder) < 0;
}

static int leave_folder(void **state)
{
    (void)state;
    unlink("traction.ini");
    return chdir("/") < 0 || rmdir(folder) < 0;
}

static int remove_file(void **state)
{
    (void)state;
    unlink("traction.ini");
    return 0;
}

static void write_file(const char *text, mode_t mode)
{
    FILE *file = fopen("traction.ini", "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod("traction.ini", mode), 0);
}

static struct tr_config *load(void)
{
    struct tr_config *config = NULL;
    struct tr_error error = TR_ERROR_INIT;
    if (tr_config_load(&config, NULL, &error) < 0)
        fail_msg("%s", error.message);
    return config;
}

static void expect_error(const char *text, const char *message)
{
    struct tr_config *config = NULL;
    struct tr_error error = TR_ERROR_INIT;
    write_file(text, 0600);
    assert_true(tr_config_load(&config, NULL, &error) < 0);
    assert_null(config);
    assert_string_equal(error.message, message);
}

static const char *origin_of(const struct tr_config *config, const char *key)
{
    static char origin[256];
    json_t *list = tr_config_json(config);
    size_t index;
    json_t *item;
    origin[0] = '\0';
    json_array_foreach(list, index, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "key")), key) == 0)
            snprintf(origin, sizeof origin, "%s",
                     json_string_value(json_object_get(item, "origin")));
    }
    json_decref(list);
    return origin;
}

static void test_defaults_are_the_modules(void **state)
{
    (void)state;
    TR_CLEANUP(tr_config_freep) struct tr_config *config = load();
    struct tr_http_options http;
    struct tr_spool_options spool;
    tr_http_options_init(&http);
    tr_spool_options_init(&spool);
    assert_int_equal(config->http.body_bytes, http.body_bytes);
    assert_int_equal(config->http.head_timeout_ms, http.head_timeout_ms);
    assert_int_equal(config->spool.limit_bytes, spool.limit_bytes);
    assert_string_equal(config->http.host, "127.0.0.1");
    assert_int_equal(config->http.port, 8080);
    assert_true(config->http.workers >= 1);
    assert_null(config->database_url);
    assert_null(tr_config_path(config));
    assert_string_equal(origin_of(config, "listen"), "default");
    assert_string_equal(config->auth.cache_path, "/var/lib/traction/spool/keys.cache");
}

static void test_file_then_environment_then_command_line(void **state)
{
    (void)state;
    struct tr_error error = TR_ERROR_INIT;
    write_file("# a comment\n"
               "[server]\n"
               "listen = [::1]:81 ; another\n"
               "drain_timeout = 1500ms\n"
               "[spool]\n"
               "directory=/srv/spool\n"
               "limit = 2GiB\n"
               "min_free_share = 12.5%\n"
               "ack = commit\n"
               "[limits]\n"
               "past = 2d\n",
               0644);
    setenv("TRACTION_SPOOL_LIMIT", "3 GiB", 1);
    setenv("TRACTION_DATABASE_URL", "postgresql://h/d", 1);
    setenv("TRACTION_SPOOL_KEEP", "", 1);    /* empty is absent */
    setenv("TRACTION_WRITE_KEY", "tw_1", 1); /* a command's own variable */
    TR_CLEANUP(tr_config_freep) struct tr_config *config = load();
    unsetenv("TRACTION_SPOOL_LIMIT");
    unsetenv("TRACTION_DATABASE_URL");
    unsetenv("TRACTION_SPOOL_KEEP");
    unsetenv("TRACTION_WRITE_KEY");
    assert_string_equal(config->http.host, "::1");
    assert_int_equal(config->http.port, 81);
    assert_int_equal(config->drain_timeout_ms, 1500);
    assert_true(config->spool.limit_bytes == 3ULL << 30);
    assert_true(config->spool.free_fraction > 0.1249 && config->spool.free_fraction < 0.1251);
    assert_int_equal(config->ack, TR_INTAKE_ACK_COMMIT);
    assert_true(config->event_limits.past_us == 2LL * 86400 * 1000000);
    assert_string_equal(config->auth.cache_path, "/srv/spool/keys.cache");
    assert_string_equal(config->auth.database_url, "postgresql://h/d");
    assert_string_equal(config->writer.database_url, "postgresql://h/d");
    assert_string_equal(origin_of(config, "drain_timeout"), "traction.ini:4");
    assert_string_equal(origin_of(config, "limit"), "environment TRACTION_SPOOL_LIMIT");
    assert_string_equal(origin_of(config, "keep"), "default");
    assert_int_equal(tr_config_set(config, "server", "listen", "10.0.0.1:0", "--listen", &error),
                     0);
    assert_string_equal(config->http.host, "10.0.0.1");
    assert_string_equal(origin_of(config, "listen"), "--listen");
    assert_int_equal(tr_config_set_default(config, "spool", "directory", "/other", "up", &error),
                     0);
    assert_string_equal(config->spool.directory, "/srv/spool");
}

static void test_mistakes_name_the_place(void **state)
{
    (void)state;
    expect_error("[server]\nlisen = 1\n", "traction.ini:2: there is no setting server.lisen");
    expect_error("\n[sever]\nlisten = 1\n", "traction.ini:3: there is no section [sever]");
    expect_error("listen = 1\n", "traction.ini:1: \"listen\" stands before any [section]");
    expect_error("[server]\nworkers = 1\n\nworkers = 2\n",
                 "traction.ini:4: server.workers is already set at traction.ini:2");
    expect_error("[server]\nnonsense\n", "traction.ini:2: expected [section] or key = value");
    expect_error("[spool]\nsegment = 2GiB\nlimit = 1GiB\n",
                 "spool.segment: expected at most spool.limit");
}

static void test_bad_values(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"[server]\nworkers = ", "-1"},
        {"[server]\nworkers = ", "1.5"},
        {"[server]\nworkers = ", "257"},
        {"[server]\nworkers = ", "99999999999999999999"},
        {"[server]\nlisten = ", "8080"},
        {"[server]\nlisten = ", "a.example:80"},
        {"[server]\nlisten = ", "1.2.3.4:70000"},
        {"[server]\nlisten = ", "::1:80"},
        {"[server]\nlisten = ", "1.2.3.4:"},
        {"[spool]\nlimit = ", "10GB"},
        {"[spool]\nlimit = ", "9223372036854775807TiB"},
        {"[spool]\nlimit = ", "GiB"},
        {"[spool]\nlimit = ", "1"},
        {"[limits]\nhead_timeout = ", "10"},
        {"[limits]\nhead_timeout = ", "1us"},
        {"[limits]\nhead_timeout = ", "2d"},
        {"[spool]\nkeep_time = ", "1500ms"},
        {"[spool]\nmin_free_share = ", "5 %"},
        {"[spool]\nmin_free_share = ", "nan"},
        {"[spool]\nmin_free_share = ", "1.5"},
        {"[spool]\nack = ", "never"},
        {"[spool]\ndirectory = ", "spool"},
        {"[log]\nlevel = ", "loud"},
        {"[privacy]\naddress = ", "hash"},
        {"[server]\ntrusted_proxies = ", "10.0.0.0/33"},
        {"[server]\nproxy_field = ", "x-real-ip"},
        {"[enrichment]\ngeoip = ", "countries.mmdb"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[128];
        struct tr_config *config = NULL;
        struct tr_error error = TR_ERROR_INIT;
        snprintf(text, sizeof text, "%s%s\n", bad[i][0], bad[i][1]);
        write_file(text, 0600);
        assert_int_equal(tr_config_load(&config, NULL, &error), -22);
        assert_non_null(strstr(error.message, "traction.ini:2: "));
        assert_non_null(strstr(error.message, "expected "));
    }
}

static void test_long_line_is_refused_not_cut(void **state)
{
    (void)state;
    char text[512] = "[database]\nurl = postgresql://h/";
    size_t size = strlen(text);
    memset(text + size, 'x', 300);
    memcpy(text + size + 300, "\n", 2);
    write_file(text, 0600);
    struct tr_config *config = NULL;
    struct tr_error error = TR_ERROR_INIT;
    assert_true(tr_config_load(&config, NULL, &error) < 0);
    assert_non_null(strstr(error.message, "traction.ini:2: longer than"));
}

static void test_unknown_variable(void **state)
{
    (void)state;
    struct tr_config *config = NULL;
    struct tr_error error = TR_ERROR_INIT;
    setenv("TRACTION_SERVER_LISTN", "1", 1);
    assert_true(tr_config_load(&config, NULL, &error) < 0);
    unsetenv("TRACTION_SERVER_LISTN");
    assert_string_equal(error.message, "environment: there is no setting TRACTION_SERVER_LISTN");
}

static void test_password_needs_a_private_file(void **state)
{
    (void)state;
    struct tr_config *config = NULL;
    struct tr_error error = TR_ERROR_INIT;
    write_file("[database]\nurl = postgresql://u:secret@h/d\n", 0644);
    assert_true(tr_config_load(&config, NULL, &error) < 0);
    assert_string_equal(error.hint, "Run: chmod 600 traction.ini");
    write_file("[database]\nurl = postgresql://u:secret@h/d\n", 0600);
    config = load();
    json_t *list = tr_config_json(config);
    char *text = json_dumps(list, 0);
    assert_null(strstr(text, "secret"));
    free(text);
    json_decref(list);
    tr_config_free(config);
}

static void test_passwords_are_hidden(void **state)
{
    (void)state;
    static const char *const urls[][2] = {
        {"postgresql://u:p@h/d", "postgresql://u:***@h/d"},
        {"postgresql://u:p:q@h/d", "postgresql://u:***@h/d"},
        {"postgresql://u:p@ss@h/d", "postgresql://u:***@h/d"},
        {"postgresql://u@h/d", "postgresql://u@h/d"},
        {"postgresql://h:5432/d", "postgresql://h:5432/d"},
        {"postgresql://h/d?password=p&x=1", "postgresql://h/d?password=***"},
        {"host=h password='p q' dbname=d", "host=h password=***"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char *shown = tr_config_redact(urls[i][0]);
        assert_string_equal(shown, urls[i][1]);
        free(shown);
    }
}

/* What is printed as a value reads back as the same value. */
static void test_values_survive_printing(void **state)
{
    (void)state;
    TR_CLEANUP(tr_config_freep) struct tr_config *config = load();
    TR_CLEANUP(tr_config_freep) struct tr_config *copy = load();
    struct tr_error error = TR_ERROR_INIT;
    json_t *list = tr_config_json(config);
    size_t index;
    json_t *item;
    json_array_foreach(list, index, item)
    {
        const char *value = json_string_value(json_object_get(item, "value"));
        if (value[0] != '\0' &&
            tr_config_set(copy, json_string_value(json_object_get(item, "section")),
                          json_string_value(json_object_get(item, "key")), value, "x", &error) < 0)
            fail_msg("%s", error.message);
    }
    assert_int_equal(copy->http.idle_timeout_ms, config->http.idle_timeout_ms);
    assert_true(copy->spool.segment_bytes == config->spool.segment_bytes);
    assert_true(copy->writer.dedupe_window_us == config->writer.dedupe_window_us);
    assert_true(copy->spool.free_fraction == config->spool.free_fraction);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_the_modules),
        cmocka_unit_test_teardown(test_file_then_environment_then_command_line, remove_file),
        cmocka_unit_test_teardown(test_mistakes_name_the_place, remove_file),
        cmocka_unit_test_teardown(test_bad_values, remove_file),
        cmocka_unit_test_teardown(test_long_line_is_refused_not_cut, remove_file),
        cmocka_unit_test(test_unknown_variable),
        cmocka_unit_test_teardown(test_password_needs_a_private_file, remove_file),
        cmocka_unit_test(test_passwords_are_hidden),
        cmocka_unit_test(test_values_survive_printing),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
