/*
 * Included before everything else in every file of libretrotls.so. Old programs with an old libc load the
 * library. So whatever libc it was built with, it may need no symbol version newer than GLIBC_2.5 (RHEL 5,
 * Debian 4), and no symbol that musl 1.1 (Alpine 3.2) lacks (`make check-symbols`). If glibc was ported to a
 * machine later than that, the limit is its first version there. dlsym() and its kin moved to libc.so.6 with
 * version 2.34; the old versions are still there. For newer functions we make the system call (sys.h) or look
 * the function up (environment.h, io.h).
 */
#ifndef RETROTLS_PRELOAD_COMPAT_H
#define RETROTLS_PRELOAD_COMPAT_H

#include <limits.h>

/* The first version of glibc on each machine. */
#if defined __GLIBC__ && (defined __aarch64__ || (defined __powerpc64__ && _CALL_ELF == 2))
#    define FIRST_VERSION "GLIBC_2.17"
#elif defined __GLIBC__ && defined __arm__
#    define FIRST_VERSION "GLIBC_2.4"
#elif defined __GLIBC__ && defined __s390x__
#    define FIRST_VERSION "GLIBC_2.2"
#elif defined __GLIBC__ && defined __riscv && __riscv_xlen == 64
#    define FIRST_VERSION "GLIBC_2.27"
#endif

#if defined FIRST_VERSION
__asm__(".symver dlsym,dlsym@" FIRST_VERSION);
__asm__(".symver dlerror,dlerror@" FIRST_VERSION);
__asm__(".symver dlclose,dlclose@" FIRST_VERSION);
#    ifndef DEFINES_DLOPEN
__asm__(".symver dlopen,dlopen@" FIRST_VERSION);
#    endif
#elif defined __GLIBC__ && defined __x86_64__ && !defined __ILP32__
__asm__(".symver dlsym,dlsym@GLIBC_2.2.5");
__asm__(".symver dlerror,dlerror@GLIBC_2.2.5");
__asm__(".symver dlclose,dlclose@GLIBC_2.2.5");
#    ifndef DEFINES_DLOPEN
__asm__(".symver dlopen,dlopen@GLIBC_2.2.5");
#    endif
#elif defined __GLIBC__ && defined __i386__
__asm__(".symver dlsym,dlsym@GLIBC_2.0");
__asm__(".symver dlerror,dlerror@GLIBC_2.0");
__asm__(".symver dlclose,dlclose@GLIBC_2.0");
#    ifndef DEFINES_DLOPEN
__asm__(".symver dlopen,dlopen@GLIBC_2.1");
#    endif
#endif

#endif
