/* The connection that a subcommand is asked about: its destination, its program and its user. */
#ifndef RETROTLS_COMMAND_ASKED_H
#define RETROTLS_COMMAND_ASKED_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"
#include "wire/wire.h"

enum { ASKED_ADDRESSES = 16, ASKED_PORTS = 8, ASKED_HOST_LENGTH = 256, ASKED_USER_LENGTH = 256 };

struct asked {
    char host[ASKED_HOST_LENGTH];
    bool numeric; /* `host` is an address: the program looks up no name */
    bool port_given;
    uint16_t ports[ASKED_PORTS];
    size_t ports_count;
    enum protocol_kind protocol;                    /* the user's choice; PROTOCOL_AUTO: none */
    bool implicit;                                  /* the user says that the server expects implicit TLS */
    struct wire_address addresses[ASKED_ADDRESSES]; /* those without a family are unknown */
    size_t addresses_count;
    char program[PATH_MAX], user[ASKED_USER_LENGTH];
    uint32_t uid;
    char home[PATH_MAX];
};

/* Reads a numeric address. */
bool asked_address(struct wire_address *address, const char *text);

/*
 * Reads a place from `words`, which end with NULL: HOST, HOST:PORT, HOST PORT, [IPV6-ADDRESS]:PORT,
 * IPV6-ADDRESS, or a URL such as imap://USER@HOST:PORT/, whose scheme is a mail service and sets the
 * protocol. PORT is a number or a service; as a word of its own it is a number or a mail service. Without
 * PORT, sets the ports of the protocol, if there is one, or else the usual ones. Returns how many words it
 * took. If they are no place, reports that in the name of the subcommand `command` and returns 0.
 */
int asked_place(struct asked *asked, const char *command, char *const words[]);

/*
 * Asks the resolver for the host's addresses. Returns 0, or getaddrinfo(3)'s error, and then sets no address.
 */
int asked_resolve(struct asked *asked);

/*
 * Returns the question to the policy about a connection to `address`, whose port is set. The question's
 * strings belong to `asked`. If the server expects TLS from the first byte, no greeting will show the
 * protocol.
 */
struct policy_query asked_query(const struct asked *asked, const struct wire_address *address);

/*
 * Sets the executable: if we find the program here, the file that finally runs; otherwise the name as given.
 */
void asked_program(struct asked *asked, const char *name);

/*
 * Sets the user, by name or number (NULL: the calling user). A number need not have a name here. Returns
 * false, after printing an error, if there is no such user.
 */
bool asked_user(struct asked *asked, const char *command, const char *name);

#endif
