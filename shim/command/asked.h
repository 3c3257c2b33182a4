/* The connection that a subcommand is asked about: its destination, the program and the user. */
#ifndef RETROTLS_COMMAND_ASKED_H
#define RETROTLS_COMMAND_ASKED_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

enum { ASKED_ADDRESSES = 16, ASKED_PORTS = 8, ASKED_HOST_LENGTH = 256, ASKED_USER_LENGTH = 256 };

struct asked {
    char host[ASKED_HOST_LENGTH];
    bool numeric; /* `host` is an address: the program looks up no name */
    uint16_t ports[ASKED_PORTS];
    size_t ports_count;
    struct wire_address addresses[ASKED_ADDRESSES]; /* without a family: unknown */
    size_t addresses_count;
    char program[PATH_MAX], user[ASKED_USER_LENGTH];
    uint32_t uid;
    char home[PATH_MAX];
};

/* Reads a numeric address. */
bool asked_address(struct wire_address *address, const char *text);

/*
 * Reads HOST, HOST:PORT, [IPV6-ADDRESS]:PORT or IPV6-ADDRESS; without a port, sets the usual ones. Returns
 * false if the text is none of these, and reports that in the name of the subcommand `command`.
 */
bool asked_place(struct asked *asked, const char *command, const char *text);

/*
 * Asks the resolver for the host's addresses. Returns 0, or getaddrinfo(3)'s error, and then sets no address.
 */
int asked_resolve(struct asked *asked);

/* Sets the executable: what finally runs if we find the program here, otherwise the name as given. */
void asked_program(struct asked *asked, const char *name);

/*
 * Sets the user, by name or number; NULL: the one who runs this. A number may have no name here. Returns
 * false if there is no such user, and reports that.
 */
bool asked_user(struct asked *asked, const char *command, const char *name);

#endif
