/* What happens when the library is loaded: as little as possible, for it is loaded everywhere. */
#include <pthread.h>

#include "preload/config.h"
#include "preload/names.h"
#include "preload/real.h"
#include "preload/slots.h"

__attribute__((constructor)) static void start(void)
{
    real_start();
    config_start();
    names_start();
    pthread_atfork(NULL, NULL, slots_forget);
}
