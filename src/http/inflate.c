/* SPDX-License-Identifier: MIT */
/*
 * Compressed bodies: one gzip member, or "deflate", which RFC 9110 says is zlib's format but which
 * some send raw: the first two bytes tell. Streaming: the caller offers room and stops at its
 * limit, so that a bomb costs no more than the limit. A stream is complete when its checksum has
 * been seen and nothing follows.
 */
#include "traction/base/alloc.h"
#include "wire_priv.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct tr_http_inflate {
    z_stream stream;
    bool has_stream; /* zlib has its memory */
    bool ready;      /* the format is known and zlib set up */
    bool done;
    enum tr_http_coding coding;
    unsigned char first[2]; /* of a deflate body, until there are two */
    unsigned first_size;
    unsigned first_used; /* how many of them zlib has been given */
    const char *message;
};

enum { WINDOW_BITS = 15, WINDOW_GZIP = 16 };

static voidpf allocate(voidpf context, uInt count, uInt size)
{
    (void)context;
    return tr_calloc(count, size);
}

static void release(voidpf context, voidpf pointer)
{
    (void)context;
    free(pointer);
}

static void set_up(struct tr_http_inflate *decoder, int window_bits)
{
    decoder->stream.zalloc = allocate;
    decoder->stream.zfree = release;
    int status = decoder->has_stream ? inflateReset2(&decoder->stream, window_bits)
                                     : inflateInit2(&decoder->stream, window_bits);
    if (status != Z_OK)
        abort(); /* no memory, or another zlib than we were built with */
    decoder->has_stream = decoder->ready = true;
}

void tr_http_inflate_reset(struct tr_http_inflate *decoder, enum tr_http_coding coding)
{
    decoder->coding = coding;
    decoder->ready = decoder->done = false;
    decoder->first_size = decoder->first_used = 0;
    decoder->message = NULL;
    if (coding == TR_HTTP_GZIP)
        set_up(decoder, WINDOW_BITS + WINDOW_GZIP);
}

struct tr_http_inflate *tr_http_inflate_new(enum tr_http_coding coding)
{
    struct tr_http_inflate *decoder = tr_calloc(1, sizeof *decoder);
    tr_http_inflate_reset(decoder, coding);
    return decoder;
}

void tr_http_inflate_free(struct tr_http_inflate *decoder)
{
    if (decoder == NULL)
        return;
    if (decoder->has_stream)
        inflateEnd(&decoder->stream);
    free(decoder);
}

const char *tr_http_inflate_message(const struct tr_http_inflate *decoder)
{
    return decoder->message;
}

static int refuse(struct tr_http_inflate *decoder, const char *message)
{
    decoder->message = message;
    return TR_HTTP_REFUSED;
}

/* RFC 1950 section 2.2: method 8, window at most 32 KiB, and a check of both bytes. */
static bool is_zlib(const unsigned char header[2])
{
    return (header[0] & 0x0f) == 8 && header[0] >> 4 <= 7 &&
           (header[0] * 256 + header[1]) % 31 == 0;
}

/* False while the first two bytes are not there yet. */
static bool choose_format(struct tr_http_inflate *decoder, struct tr_slice *input)
{
    while (decoder->first_size < 2 && input->size > 0) {
        decoder->first[decoder->first_size++] = (unsigned char)*input->data;
        *input = tr_slice(input->data + 1, input->size - 1);
    }
    if (decoder->first_size < 2)
        return false;
    set_up(decoder, is_zlib(decoder->first) ? WINDOW_BITS : -WINDOW_BITS);
    return true;
}

/* One call of zlib over data, of which *used_out bytes were taken. */
static int run(struct tr_http_inflate *decoder, const void *data, size_t size, size_t *used_out)
{
    z_stream *stream = &decoder->stream;
    uInt offered = size > INT_MAX ? INT_MAX : (uInt)size;
    stream->next_in = (z_const Bytef *)data;
    stream->avail_in = offered;
    int status = inflate(stream, Z_NO_FLUSH);
    *used_out = offered - stream->avail_in;
    if (status == Z_STREAM_END)
        decoder->done = true;
    if (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR)
        return 0;
    return refuse(decoder, "the compressed body is damaged");
}

static int feed(struct tr_http_inflate *decoder, struct tr_slice *input)
{
    size_t used;
    while (decoder->first_used < decoder->first_size && !decoder->done) {
        int status = run(decoder, decoder->first + decoder->first_used,
                         decoder->first_size - decoder->first_used, &used);
        decoder->first_used += (unsigned)used;
        if (status < 0 || used == 0)
            return status;
    }
    if (decoder->done)
        return 0;
    int status = run(decoder, input->data, input->size, &used);
    *input = tr_slice(input->data + used, input->size - used);
    return status;
}

int tr_http_inflate_next(struct tr_http_inflate *decoder, struct tr_slice *input, char *out,
                         size_t room, size_t *written_out)
{
    *written_out = 0;
    if (!decoder->ready && !choose_format(decoder, input))
        return TR_HTTP_MORE;
    decoder->stream.next_out = (Bytef *)out;
    decoder->stream.avail_out = room > INT_MAX ? INT_MAX : (uInt)room;
    uInt offered = decoder->stream.avail_out;
    if (!decoder->done && feed(decoder, input) < 0)
        return TR_HTTP_REFUSED;
    *written_out = offered - decoder->stream.avail_out;
    if (decoder->done) {
        if (input->size > 0 || decoder->first_used < decoder->first_size)
            return refuse(decoder, "bytes follow the end of the compressed body");
        return TR_HTTP_DONE;
    }
    return decoder->stream.avail_out == 0 ? TR_HTTP_DATA : TR_HTTP_MORE;
}
