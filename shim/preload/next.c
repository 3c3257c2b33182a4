#include "preload/next.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

void *next(struct next *function)
{
    void *found = atomic_load_explicit(&function->found, memory_order_acquire);

    if (found)
        return found;
    found = dlsym(RTLD_NEXT, function->name);
    if (!found && function->library) {
        /* Loaded with RTLD_LOCAL, it is not in the scope that RTLD_NEXT searches; its handle keeps it. */
        void *const library = dlopen(function->library, RTLD_LAZY | RTLD_NOLOAD);
        found = library ? dlsym(library, function->name) : NULL;
    }
    if (!found)
        errno = ENOSYS;
    atomic_store_explicit(&function->found, found, memory_order_release);
    return found;
}
