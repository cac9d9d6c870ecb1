/* SPDX-License-Identifier: MIT */
/*
 * Loading: defaults, then the file, then the environment, then what commands set. Every value is
 * checked when it is read, those that depend on each other once all are there.
 */
#include "config_priv.h"

#include <errno.h>
#include <ini.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every text and its origin, set a few times over. */
enum { ARENA_BYTES = 16 << 20, ORIGIN_BYTES = 512 };

static const char *const default_paths[] = {"traction.ini", "/etc/traction/traction.ini", NULL};

struct tr_config *tr_config_new(void)
{
    struct tr_config *config = tr_calloc(1, sizeof *config);
    config->private_ = tr_calloc(1, sizeof *config->private_);
    config->private_->arena = tr_arena_new(ARENA_BYTES);
    config->private_->origins = tr_calloc(tr_option_count, sizeof(char *));
    tr_http_options_init(&config->http);
    tr_spool_options_init(&config->spool);
    tr_writer_options_init(&config->writer);
    tr_event_limits_init(&config->event_limits);
    tr_alert_options_init(&config->alert);
    struct tr_intake_options intake;
    tr_intake_options_init(&intake);
    config->ack = (int)intake.ack;
    config->commit_timeout_ms = intake.commit_timeout_ms;
    config->events_per_second = intake.events_per_second;
    config->http.host = "127.0.0.1";
    config->http.port = 8080;
    config->http.workers = 0;
    config->spool.directory = "/var/lib/traction/spool";
    config->query_threads = 4;
    config->statement_timeout_ms = 10000;
    config->queries_per_key = 4;
    config->live_listeners = 2000;
    config->live_listeners_per_key = 1000;
    config->live_projects = 100;
    config->sign_in_attempts = 10;
    config->queries_waiting = 64;
    config->queries = 50;
    config->query_body_bytes = 64 << 10;
    config->drain_timeout_ms = 10000;
    config->privacy_address = TR_PRIVACY_ADDRESS_DROP;
    config->log_level = TR_LOG_INFO;
    return config;
}

void tr_config_free(struct tr_config *config)
{
    if (config == NULL)
        return;
    tr_arena_free(config->private_->arena);
    free(config->private_->path);
    free(config->private_->origins);
    free(config->private_);
    free(config);
}

static int set_option(struct tr_config *config, const struct tr_option *option, const char *value,
                      const char *origin, struct tr_error *error)
{
    struct tr_arena *arena = config->private_->arena;
    int result = tr_option_parse(option, value, config, arena, error);
    if (result < 0)
        return tr_error_prefix(error, "%s", origin);
    config->private_->origins[option - tr_options] =
        tr_arena_strndup(arena, origin, strlen(origin));
    return 0;
}

/* The file ------------------------------------------------------------------------------------ */

struct ini_source {
    struct tr_config *config;
    struct tr_error *error;
    const char *path;
    FILE *file;
    int line; /* of the line read last */
    int result;
};

/* inih cuts long lines in two and takes the rest for another setting: refuse them instead. */
static char *read_line(char *line, int size, void *stream)
{
    struct ini_source *source = stream;
    if (source->result < 0 || fgets(line, size, source->file) == NULL)
        return NULL;
    source->line++;
    if (strchr(line, '\n') == NULL && !feof(source->file)) {
        source->result = tr_error_set(source->error, -EINVAL, "%s:%d: longer than %d bytes",
                                      source->path, source->line, size - 2);
        tr_error_hint(source->error, "Set a long value in the environment instead, as "
                                     "TRACTION_<SECTION>_<KEY>.");
        return NULL;
    }
    return line;
}

static int unknown_setting(struct tr_error *error, const char *where, const char *section,
                           const char *key)
{
    if (section[0] == '\0')
        tr_error_set(error, -EINVAL, "%s: \"%.60s\" stands before any [section]", where, key);
    else if (!tr_option_section_exists(section))
        tr_error_set(error, -EINVAL, "%s: there is no section [%.60s]", where, section);
    else
        tr_error_set(error, -EINVAL, "%s: there is no setting %.60s.%.60s", where, section, key);
    return tr_error_hint(error, "\"traction doctor --config --markdown\" lists all settings.");
}

static int take_setting(struct ini_source *source, const char *section, const char *key,
                        const char *value)
{
    char origin[ORIGIN_BYTES];
    snprintf(origin, sizeof origin, "%s:%d", source->path, source->line);
    const struct tr_option *option = tr_option_find(section, key);
    if (option == NULL)
        return unknown_setting(source->error, origin, section, key);
    const char *earlier = source->config->private_->origins[option - tr_options];
    if (earlier != NULL)
        return tr_error_set(source->error, -EINVAL, "%s: %s.%s is already set at %s", origin,
                            section, key, earlier);
    return set_option(source->config, option, value, origin, source->error);
}

static int on_setting(void *context, const char *section, const char *key, const char *value)
{
    struct ini_source *source = context;
    if (source->result == 0)
        source->result = take_setting(source, section, key, value);
    return source->result == 0;
}

static bool has_password(const struct tr_config *config)
{
    if (config->alert.outbound.smtp_password != NULL)
        return true;
    if (config->database_url == NULL)
        return false;
    TR_CLEANUP(tr_freep) char *redacted = tr_config_redact(config->database_url);
    return strcmp(redacted, config->database_url) != 0;
}

/* A password that others may read is as good as none. */
static int check_mode(const struct tr_config *config, FILE *file, const char *path,
                      struct tr_error *error)
{
    struct stat status;
    if (!has_password(config) || fstat(fileno(file), &status) < 0 || (status.st_mode & 077) == 0)
        return 0;
    tr_error_set(error, -EACCES, "%s holds a password and may be read by others", path);
    return tr_error_hint(error, "Run: chmod 600 %s", path);
}

