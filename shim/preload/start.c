/* What happens when the library is loaded: as little as possible, because it is loaded everywhere. */
#include <pthread.h>

#include "preload/adopt/first_use.h"
#include "preload/child/child_environment.h"
#include "preload/descriptor/fd_state.h"
#include "preload/guard/slots.h"
#include "preload/libc/io.h"
#include "preload/libc/next.h"
#include "preload/libc/real.h"
#include "preload/names/lineage.h"
#include "preload/names/names.h"
#include "preload/process/config.h"
#include "preload/process/verbose.h"
#include "preload/relay/relay_ahead.h"
#include "preload/sys/sys.h"

static void start_child(void)
{
    fd_state_start();
    relay_ahead_start();
    slots_forget();
    lineage_forked();
    names_forked();
}

__attribute__((constructor)) static void start(void)
{
    sys_start();
    real_start();
    config_start();
    if (config_is_supervised())
        real_mark_calls();
    verbose_start();
    child_environment_start();
    names_start();
    next_start();
    io_start();
    fd_state_start();
    relay_ahead_start();
    if (real_connect_is_behind())
        fd_state_distrust();
    pthread_atfork(NULL, NULL, start_child);
    first_use_start();
}
