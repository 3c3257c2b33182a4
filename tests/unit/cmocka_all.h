/* cmocka.h wants these before it. */
#ifndef RETROTLS_TESTS_UNIT_CMOCKA_ALL_H
#define RETROTLS_TESTS_UNIT_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
