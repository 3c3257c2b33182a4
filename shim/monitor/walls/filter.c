#include "monitor/walls/filter.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/heap.h"
#include "monitor/socket_options.h"

enum { RESERVE = 512 * 1024 };

/*
 * Either action ends the process with SIGSYS. Before Linux 4.14 (libseccomp's API level 3) only SCMP_ACT_TRAP
 * does. libseccomp refuses a filter whose action the kernel lacks; if it cannot ask the kernel, because there
 * are no filters, it refuses it too.
 */
uint32_t filter_ending(void)
{
    return seccomp_api_get() >= 3 ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_TRAP;
}

/* ---- rules ---- */

bool filter_allow_all(scmp_filter_ctx filter, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) != 0)
            return false;
    }
    return true;
}

bool filter_allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp what)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &what) == 0;
}

struct scmp_arg_cmp filter_equals(unsigned argument, scmp_datum_t value)
{
    return (struct scmp_arg_cmp){.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value};
}

struct scmp_arg_cmp filter_has_bits(unsigned argument, scmp_datum_t mask, scmp_datum_t value)
{
    return (struct scmp_arg_cmp){
        .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

static bool allow_block(scmp_filter_ctx filter, int level, unsigned mask, unsigned name)
{
    const struct scmp_arg_cmp what[] = {filter_has_bits(1, UINT32_MAX, (scmp_datum_t)level),
                                        filter_has_bits(2, mask, name)};

    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2, what) == 0;
}

bool filter_allow_option(scmp_filter_ctx filter, int level, int name)
{
    return allow_block(filter, level, UINT32_MAX, (unsigned)name);
}

/*
 * Allows the options that the program may set. Splits each range into blocks of a power of two, because a
 * block takes a single comparison.
 */
bool filter_allow_options(scmp_filter_ctx filter)
{
    size_t count;
    const struct option_range *const ranges = socket_options_settable(&count);
    bool good = true;

    for (size_t i = 0; good && i < count; i++) {
        unsigned name = (unsigned)ranges[i].first;
        const unsigned end = (unsigned)ranges[i].last + 1;

        while (good && name < end) {
            unsigned block = 1;

            while (name % (2 * block) == 0 && name + 2 * block <= end && block < 1024)
                block *= 2;
            good = allow_block(filter, ranges[i].level, ~(block - 1), name);
            name += block;
        }
    }
    return good;
}

bool filter_allow_memory(scmp_filter_ctx filter)
{
    static const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};
    bool good = true;

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        good = good && filter_allow_if(filter, calls[i], filter_has_bits(2, PROT_EXEC, 0));
    return good;
}

bool filter_allow_sending(scmp_filter_ctx filter)
{
    return filter_allow_if(filter, SCMP_SYS(sendto), filter_has_bits(3, MSG_FASTOPEN, 0)) &&
           filter_allow_if(filter, SCMP_SYS(sendmsg), filter_has_bits(2, MSG_FASTOPEN, 0));
}

bool filter_allow_abort(scmp_filter_ctx filter)
{
    return filter_allow_if(filter, SCMP_SYS(tgkill), filter_equals(0, (scmp_datum_t)getpid()));
}

bool filter_end_on_running(scmp_filter_ctx filter)
{
    static const int never[] = {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace)};
    bool good = true;

    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        good = good && seccomp_rule_add(filter, filter_ending(), never[i], 0) == 0;
    return good;
}

/* ---- installing it ---- */

int filter_load(scmp_filter_ctx make(void))
{
    scmp_filter_ctx filter;
    int error;

    /*
     * If an allocation fails inside libseccomp 2.5, it builds a different filter (one without close(2), say),
     * or never returns from seccomp_load(3). It takes 80 KiB.
     */
    if (!heap_reserve(RESERVE))
        return ENOMEM;
    filter = make();
    if (!filter)
        return ENOMEM;
    /* libc makes no calls of another architecture (int 0x80, x32). */
    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, filter_ending());
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0); /* it is set already */
    seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
    error = -seccomp_load(filter);
    seccomp_release(filter);
    return error;
}
