/*
 * What a proxy's preload (proxychains, torsocks) says to its proxy. Where it stands in front of this library,
 * connect() here is only ever asked for the proxy; the server's name and port stand in the request that is
 * written to it.
 */
#ifndef RETROTLS_PRELOAD_ADOPT_PROXY_H
#define RETROTLS_PRELOAD_ADOPT_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "preload/names/names.h"

enum proxy_words {
    PROXY_OTHER,    /* nothing that is said to a proxy */
    PROXY_GREETING, /* of SOCKS 5, and its password (RFC 1928, RFC 1929) */
    PROXY_REQUEST,  /* for a connection: SOCKS 5, SOCKS 4 and 4a, HTTP's CONNECT */
};

struct proxy_target {
    char host[NAME_LIMIT]; /* "" where it is asked for by address */
    struct wire_address
        address; /* family 0 where it is asked for by a name that is no literal; and the port */
};

/* Reads what one write holds; `target` is filled for PROXY_REQUEST. */
enum proxy_words proxy_read(const uint8_t *bytes, size_t length, struct proxy_target *target);

#endif
