#include "monitor/threads/thread.h"

#include <pthread.h>

bool thread_start(void *(*run)(void *), void *argument, size_t stack)
{
    pthread_attr_t attributes;
    pthread_t id;
    bool good;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    good = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
           pthread_attr_setstacksize(&attributes, stack) == 0 &&
           pthread_create(&id, &attributes, run, argument) == 0;
    pthread_attr_destroy(&attributes);
    return good;
}
