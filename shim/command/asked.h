/* The connection that a subcommand is asked about: where to, by which program of whose. */
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
    bool numeric; /* `host` is an address: the program asks for no name */
    uint16_t ports[ASKED_PORTS];
    size_t ports_count;
    struct wire_address addresses[ASKED_ADDRESSES]; /* one without family: not known */
    size_t addresses_count;
    char program[PATH_MAX], user[ASKED_USER_LENGTH];
    uint32_t uid;
    char home[PATH_MAX];
};

/* An address in digits. */
bool asked_address(struct wire_address *address, const char *text);

/*
 * HOST, HOST:PORT, [IPV6-ADDRESS]:PORT, IPV6-ADDRESS; without a port, the usual ports. False where it is none
 * of these; that is told in the name of the subcommand `command`.
 */
bool asked_place(struct asked *asked, const char *command, const char *text);

/* Asks the resolver for the host's addresses. 0, or what getaddrinfo(3) returned, with no address set. */
int asked_resolve(struct asked *asked);

/* The executable: what runs in the end, where PROGRAM is found here; else the name as it stands. */
void asked_program(struct asked *asked, const char *name);

/* By name or number, NULL: who runs this; a number may have no name here. False: told. */
bool asked_user(struct asked *asked, const char *command, const char *name);

#endif
