/*
 * stat(2) as the kernel fills it in, for kernels without statx(2) (before Linux 4.11). libc's own structure
 * and symbol differ (fstat@GLIBC_2.33). For the offsets see include/uapi/asm/stat.h of each machine.
 */
#ifndef RETROTLS_POLICY_OLD_STAT_H
#define RETROTLS_POLICY_OLD_STAT_H

#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

/*
 * SYS_old_stat(descriptor, path, bytes, flags) is fstatat(2). With the path "" and the flag AT_EMPTY_PATH
 * (Linux 2.6.39) it describes the descriptor itself.
 */
#if defined __i386__ || (defined __arm__ && !defined __aarch64__)
#    define SYS_old_stat SYS_fstatat64
enum { STAT_INODE = 12, STAT_INODE_SIZE = 4, STAT_LINKS = 20, STAT_MODE = 16, STAT_OWNER = 24 };
#elif (defined __x86_64__ && !defined __ILP32__) || defined __powerpc64__ || defined __s390x__
#    define SYS_old_stat SYS_newfstatat
enum { STAT_INODE = 8, STAT_INODE_SIZE = 8, STAT_LINKS = 16, STAT_MODE = 24, STAT_OWNER = 28 };
#elif defined __aarch64__ || (defined __riscv && __riscv_xlen == 64)
#    define SYS_old_stat SYS_newfstatat
enum { STAT_INODE = 8, STAT_INODE_SIZE = 8, STAT_LINKS = 20, STAT_MODE = 16, STAT_OWNER = 24 };
#endif

struct old_stat {
    _Alignas(8) uint8_t bytes[256]; /* more than any machine needs */
};

#ifdef SYS_old_stat
/* On all of these machines st_dev is the first 8 bytes. For i386 and arm, we read the inode's low half. */
static inline void old_stat_read(const struct old_stat *from, uint64_t *device, uint64_t *inode,
                                 uint32_t *owner, uint32_t *mode)
{
    uint32_t half = 0;

    memcpy(device, from->bytes, sizeof *device);
    memcpy(inode, from->bytes + (STAT_INODE_SIZE == 8 ? STAT_INODE : 0), sizeof *inode);
    memcpy(&half, from->bytes + STAT_INODE, sizeof half);
    if (STAT_INODE_SIZE == 4)
        *inode = half;
    memcpy(owner, from->bytes + STAT_OWNER, sizeof *owner);
    memcpy(mode, from->bytes + STAT_MODE, sizeof *mode);
}

/* st_nlink. On machines where it comes before st_mode, it has 8 bytes. */
static inline uint64_t old_stat_links(const struct old_stat *from)
{
    uint64_t all;
    uint32_t half;

    memcpy(&all, from->bytes + (STAT_LINKS < STAT_MODE ? STAT_LINKS : 0), sizeof all);
    memcpy(&half, from->bytes + STAT_LINKS, sizeof half);
    return STAT_LINKS < STAT_MODE ? all : half;
}
#endif

#endif
