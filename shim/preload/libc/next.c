#include "preload/libc/next.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

static void *look_up(void *where, const struct next *function)
{
    void *const found = dlsym(where, function->name);

    return !found && function->alias ? dlsym(where, function->alias) : found;
}

void *next(struct next *function)
{
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
