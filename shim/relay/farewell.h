/*
 * Whether the last thing that the program said is its farewell: QUIT (RFC 5321, 1939, 3977) or LOGOUT, with a
 * tag (RFC 9051) or without (RFC 5804). Many servers answer it and just close, with no close_notify.
 *
 * Looks at the end of what is sent, whatever it is; keeps no byte of it, for it may be a password.
 */
#ifndef RETROTLS_RELAY_FAREWELL_H
#define RETROTLS_RELAY_FAREWELL_H

#include <stdbool.h>
#include <stddef.h>

struct farewell {
    unsigned word,
        matched[2]; /* bytes of the line's last word so far, and how many of them are QUIT's, LOGOUT's */
    bool said;      /* the last line was one, and nothing has followed */
};

/* `bytes` went to the server. */
void farewell_note(struct farewell *f, const char *bytes, size_t length);

#endif
