/*
 * Preloaded behind the library, it hides from dlsym(3) what glibc 2.5 does not have. The library links to
 * nothing newer (tests/check-symbols).
 */
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

__attribute__((visibility("default"))) void *dlsym(void *restrict handle, const char *restrict name)
{
    static const char *const younger[] = {"accept4",       "clock_gettime", "dup3",       "getauxval",
                                          "getrandom",     "pidfd_getfd",   "preadv2",    "preadv64v2",
                                          "pwritev2",      "pwritev64v2",   "recvmmsg",   "secure_getenv",
                                          "__getauxval64", "sendmmsg",      "__recvmmsg", "__fcntl_time64"};
    void *(*const real)(void *, const char *) =
        (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");

    for (size_t i = 0; i < sizeof younger / sizeof *younger; i++) {
        if (strcmp(name, younger[i]) == 0)
            return NULL;
    }
    return real(handle, name);
}
