/* cmocka.h needs these before it. */
#ifndef RETROTLS_TESTS_UNIT_CMOCKA_ALL_H
#define RETROTLS_TESTS_UNIT_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka has a fail() of its own, and so has relay/protocol/failure.h. The tests mean the latter. */
#pragma push_macro("fail")
#undef fail
#include <cmocka.h>
#undef fail
#pragma pop_macro("fail")

#undef fail_msg
#define fail_msg(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#endif
