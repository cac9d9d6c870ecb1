/* SPDX-License-Identifier: MIT */
/*
 * The chunked transfer coding (RFC 9112 section 7.1), byte by byte, data in stretches:
 *
 *   body  = *( 1*HEXDIG [ ext ] CRLF data CRLF ) 1*"0" [ ext ] CRLF *( field-line ) CRLF
 *   ext   = 1*( ";" token [ "=" ( token / quoted-string ) ] )
 *
 * No space anywhere, though the grammar knows "bad white space": nobody sends it, and it is what
 * request smuggling is made of. Extensions are ignored, trailers checked and dropped. Both are
 * bounded together with the size lines: framing may be OVERHEAD_PER_CHUNK bytes a chunk plus the
 * size of its data, and OVERHEAD_MAX beyond that in the whole body.
 */
#include "wire_priv.h"

enum { SIZE_DIGITS_MAX = 15, OVERHEAD_PER_CHUNK = 16, OVERHEAD_MAX = 8192 };

enum state {
    SIZE,
    EXT_NAME_FIRST,
    EXT_NAME,
    EXT_VALUE_FIRST,
    EXT_TOKEN,
    EXT_QUOTED,
    EXT_ESCAPED,
    EXT_END,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    BAD = -1
};

void tr_http_chunked_init(struct tr_http_chunked *chunked)
{
    *chunked = (struct tr_http_chunked){.state = SIZE};
}

static enum state bad(struct tr_http_chunked *chunked, const char *message)
{
    chunked->message = message;
    return BAD;
}

/* What may follow a chunk size, an extension's name or its value. */
static enum state after_size_part(struct tr_http_chunked *chunked, unsigned char byte)
{
    if (byte == ';')
        return EXT_NAME_FIRST;
    if (byte == '\r')
        return SIZE_LF;
    return bad(chunked, "a chunk size must be of hexadecimal digits, then CR and LF");
}

static enum state size_digit(struct tr_http_chunked *chunked, unsigned char byte)
{
    int digit = tr_http_hex_digit(byte);
    if (digit < 0 && chunked->digits > 0)
        return after_size_part(chunked, byte);
    if (digit < 0 || chunked->digits == SIZE_DIGITS_MAX)
        return bad(chunked, "a chunk size must be of 1 to 15 hexadecimal digits");
    chunked->digits++;
    chunked->remaining = chunked->remaining * 16 + (unsigned)digit;
    return SIZE;
}

static enum state extension(struct tr_http_chunked *chunked, enum state state, unsigned char byte)
{
    bool token = tr_http_is_tchar(byte);
    switch (state) {
    case EXT_NAME_FIRST:
        return token ? EXT_NAME : bad(chunked, "a chunk extension must have a name");
    case EXT_NAME:
        if (token)
            return EXT_NAME;
        return byte == '=' ? EXT_VALUE_FIRST : after_size_part(chunked, byte);
    case EXT_VALUE_FIRST:
        if (byte == '"')
            return EXT_QUOTED;
        return token ? EXT_TOKEN : bad(chunked, "a chunk extension must have a value after =");
    case EXT_TOKEN:
        return token ? EXT_TOKEN : after_size_part(chunked, byte);
    case EXT_QUOTED:
        if (byte == '"')
            return EXT_END;
        if (byte == '\\')
            return EXT_ESCAPED;
        break;
    case EXT_END:
        return after_size_part(chunked, byte);
    default:
        break;
    }
    return tr_http_is_field_byte(byte) ? EXT_QUOTED
                                       : bad(chunked, "a chunk extension holds a control byte");
}

static enum state begin_chunk(struct tr_http_chunked *chunked)
{
    bool last = chunked->remaining == 0;
    uint64_t excused = OVERHEAD_PER_CHUNK + chunked->remaining;
    chunked->overhead = excused < chunked->overhead ? chunked->overhead - (unsigned)excused : 0;
    chunked->digits = 0;
    return last ? TRAILER_FIRST : DATA;
}

static enum state trailer(struct tr_http_chunked *chunked, enum state state, unsigned char byte)
{
    if (state == TRAILER_FIRST && byte == '\r')
        return LAST_LF;
    if (state == TRAILER_VALUE) {
        if (byte == '\r')
            return TRAILER_LF;
        if (tr_http_is_field_byte(byte))
            return TRAILER_VALUE;
    } else if (tr_http_is_tchar(byte)) {
        return TRAILER_NAME;
    } else if (state == TRAILER_NAME && byte == ':') {
        return TRAILER_VALUE;
    }
    return bad(chunked, "a trailer must be a name, a colon at once, a value");
}

static enum state expect_byte(struct tr_http_chunked *chunked, unsigned char byte,
                              unsigned char expected, enum state next)
{
    if (byte == expected)
        return next;
    return bad(chunked, "chunks and their size lines must end with CR and LF");
}

/* Every state but DATA. LAST_LF's own end is seen by the caller. */
static enum state next_state(struct tr_http_chunked *chunked, unsigned char byte)
{
    enum state state = (enum state)chunked->state;
    switch (state) {
    case SIZE:
        return size_digit(chunked, byte);
    case SIZE_LF:
        return byte == '\n' ? begin_chunk(chunked) : expect_byte(chunked, byte, '\n', BAD);
    case DATA_CR:
        return expect_byte(chunked, byte, '\r', DATA_LF);
    case DATA_LF:
        return expect_byte(chunked, byte, '\n', SIZE);
    case TRAILER_FIRST:
    case TRAILER_NAME:
    case TRAILER_VALUE:
        return trailer(chunked, state, byte);
    case TRAILER_LF:
        return expect_byte(chunked, byte, '\n', TRAILER_FIRST);
    case LAST_LF:
        return expect_byte(chunked, byte, '\n', LAST_LF);
    default:
        return extension(chunked, state, byte);
    }
}

static struct tr_slice take(struct tr_slice *input, size_t size)
{
    struct tr_slice taken = tr_slice(input->data, size);
    *input = tr_slice(input->data + size, input->size - size);
    return taken;
}

static int take_data(struct tr_http_chunked *chunked, struct tr_slice *input,
                     struct tr_slice *data_out)
{
    size_t size = input->size < chunked->remaining ? input->size : (size_t)chunked->remaining;
    *data_out = take(input, size);
    chunked->remaining -= size;
    if (chunked->remaining == 0)
        chunked->state = DATA_CR;
    return TR_HTTP_DATA;
}

int tr_http_chunked_next(struct tr_http_chunked *chunked, struct tr_slice *input,
                         struct tr_slice *data_out)
{
    while (input->size > 0 && chunked->state != BAD) {
        if (chunked->state == DATA)
            return take_data(chunked, input, data_out);
        bool last = chunked->state == LAST_LF;
        chunked->state = next_state(chunked, (unsigned char)*take(input, 1).data);
        if (last && chunked->state != BAD)
            return TR_HTTP_DONE;
        if (++chunked->overhead > OVERHEAD_MAX && chunked->state != BAD)
            chunked->state = bad(chunked, "too much framing, extensions or trailers");
    }
    return chunked->state == BAD ? TR_HTTP_REFUSED : TR_HTTP_MORE;
}
