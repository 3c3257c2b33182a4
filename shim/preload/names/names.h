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
 * written without locks (records.h). A child that gave up rights can make a name count in addition to others
 * (name_memory.h), but no longer change which ones its parent trusts. All functions keep errno and may be
 * called from a signal handler.
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

/*
 * Called when the calling process has given up rights (a user, a group, a capability), before it does
 * anything else: gives it a memory of its own, apart from that of the processes that have kept them
 * (name_mapping.h).
 */
void names_part(void);
/* Whether names_part() would do something. It need not be called if the program began without rights. */
bool names_may_part(void);

/* Called in the child of fork(2). */
void names_forked(void);

/* Stands for a question that is not a host name: no certificate has this name, and no rule is about it. */
#define NAMES_NO_HOST "(not a host name)"

struct lineage;

/* One question to the resolver. */
struct names_question {
    struct lineage *by;        /* who asks; NULL: the calling thread */
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

/* The time now: a later lookup is stamped later. No number is given twice. 0: there is no memory. */
uint64_t names_now(void);

/*
 * The same for another process's question (shim/supervise), which was not sent before names_now() was
 * `begun`. `by` is who asks, the same as names_find_for() will get, for as long as the question lasts; NULL:
 * nobody in particular, and the name counts for every connection.
 */
struct names_question names_begin_for(struct lineage *by, uint64_t begun, const char *name);

/* The same for a question about the name of an address (getnameinfo(3), a PTR record). */
struct names_question names_begin_reverse(const struct wire_address *address);

/*
 * The answer contains `address`. Its port is the one that the question named (a service), or 0. An IPv4
 * address mapped into IPv6 counts as the IPv4 address, 0.0.0.0 and :: count as 127.0.0.1 and ::1, where
 * connect() takes them; the scope is ignored. A question for the address itself leaves the names that may be
 * meant by it in force. After NAME_ANSWER_LIMIT addresses we forget everything remembered so far, because we
 * do not know the names of the further addresses.
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

/*
 * The program connects or sends to `port`. If that is a DNS server's, a loopback address that the program
 * connects to later may come from an answer that we did not see. That stays so for the whole family. Does
 * nothing before glibc 2.34, whose own resolver we cannot tell from the program's.
 */
void names_note_port(uint16_t port);

/* Whether names_note_port() must be called. */
static inline bool names_is_port_of_dns(uint16_t port)
{
    return port == 53 || port == 853 || port == 5353; /* RFC 1035, RFC 7858, RFC 6762 */
}

struct names_found {
    uint32_t count; /* 0: nobody asked for this address */
    bool lost;      /* there may be more names than these */
    bool resolves;  /* the family has a resolver of its own: names_note_port() */
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
 * If this thread asked for none, all names count that anybody ever asked for. An address literal is a
 * name that does not replace others (names_answer).
 *
 * A program may ask with one port and connect to another. So if this thread asked for the address only with
 * other ports, the latest of these counts as well, and so does what others asked for later with any port. If
 * it never asked for the address, and nobody did with this port or without one, all names with other ports
 * count.
 *
 * `lost` is set if something was forgotten since this thread's own lookup (or ever, if it made none), or if
 * only processes that have given up rights asked for the address. It is also set if there are more than
 * SETTINGS_LIST_LIMIT names; then `count` is UINT32_MAX.
 */
void names_find(const struct wire_address *address, struct names_found *found);
/* The same for a connection of `who`. */
void names_find_for(const struct lineage *who, const struct wire_address *address, struct names_found *found);

#endif
