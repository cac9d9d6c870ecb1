/* SPDX-License-Identifier: MIT */
/* The first byte picks coding, room and piece; the rest is the compressed body. */
#include "wire_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[512];
    size_t room = size > 0 && data[0] & 2 ? sizeof out : 7;
    size_t piece = size > 0 && data[0] & 4 ? 1 : 4096;
    struct tr_http_inflate *inflate =
        tr_http_inflate_new(size > 0 && data[0] & 1 ? TR_HTTP_GZIP : TR_HTTP_DEFLATE);
    int status = TR_HTTP_MORE;
    size_t total = 0;
    for (size_t at = 1; at < size && status == TR_HTTP_MORE; at += piece) {
        struct tr_slice input =
            tr_slice((const char *)data + at, size - at < piece ? size - at : piece);
        do {
            size_t written;
            status = tr_http_inflate_next(inflate, &input, out, room, &written);
            total += written;
        } while (status == TR_HTTP_DATA && total < 1 << 20);
    }
    tr_http_inflate_free(inflate);
    return 0;
}
