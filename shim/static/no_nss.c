/*
 * Linked only into the static programs of the bundle. For the services that /etc/nsswitch.conf names, their
 * libc would load the machine's libnss_*.so, and crash if that belongs to another libc. A static glibc has
 * "files" and "dns" built in (since 2.34, NEWS). As a result, we do not find users of a directory service.
 */
#include <nss.h>

__attribute__((constructor)) static void choose_built_in_services(void)
{
    static const char *const databases[] = {"passwd", "group", "initgroups", "services", "protocols"};

    for (size_t i = 0; i < sizeof databases / sizeof databases[0]; i++)
        __nss_configure_lookup(databases[i], "files");
    __nss_configure_lookup("hosts", "files dns");
}
