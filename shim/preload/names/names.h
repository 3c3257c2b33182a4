/*
 * The names that the program asked the resolver for. The certificate must be for the name that the program
 * itself asked for, and only the program's process can know that name.
 *
 * Who asked matters, because a spoofed answer may give an attacker's host (a link in a mail) and the mail
 * server the same address, and the attacker has a good certificate for his own host. A lookup belongs to the
 * thread that made it. A forked child's thread is another thread, but it descends from the one that forked:
 * what that thread asked for before the fork counts as the child's own.
 *
 * A name's origin matters too. The answer decides what is a canonical name, an alias, a mail exchanger, a
 * service's host, or the name of an address, and we cannot trust the answer. So if the program looks such a
 * name up, the certificate must also be for the name that was asked for first.
 *
 * The memory has a fixed size, is shared with forked children (so a resolver child's answers count), and is
 * written without locks (records.h). All functions keep errno and may be called from a signal handler.
 */
#ifndef RETROTLS_PRELOAD_NAMES_NAMES_H
#define RETROTLS_PRELOAD_NAMES_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/names/name_form.h"
#include "wire/wire.h"

enum {
    NAME_ANSWER_LIMIT = 256, /* addresses in one answer: no honest one has as many */
};

/*
 * Makes the memory. The library's constructor calls this before the program can fork, so that children share
 * it. A second call does nothing. Without room for it, nothing is remembered, and names_find() sets `lost`.
 */
void names_start(void);

/* Stands for a question that is not a host name: no certificate has this name, and no rule is about it. */
#define NAMES_NO_HOST "(not a host name)"

/* One question to the resolver. */
struct names_question {
    const char *name;          /* the caller's, for as long as the question lasts */
    struct wire_address about; /* the address whose name is asked for; otherwise its family is 0 */
    uint64_t begun;
    bool apart;
    unsigned addresses;
};

/*
 * Begins a question of the calling thread, before it is sent. What other threads learn meanwhile may be what
 * this one connects to when it has its own answer. `apart`: no thread of the program asks (getaddrinfo_a), so
 * the answer is nobody's own. A name that is too long is remembered as NAMES_NO_HOST (libc takes longer ones,
 * with escapes).
 */
struct names_question names_begin(const char *name, bool apart);

/* The same for a question about the name of an address (getnameinfo(3), a PTR record). */
struct names_question names_begin_reverse(const struct wire_address *address);

/*
 * The answer contains `address`. Its port is the one that the question named (a service), or 0. An IPv4
 * address mapped into IPv6 counts as the IPv4 address; the scope is ignored. After NAME_ANSWER_LIMIT
 * addresses we forget everything remembered so far, because we do not know the names of the further
 * addresses.
 */
void names_answer(struct names_question *question, const struct wire_address *address);

enum names_origin {
    NAMES_ALIAS,     /* ai_canonname, h_name, h_aliases, a CNAME's target */
    NAMES_EXCHANGER, /* target of an MX or SRV record: the program asked who handles the name's mail */
    NAMES_SAME,      /* root says that both are one host: only the first one's origin counts */
};

/*
 * The answer contains another name. If a line of /etc/hosts makes it an alias (the machine's own full name,
 * for example), no server chose it (machine_equates()). The name of an address is derived from the names by
 * which the program asked for the address, or else from the address itself. Leading labels of a service
 * (_imap._tcp) are not part of a name.
 */
void names_derive(const struct names_question *question, const char *other, enum names_origin how);

struct names_found {
    uint32_t count; /* 0: nobody asked for this address */
    bool lost;      /* there may be more names than these */
    char name[SETTINGS_LIST_LIMIT][NAME_LIMIT];
    /* 0, or the name_hash() of an exchanger: the name counts only because it is that exchanger's domain. */
    uint64_t exchanger[SETTINGS_LIST_LIMIT];
};

/*
 * The names that a connection of the calling thread to `address` may be for. The certificate must be for all
 * of them:
 *
 *   - the latest name that this thread asked for, with this port or without a port;
 *   - if that was without one, also the latest that it asked for with this port, and all that others
 *     asked for after that;
 *   - every name that anybody (another thread, a process of the family) asked for later, with this port or
 *     without a port;
 *   - for names from answers, the names that were asked for first.
 *
 * If this thread asked for none, all names count that anybody ever asked for. An address literal is a name
 * like any other.
 *
 * A program may ask with one port and connect to another. So if this thread asked for the address only with
 * other ports, the latest of these counts as well, and so does what others asked for later with any port. If
 * it never asked for the address, and nobody did with this port or without one, all names with other ports
 * count.
 *
 * `lost` is set if something was forgotten since this thread's own lookup (or ever, if it made none). It is
 * also set if there are more than SETTINGS_LIST_LIMIT names; then `count` is UINT32_MAX.
 */
void names_find(const struct wire_address *address, struct names_found *found);

#endif
