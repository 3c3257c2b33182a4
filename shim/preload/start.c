/* What happens when the library is loaded: as little as possible, because it is loaded everywhere. */
#include <pthread.h>

#include "preload/adopt/first_use.h"
#include "preload/config.h"
#include "preload/descriptor/fd_state.h"
#include "preload/guard/slots.h"
#include "preload/interpose/connect.h"
#include "preload/libc/io.h"
#include "preload/libc/real.h"
#include "preload/names/lineage.h"
#include "preload/names/names.h"
#include "preload/sys/sys.h"

static void start_child(void)
{
    fd_state_start();
    slots_forget();
    lineage_forked();
}

__attribute__((constructor)) static void start(void)
{
    sys_start();
    real_start();
    config_start();
    names_start();
    io_start();
    fd_state_start();
    connect_start();
    pthread_atfork(NULL, NULL, start_child);
    first_use_start();
}