static int read_file(struct tr_config *config, const char *path, struct tr_error *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return tr_error_set(error, -errno, "could not open %s: %s", path, strerror(errno));
    config->private_->path = tr_strdup(path);
    struct ini_source source = {
        .config = config, .error = error, .path = path, .file = file, .result = 0};
    int bad_line = ini_parse_stream(read_line, &source, on_setting, &source);
    int result = source.result;
    if (result == 0 && ferror(file))
        result = tr_error_set(error, -EIO, "could not read %s", path);
    else if (result == 0 && bad_line != 0)
        result = tr_error_set(error, -EINVAL, "%s:%d: expected [section] or key = value", path,
                              bad_line);
    if (result == 0)
        result = check_mode(config, file, path, error);
    fclose(file);
    return result;
}

/* The environment ----------------------------------------------------------------------------- */

/* A variable of ours that is no setting: a misspelt one must not be overlooked. Variables of other
 * sections, such as TRACTION_WRITE_KEY, belong to the commands. */
static int check_variable(const char *variable, struct tr_error *error)
{
    size_t size = strcspn(variable, "=");
    for (size_t i = 0; i < tr_option_count; i++) {
        char name[128];
        tr_option_variable(&tr_options[i], name, sizeof name);
        if (strlen(name) == size && strncmp(name, variable, size) == 0)
            return 0;
    }
    for (size_t i = 0; i < tr_option_count; i++) {
        char name[128];
        tr_option_variable(&tr_options[i], name, sizeof name);
        size_t prefix = strlen("TRACTION__") + strlen(tr_options[i].section);
        if (strncmp(name, variable, prefix) != 0)
            continue;
        tr_error_set(error, -EINVAL, "environment: there is no setting %.*s",
                     (int)(size < 80 ? size : 80), variable);
        return tr_error_hint(error, "\"traction doctor --config --markdown\" lists all settings.");
    }
    return 0;
}

static int read_environment(struct tr_config *config, struct tr_error *error)
{
    for (char **variable = environ; *variable != NULL; variable++) {
        int result = strncmp(*variable, "TRACTION_", 9) == 0 ? check_variable(*variable, error) : 0;
        if (result < 0)
            return result;
    }
    for (size_t i = 0; i < tr_option_count; i++) {
        char name[128];
        tr_option_variable(&tr_options[i], name, sizeof name);
        const char *value = getenv(name);
        if (value == NULL || value[0] == '\0')
            continue;
        char origin[ORIGIN_BYTES];
        snprintf(origin, sizeof origin, "environment %s", name);
        int result = set_option(config, &tr_options[i], value, origin, error);
        if (result < 0)
            return result;
    }
    return 0;
}

/* All together -------------------------------------------------------------------------------- */

static int count_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

/* What one setting gives to several modules, and defaults that depend on another setting. */
static void derive(struct tr_config *config)
{
    config->auth.database_url = config->database_url;
    config->writer.database_url = config->database_url;
    if (config->http.workers == 0)
        config->http.workers = count_cores();
    const struct tr_option *cache = tr_option_find("database", "key_cache");
    if (config->private_->origins[cache - tr_options] == NULL)
        config->auth.cache_path =
            tr_arena_printf(config->private_->arena, "%s/keys.cache", config->spool.directory);
    config->alert.database_url = config->database_url;
    if (config->alert.cache_path == NULL)
        config->alert.cache_path =
            tr_arena_printf(config->private_->arena, "%s/alerts.cache", config->spool.directory);
}

static int check_together(const struct tr_config *config, struct tr_error *error)
{
    if (config->spool.segment_bytes > config->spool.limit_bytes)
        return tr_error_set(error, -EINVAL, "spool.segment: expected at most spool.limit");
    if (config->http.body_bytes > config->http.body_memory_bytes)
        return tr_error_set(error, -EINVAL, "limits.body: expected at most limits.body_memory");
    if (config->http.request_line_bytes > config->http.head_bytes)
        return tr_error_set(error, -EINVAL, "limits.request_line: expected at most limits.head");
    if (config->event_limits.properties_bytes > config->http.body_bytes)
        return tr_error_set(error, -EINVAL, "limits.properties: expected at most limits.body");
    return 0;
}

int tr_config_load(struct tr_config **config_out, const char *path, struct tr_error *error)
{
    TR_CLEANUP(tr_config_freep) struct tr_config *config = tr_config_new();
    for (size_t i = 0; path == NULL && default_paths[i] != NULL; i++)
        if (access(default_paths[i], F_OK) == 0)
            path = default_paths[i];
    int result = path != NULL ? read_file(config, path, error) : 0;
    if (result == 0)
        result = read_environment(config, error);
    if (result == 0) {
        derive(config);
        result = check_together(config, error);
    }
    if (result < 0)
        return result;
    *config_out = TR_TAKE(config);
    return 0;
}

int tr_config_set(struct tr_config *config, const char *section, const char *key, const char *value,
                  const char *origin, struct tr_error *error)
{
    const struct tr_option *option = tr_option_find(section, key);
    if (option == NULL)
        return unknown_setting(error, origin, section, key);
    int result = set_option(config, option, value, origin, error);
    if (result < 0)
        return result;
    derive(config);
    return check_together(config, error);
}

int tr_config_set_default(struct tr_config *config, const char *section, const char *key,
                          const char *value, const char *origin, struct tr_error *error)
{
    const struct tr_option *option = tr_option_find(section, key);
    if (option != NULL && config->private_->origins[option - tr_options] != NULL)
        return 0;
    return tr_config_set(config, section, key, value, origin, error);
}

const char *tr_config_path(const struct tr_config *config)
{
    return config->private_->path;
}
