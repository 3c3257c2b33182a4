#include "preload/own.h"

/* Made by the linker. */
extern const char own_start[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));
extern const char own_end[] __asm__("_end") __attribute__((visibility("hidden")));

bool own_has(const void *address)
{
    const char *const at = address;

    return at >= own_start && at < own_end;
}
