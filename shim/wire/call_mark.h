/*
 * The mark of the library's own system calls. Where a supervisor serves the same program (shim/supervise),
 * its filter lets a marked call through: the library guards that connection already, or has decided to leave
 * it alone. Only code in the program can set it, and such code could just as well call the library.
 *
 * It must not stay in a register or on the stack, where the program's next call of its own would pick it up.
 * So it stands in the upper half of the first argument, which is a descriptor: the kernel looks only at the
 * lower half (an int), and code that makes its own call sets the whole register, so that its upper half is
 * all zeroes or all ones. Where registers have 32 bits, it is in the sixth argument, which these calls do not
 * have, and which the functions that make a call restore (ebp on i386, r5 on ARM).
 */
#ifndef RETROTLS_WIRE_CALL_MARK_H
#define RETROTLS_WIRE_CALL_MARK_H

#include <stdint.h>

#if UINTPTR_MAX > UINT32_MAX
#    define CALL_MARK UINT32_C(0x52747453)
#    define CALL_MARKED(fd) ((long)((uint64_t)CALL_MARK << 32 | (uint32_t)(fd)))
#    define CALL_SIXTH 0L
#else
#    define CALL_MARKED(fd) ((long)(fd))
#    define CALL_SIXTH ((long)UINT32_C(0xf2747473))
#endif

#endif
