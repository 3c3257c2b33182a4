#include "preload/sys/own_code.h"

/* The linker's names. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

bool own_code_has(const void *address)
{
    const char *const at = address;

    return at >= __ehdr_start && at < _end;
}
