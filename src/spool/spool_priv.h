/* SPDX-License-Identifier: MIT */
/* Shared by the files of src/spool only. README.md here describes the files on disk. */
#pragma once

#include "traction/spool.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

enum {
    SEGMENT_HEADER_BYTES = 64,
    FRAME_HEADER_BYTES = 48,
    FRAME_MAX_BYTES =
        16 << 20, /* of payload; nothing larger is written, so nothing larger is read */
};

/* What a frame begins with. */
#define FRAME_MAGIC "TRr1"

/* A frame's header, decoded. */
struct frame {
    uint32_t length; /* of the payload */
    uint32_t payload_crc;
    uint64_t position;
    int64_t received_us;
    uint64_t tag;
    uint32_t label;
};

/* Fills in what only the spool knows; the header must have been left by tr_spool_frame_end(). */
void tr_frame_place(char *header, uint64_t position);
/* The payload's length of a frame that tr_spool_frame_end() left. */
uint32_t tr_frame_length(const char *header);
/* False unless the header is whole, says this position, and its checksum fits. */
bool tr_frame_decode(const char *header, uint64_t position, struct frame *frame_out);
bool tr_frame_payload_good(const struct frame *frame, const char *payload);

struct segment {
    struct segment *next;
    uint64_t start; /* position of the first byte after the header */
    uint64_t end;   /* of the byte after the last durable one */
    bool sealed;
    time_t sealed_at;
    char name[40]; /* below the spool's directory */
};

struct ticket_list {
    struct tr_spool_ticket *first;
    struct tr_spool_ticket *last;
};

/* The last count that was asked for: the next one only looks at what has changed. */
struct counted {
    pthread_mutex_t lock;
    uint32_t label;
    uint64_t from;
    uint64_t to;
    uint64_t count;
};

struct tr_spool {
    struct tr_spool_options options;
    struct counted counted;
    char *directory;
    uint8_t uuid[16];
    int lock_fd;

    pthread_mutex_t lock;
    pthread_cond_t work;    /* something was handed over, landed or asked to stop */
    pthread_cond_t durable; /* durable or woken changed */

    /* guarded by lock */
    struct segment *segments; /* oldest first */
    struct segment *current;  /* the last one, open for writing; NULL: none */
    struct tr_buf pending;
    struct ticket_list tickets; /* of pending */
    uint64_t next_position;     /* what the next frame gets */
    uint64_t durable_position;
    uint64_t landed_position;
    uint64_t advance_position; /* 0: nothing to do */
    uint64_t damaged;
    const char *disk_full; /* reason, or NULL */
    int failed;
    bool running;
    bool stopping;
    bool woken;
    unsigned readers; /* those reading a segment; its file is not removed meanwhile */

    /* the spool thread's own */
    pthread_t thread;
    struct tr_buf writing;
    int fd; /* of current */
    int64_t space_checked_us;
};

/* Segment files (segment.c). Paths are freshly allocated. */
char *tr_segment_path(const struct tr_spool *spool, const struct segment *segment);
int tr_segment_create(struct tr_spool *spool, uint64_t start, struct segment **segment_out,
                      int *fd_out, struct tr_error *error);
/* Reads the directory, checks headers, finds the last segment's end, cuts its tail. */
int tr_segments_recover(struct tr_spool *spool, struct tr_error *error);

/* Walks frames of a stretch of one segment (scan.c). */
struct scan {
    int fd;
    const char *name;
    uint64_t start;    /* position of the segment */
    uint64_t position; /* of the next frame */
    uint64_t end;      /* nothing at or after this is looked at */
    char *data;        /* bytes [loaded, loaded + size) of the segment's positions */
    size_t capacity;
    uint64_t loaded;
    size_t size;
    uint64_t damaged; /* stretches skipped */
    bool check_payload;
};
enum { SCAN_FRAME = 1 };
void tr_scan_init(struct scan *scan, int fd, const char *name, uint64_t start, uint64_t from,
                  uint64_t end);
void tr_scan_fini(struct scan *scan);
/* SCAN_FRAME: *frame_out and *payload_out (borrowed until the next call; NULL data without
 * check_payload) are set; 0: no more valid frames before end. */
int tr_scan_next(struct scan *scan, struct frame *frame_out, struct tr_slice *payload_out,
                 struct tr_error *error);
