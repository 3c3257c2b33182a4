/*
 * How to treat one connection: the policy's outcome, as the relay needs it.
 *
 * The policy fills this in, the wire carries it, and the relay obeys it. The strings belong to whoever filled
 * it in (the loaded policy, or the received message) and live as long as that does.
 */
#ifndef RETROTLS_WIRE_SETTINGS_H
#define RETROTLS_WIRE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/protocols.h"

/* Postfix's names (smtp_tls_security_level). */
enum level {
    LEVEL_NONE = 0,
    LEVEL_MAY = 1,
    LEVEL_ENCRYPT = 2,
    LEVEL_SECURE = 3,
    LEVEL_FINGERPRINT = 4,
};

/* How a program is guarded, the stricter ones last. */
enum reach {
    REACH_PRELOAD = 0,   /* the library alone */
    REACH_AUTO = 1,      /* the library if it surely sees the program's connections, else a supervisor */
    REACH_SUPERVISE = 2, /* a supervisor alone */
    REACH_BOTH = 3,      /* the library, and a supervisor for what that does not see */
};

/* How TLS begins. The numbers go over the wire. */
enum tls_way {
    TLS_STARTTLS = 0, /* the program's port, with STARTTLS */
    TLS_IMPLICIT = 1, /* the port for it, with TLS from the first byte */
    TLS_AUTO = 2,     /* the first, or else the second (settings_alternative_port()) */
};

enum {
    SETTINGS_LIST_LIMIT = 16,        /* values in one list */
    SETTINGS_TIMEOUT = 60,           /* seconds: the whole negotiation after the greeting */
    SETTINGS_GREETING_TIMEOUT = 300, /* seconds: RFC 5321, 4.5.3.2.1 */
    SETTINGS_TLS_1_2 = 0x0303,
    SETTINGS_TLS_1_3 = 0x0304,
};

/* In place of a ca-file's path: the roots that are installed next to the relay. */
#define SETTINGS_BUNDLED "bundled"

struct text_list {
    uint32_t count;
    const char *item[SETTINGS_LIST_LIMIT];
};

struct settings {
/* From settings.def, which says what each is. */
#define NUMBER(KEY, type, member, place, limit, default, context, server) type member;
#define TEXT(KEY, member, tag, context, server) const char *member;
#define LIST(KEY, member, tag, context, server) struct text_list member;
#include "wire/settings.def"
    const char *rule; /* what decided: "FILE:LINE", or "built-in defaults" */
};

/* The level's name as in a policy file; never NULL. */
const char *level_name(enum level level);
/* The word of `reach` as in a policy file; never NULL. */
const char *reach_name(enum reach reach);
/* True if the level forbids plaintext, whatever the server says. */
bool level_demands_tls(enum level level);
/*
 * The port for TLS from the first byte of a server whose plaintext port is `asked`: the policy's
 * (implicit-port), or else the protocol's; 0 if there is none.
 */
uint16_t settings_implicit_port(const struct settings *settings, uint16_t asked);
/*
 * With TLS_AUTO, the port to go to if TCP fails at the port that the program asked for, or if that port does
 * not offer STARTTLS. 0 if there is none: mail exchangers have no port for TLS from the first byte
 * (port 25), nor have LMTP and ManageSieve, and next to an unusual port only the policy knows of one.
 */
uint16_t settings_alternative_port(const struct settings *settings, uint16_t asked);
/* True if the roots are those next to the relay (SETTINGS_BUNDLED). */
bool settings_trust_bundled(const struct settings *settings);

#endif
