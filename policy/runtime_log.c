#include "policy/runtime_log.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/log_path.h"
#include "policy/readfile.h"
#include "wire/text_builder.h"

bool system_logger_is_there(void)
{
    struct file_facts facts;

    return file_look("/dev/log", true, &facts) == 0 && S_ISSOCK(facts.mode);
}

void runtime_log_path(char path[RUNTIME_LOG_PATH], unsigned place, uint32_t user)
{
    struct text t = text_in(path, RUNTIME_LOG_PATH);
    const bool last = place > 0, is_root = user == 0;

    text_add(&t, last ? "/tmp/retrotls-" : is_root ? "/run/retrotls" : "/run/user/");
    if (last || !is_root)
        text_add_number(&t, user);
    text_add(&t, last || is_root ? ".log" : "/retrotls.log");
}

/* lseek(2) fails on a 32-bit machine if the file has more than 2 GiB. */
static bool has_room(int descriptor)
{
    const long size = syscall(SYS_lseek, descriptor, 0L, SEEK_END);

    return size >= 0 && size < RUNTIME_LOG_LIMIT;
}

int runtime_log_open(uint32_t user)
{
    char path[RUNTIME_LOG_PATH];
    int descriptor = -1;

    for (unsigned i = 0; i < RUNTIME_LOG_PLACES && descriptor < 0; i++) {
        runtime_log_path(path, i, user);
        descriptor = log_path_open(path, user);
    }
    if (descriptor >= 0 && !has_room(descriptor)) {
        file_close(descriptor);
        descriptor = -1;
        errno = EFBIG;
    }
    return descriptor;
}
