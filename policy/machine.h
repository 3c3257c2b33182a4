/* Names of this machine, by which a program means the machine itself. */
#ifndef RETROTLS_POLICY_MACHINE_H
#define RETROTLS_POLICY_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether `name` is the machine's host name, or that name in a domain, because a file of root's says so:
 * /etc/hosts gives it a loopback address, or it is the host name in both the kernel and /etc/hostname. The
 * kernel's alone does not count, since a DHCP server may have set it, and neither does what DNS says. Reads
 * the files each time. Keeps errno.
 */
bool machine_has_name(const char *name);

/*
 * Whether `a` and `b`, names or addresses, are one host because a line of /etc/hosts has both: then root says
 * so, and not DNS. Reads the file each time. Keeps errno.
 */
bool machine_equates(const char *a, const char *b);
/* The same for the file's text, which need not end in a NUL. */
bool hosts_equate(const char *text, size_t length, const char *a, const char *b);

/* machine_has_name() for given texts; they need not end in a NUL. NULL, 0: there is no such file. */
struct machine {
    const char *node; /* the kernel's host name */
    const char *hosts, *hostname;
    size_t hosts_length, hostname_length;
};
bool machine_has(const struct machine *machine, const char *name);

#endif
