/* The names by which a program may refer to the machine that it runs on. */
#ifndef RETROTLS_POLICY_MACHINE_H
#define RETROTLS_POLICY_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

/* Names that every machine has for itself (RFC 6761, 6.3, and what distributions put into /etc/hosts). */
bool machine_is_localhost(const char *name);

/*
 * Whether `name` is the machine's host name, bare or in a domain, on the word of a file that root owns:
 * /etc/hosts gives it a loopback address, or both the kernel and /etc/hostname have it as the host name. The
 * kernel's host name alone is not enough, as a DHCP server may have set it; neither is what DNS says. Reads
 * the files on each call. Keeps errno.
 */
bool machine_has_name(const char *name);

/*
 * Whether one line of /etc/hosts has both `a` and `b` (names or addresses). They are then the same host on
 * root's word and not on that of DNS. Reads the file on each call. Keeps errno.
 */
bool machine_equates(const char *a, const char *b);
/* The same for a given text of the file, which need not end in a NUL. */
bool hosts_equate(const char *text, size_t length, const char *a, const char *b);

/* machine_has_name() for given texts, which need not end in a NUL. NULL and 0 stand for a missing file. */
struct machine {
    const char *node; /* the kernel's host name */
    const char *hosts, *hostname;
    size_t hosts_length, hostname_length;
};
bool machine_has(const struct machine *machine, const char *name);

#endif
