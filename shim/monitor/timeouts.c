#include "monitor/timeouts.h"

static uint32_t bounded(uint32_t seconds, uint32_t otherwise)
{
    if (seconds == 0)
        return otherwise;
    return seconds < TIMEOUT_LIMIT ? seconds : TIMEOUT_LIMIT;
}

uint32_t timeout_of(const struct settings *settings)
{
    return bounded(settings->timeout, SETTINGS_TIMEOUT);
}

uint32_t greeting_timeout_of(const struct settings *settings)
{
    return bounded(settings->greeting_timeout, SETTINGS_GREETING_TIMEOUT);
}
