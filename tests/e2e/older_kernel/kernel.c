#include "kernel.h"

#include <stddef.h>
#include <string.h>

static const struct kernel kernels[] = {
    {"linux-3.2", 302, 312, 349, 41, 19, 36, 1033, 0, 0, 104, 0},
    {"linux-3.10", 310, 314, 351, 46, 25, 41, 1033, 0, 0, 104, 0},
    {"linux-4.4", 404, 326, 377, 51, 29, 48, 1035, 2, 1, 144, 0},
    {"linux-4.18", 418, 335, 387, 61, 37, 54, 1039, 3, 7, 200, 0},
    {"linux-5.4", 504, 436, 436, 69, 38, 57, 1039, 4, 15, 232, 0},
    {"linux-5.10", 510, 441, 441, 69, 38, 59, 1039, 4, 31, 232, 0},
    {"linux-5.15", 515, 449, 449, 73, 38, 63, 1039, 4, 31, 232, 1},
    {"linux-6.1", 601, 451, 451, 76, 38, 65, 1039, 4, 63, 232, 2},
};

const struct kernel *kernel_named(const char *name)
{
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        if (strcmp(kernels[i].name, name) == 0)
            return &kernels[i];
    }
    return NULL;
}
