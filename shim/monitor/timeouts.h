/* The timeouts of settings, bounded. */
#ifndef RETROTLS_MONITOR_TIMEOUTS_H
#define RETROTLS_MONITOR_TIMEOUTS_H

#include <stdint.h>

#include "wire/settings.h"

enum { TIMEOUT_LIMIT = 24 * 3600 /* seconds: the longest timeout that we allow */ };

/* In seconds. */
uint32_t timeout_of(const struct settings *settings);
uint32_t greeting_timeout_of(const struct settings *settings);

#endif
