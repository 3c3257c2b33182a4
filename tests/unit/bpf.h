/* Evaluates a filter of system calls as the kernel does, where no kernel can: qemu-user runs none. */
#ifndef RETROTLS_TESTS_UNIT_BPF_H
#define RETROTLS_TESTS_UNIT_BPF_H

#include <linux/seccomp.h>
#include <stdint.h>

#include "monitor/walls/filter.h"

/*
 * What the filter, which filter_end() has completed, returns for that call: SECCOMP_RET_... The test fails if
 * the kernel would not take the program (kernel/seccomp.c, seccomp_check_filter(); net/core/filter.c,
 * bpf_check_classic()), or if it has an instruction that filter.c does not use.
 */
uint32_t bpf_run(const struct filter *filter, const struct seccomp_data *call);

#endif
