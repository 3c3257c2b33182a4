#include "preload/names/name_layout.h"

const struct name_sizes name_sizes_large = {
    .lookups = 4096,
    .own = 4096,
    .origins = 2048,
    .lookup_levels = sizeof(void *) > 4 ? 3 : 2,
    .own_levels = 2,
    .origin_levels = 2,
    .lost_lookups = sizeof(void *) > 4 ? 1 << 21 : 1 << 18,
    .lost_origins = 1 << 18,
    .lost_own = 1 << 18,
};

const struct name_sizes name_sizes_middle = {
    .lookups = 8192,
    .own = 4096,
    .origins = 2048,
    .lookup_levels = 2,
    .own_levels = 2,
    .origin_levels = 2,
    .lost_lookups = 1 << 18,
    .lost_origins = 1 << 18,
    .lost_own = 1 << 18,
};

const struct name_sizes name_sizes_small = {
    .lookups = 4096,
    .own = 4096,
    .origins = 2048,
    .lookup_levels = 1,
    .own_levels = 1,
    .origin_levels = 1,
    .lost_lookups = 1 << 16,
    .lost_origins = 1 << 16,
    .lost_own = 1 << 14,
};

/* Takes the next bytes, in whole lines of 64. If `bytes` is NULL, it only counts them. */
static void *take(char *bytes, size_t *used, size_t size)
{
    void *const at = bytes ? bytes + *used : NULL;

    *used += (size + 63) / 64 * 64;
    return at;
}

static struct records take_records(char *bytes, size_t *used, uint32_t count, uint32_t levels)
{
    void *const at = take(bytes, used, records_total(count, levels) * sizeof(struct record));

    return (struct records){at, count, levels};
}

static struct losses take_losses(char *bytes, size_t *used, uint32_t count)
{
    struct losses losses = {.count = count};

    losses.stamp = take(bytes, used, count * sizeof *losses.stamp);
    return losses;
}

static struct name_memory lay_out(char *bytes, size_t *used, const struct name_sizes *sizes)
{
    struct name_memory memory = {0};

    memory.clock = take(bytes, used, sizeof *memory.clock);
    memory.lookups = take_records(bytes, used, sizes->lookups, sizes->lookup_levels);
    memory.own = take_records(bytes, used, sizes->own, sizes->own_levels);
    memory.origins = take_records(bytes, used, sizes->origins, sizes->origin_levels);
    memory.lost_lookups = take_losses(bytes, used, sizes->lost_lookups);
    memory.lost_origins = take_losses(bytes, used, sizes->lost_origins);
    memory.lost_own = take_losses(bytes, used, sizes->lost_own);
    return memory;
}

size_t name_memory_size(const struct name_sizes *sizes)
{
    size_t used = 0;

    lay_out(NULL, &used, sizes);
    return used;
}

struct name_memory name_memory_at(void *bytes, const struct name_sizes *sizes)
{
    size_t used = 0;

    return lay_out(bytes, &used, sizes);
}
