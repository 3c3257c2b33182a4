/*
 * Included before everything else in every file that goes into libretrotls.so: the library is loaded into old
 * programs with an old libc, so it may require no symbol version newer than GLIBC_2.5 (RHEL 5, Debian 4), nor
 * one that musl 1.1 (Alpine 3.2) lacks, whatever libc it was built with (`make check-symbols`); on a machine
 * that glibc came to later, none newer than its first. dlsym() and its kin moved to libc.so.6 with a version
 * of 2.34; the old ones are there still. Younger functions are system calls (sys.h) or looked up
 * (environment.h, io.h).
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
