/*
 * Linked into the static programs of the bundle alone. Their libc would load libnss_*.so of whatever libc the
 * machine has, for the services that /etc/nsswitch.conf names, and crash where that is another one. "files"
 * and "dns" are in a static glibc itself (since 2.34, NEWS). A user of a directory service is not found that
 * way.
 */
#include <nss.h>

__attribute__((constructor)) static void choose_built_in_services(void)
{
    static const char *const databases[] = {"passwd", "group", "initgroups", "services", "protocols"};

    for (size_t i = 0; i < sizeof databases / sizeof databases[0]; i++)
        __nss_configure_lookup(databases[i], "files");
    __nss_configure_lookup("hosts", "files dns");
}
