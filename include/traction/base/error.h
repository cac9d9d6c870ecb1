/* SPDX-License-Identifier: MIT */
/*
 * Errors are values. A function that can fail takes a struct tr_error, owned by its caller, as its
 * last parameter and returns an int:
 *
 *   0    done; outputs are set
 *   < 0  failed: a negative errno; error is filled, outputs are untouched; forward it unchanged
 *   > 0  an outcome the function's header documents; the direct caller handles it
 *
 * A function either returns an error or logs it, never both.
 */
#pragma once

struct tr_error {
    int code;          /* negative errno, 0 while unset */
    char message[512]; /* lower case, one line, states the fact */
    char hint[256];    /* a sentence that says what to do; empty when there is nothing to say */
};

#define TR_ERROR_INIT ((struct tr_error){0})

/* Fills error (which may be NULL) and returns code, so that "return tr_error_set(...)" reads well.
 */
int tr_error_set(struct tr_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds the sentence that says what to do next. Returns error->code; -EIO if error is NULL. */
int tr_error_hint(struct tr_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the message. Returns error->code; -EIO if error is NULL. */
int tr_error_prefix(struct tr_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
