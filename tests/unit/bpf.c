#include "tests/unit/bpf.h"

#include <stddef.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

static uint32_t loaded(const struct seccomp_data *call, uint32_t offset)
{
    uint32_t word;

    assert_int_equal(offset % sizeof word, 0);
    assert_true(offset + sizeof word <= sizeof *call);
    memcpy(&word, (const char *)call + offset, sizeof word);
    return word;
}

static bool holds(const struct sock_filter *test, uint32_t value)
{
    switch (BPF_OP(test->code)) {
    case BPF_JEQ:
        return value == test->k;
    case BPF_JGT:
        return value > test->k;
    case BPF_JGE:
        return value >= test->k;
    default:
        fail_msg("test %#x", test->code);
        return false;
    }
}

uint32_t bpf_run(const struct filter *filter, const struct seccomp_data *call)
{
    uint32_t value = 0;

    assert_true(filter->length > 0 && filter->length <= FILTER_LIMIT);
    assert_int_equal(filter->code[filter->length - 1].code, BPF_RET | BPF_K);
    for (size_t at = 0; at < filter->length; at++) {
        const struct sock_filter *const step = &filter->code[at];

        switch (step->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            value = loaded(call, step->k);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            value &= step->k;
            break;
        case BPF_RET | BPF_K:
            return step->k;
        case BPF_JMP | BPF_JA:
            at += step->k;
            break;
        default:
            assert_int_equal(BPF_CLASS(step->code), BPF_JMP);
            assert_int_equal(BPF_SRC(step->code), BPF_K);
            at += holds(step, value) ? step->jt : step->jf;
        }
    }
    fail_msg("it jumps past its end");
    return 0;
}
