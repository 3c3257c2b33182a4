/* What happens when the library is loaded: as little as possible, for it is loaded everywhere. */
#include <pthread.h>

#include "preload/config.h"
#include "preload/connect.h"
#include "preload/io.h"
#include "preload/known.h"
#include "preload/lineage.h"
#include "preload/names.h"
#include "preload/real.h"
#include "preload/slots.h"
#include "preload/sys.h"
#include "preload/watch.h"

static void start_child(void)
{
    known_start();
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
    known_start();
    connect_start();
    pthread_atfork(NULL, NULL, start_child);
    watch_start();
}
