#include "preload/libc/next.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/resource.h>

#include "preload/sys/export.h"

/* Until glibc 2.34 these stood apart from libc; libresolv still does. */
#define LIBANL "libanl.so.1"
#define LIBRT "librt.so.1"
#define LIBRESOLV "libresolv.so.2"

static struct function {
    const char *name;
    const char *alias;   /* tried if libc has no `name`; or NULL */
    const char *library; /* has it if libc does not, perhaps loaded by a plugin; or NULL */
    _Atomic(void *) found;
} functions[NEXT_CALLS] = {
#define NEXT(name, libc, doctor, alias, library) [NEXT_##name] = {#name, alias, library, NULL},
#include "preload/calls.def"
};

static UNSANITIZED void *look_up(void *where, const struct function *function)
{
    void *const found = dlsym(where, function->name);

    return !found && function->alias ? dlsym(where, function->alias) : found;
}

UNSANITIZED void *next(enum next_call which)
{
    struct function *const function = &functions[which];
    void *found = atomic_load_explicit(&function->found, memory_order_acquire);

    if (found)
        return found;
    found = look_up(RTLD_NEXT, function);
    if (!found && function->library) {
        /* RTLD_NEXT does not search what RTLD_LOCAL loaded. We keep the handle, so it stays loaded. */
        void *const library = dlopen(function->library, RTLD_LAZY | RTLD_NOLOAD);
        found = library ? look_up(library, function) : NULL;
    }
    if (!found)
        errno = ENOSYS;
    atomic_store_explicit(&function->found, found, memory_order_release);
    return found;
}

void next_start(void)
{
    static const enum next_call early[] = {NEXT_setuid,    NEXT_seteuid,     NEXT_setreuid, NEXT_setresuid,
                                           NEXT_setgid,    NEXT_setegid,     NEXT_setregid, NEXT_setresgid,
                                           NEXT_capset,    NEXT_chroot,      NEXT_setns,    NEXT_pivot_root,
                                           NEXT_setrlimit, NEXT_setrlimit64, NEXT_prlimit,  NEXT_prlimit64};

    for (size_t i = 0; i < sizeof early / sizeof early[0]; i++)
        next(early[i]);
}
