/*
 * The memory of names: any history of threads, children, lookups, names found in answers, floods and
 * connections.
 */
#include <stdlib.h>

#include "tests/unit/names_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model model;

    if (!model_run(&model, data, size))
        abort();
    return 0;
}
