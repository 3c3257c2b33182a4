/*
 * Parses what a proxy's preload (proxychains, torsocks) writes to its proxy. If it comes before this library,
 * our connect() only ever sees the proxy; the request to the proxy holds the server's name and port.
 */
#ifndef RETROTLS_PRELOAD_ADOPT_PROXY_H
#define RETROTLS_PRELOAD_ADOPT_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "preload/names/names.h"

enum proxy_words {
    PROXY_OTHER,    /* not a message to a proxy */
    PROXY_GREETING, /* SOCKS 5's greeting or password (RFC 1928, RFC 1929) */
    PROXY_REQUEST,  /* a request to connect: SOCKS 5, SOCKS 4 and 4a, HTTP's CONNECT */
};

struct proxy_target {
    char host[NAME_LIMIT];       /* "" if the request gives an address */
    struct wire_address address; /* and port; family 0 if the host is a name and no address */
};

/* Parses the bytes of one write. Fills in `target` for PROXY_REQUEST. */
enum proxy_words proxy_read(const uint8_t *bytes, size_t length, struct proxy_target *target);

#endif
