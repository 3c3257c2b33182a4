/*
 * Names in /etc/hosts. A program with a resolver of its own reads the file itself, and we cannot see which
 * name it looks up. So it may have used any line that has the address.
 *
 * A line alone proves nothing, because the address may come from a forged DNS answer. But in that case we
 * know the name that DNS was asked for, and the certificate must be valid for that name too.
 */
#ifndef RETROTLS_SUPERVISE_DNS_HOSTS_FILE_H
#define RETROTLS_SUPERVISE_DNS_HOSTS_FILE_H

#include <stddef.h>

#include "preload/names/names.h"

/*
 * For each line of `text` that has the address, adds the first name, which is the canonical one (hosts(5)).
 * Skips a line that has a name of `found` already, because root says that all names on one line are the same
 * host. Skips a loopback line with one of this machine's names for itself: the program may have meant that
 * name, but no certificate is issued for it. Sets `lost` if there is no room, or if it skips such a loopback
 * line and `found` had no name.
 */
void hosts_file_add(struct names_found *found, const char *text, size_t length,
                    const struct wire_address *address);

/*
 * Does the same for the file at `path`. Sets `lost` if the file cannot be read. Also sets it if nobody has
 * asked DNS for a name and users other than root may write the file: in a container or a chroot(2), anybody
 * may have written it.
 */
void hosts_file_read(struct names_found *found, const char *path, const struct wire_address *address);

#endif
