#include "command/supervision.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/reach/beside.h"
#include "command/usage.h"
#include "supervise/start/start_supervisor.h"

/* Returns the port of the server that `fd` is connected to by TCP; 0 if it is not such a connection. */
static uint16_t port_of_peer(int fd)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int type = 0;
    socklen_t type_length = sizeof type;

    if (getpeername(fd, (struct sockaddr *)&peer, &length) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) != 0 || type != SOCK_STREAM)
        return 0;
    if (peer.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&peer)->sin_port);
    return peer.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&peer)->sin6_port) : 0;
}

/*
 * The program would use an inherited connection as it is, because the supervisor does not see that one.
 * Returns true, after printing an error, if the policy may guard such a connection.
 */
static bool has_guarded_connection(const struct policy *policy)
{
    DIR *const folder = opendir("/proc/self/fd");
    struct dirent *entry;
    bool found = false;

    while (folder && !found && (entry = readdir(folder))) {
        const uint16_t port = entry->d_name[0] == '.' ? 0 : port_of_peer(atoi(entry->d_name));

        found = port != 0 && policy_may_guard(policy, port);
        if (found)
            complain(
                "descriptor %s is already connected to a guarded port (%u), and a supervisor cannot see what "
                "the program does with it. Nothing was started. Close it first",
                entry->d_name, port);
    }
    if (folder)
        closedir(folder);
    else
        complain("/proc/self/fd: %s. Nothing was started, because a supervisor needs /proc. Mount it",
                 strerror(errno));
    return found || !folder;
}

void supervision_alone(void)
{
    char *const preload = getenv("LD_PRELOAD");
    char *kept, *word, *rest;

    if (!preload || !strstr(preload, "libretrotls.so"))
        return;
    kept = calloc(1, strlen(preload) + 1);
    if (!kept) {
        unsetenv("LD_PRELOAD");
        return;
    }
    for (word = strtok_r(preload, " :", &rest); word; word = strtok_r(NULL, " :", &rest)) {
        const char *const slash = strrchr(word, '/');

        if (strcmp(slash ? slash + 1 : word, "libretrotls.so") == 0)
            continue;
        if (kept[0])
            strcat(kept, ":");
        strcat(kept, word);
    }
    if (kept[0])
        setenv("LD_PRELOAD", kept, 1);
    else
        unsetenv("LD_PRELOAD");
    free(kept);
}

bool supervision_tell(void)
{
    return !is_supervised() || setenv("RETROTLS_SUPERVISED", "1", 1) == 0;
}

static bool put_under_supervisor(char words[SUPERVISION_WORDS])
{
    static char path[BESIDE_PATH];

    return is_supervised() || (beside_program("retrotls-supervise", path, words, SUPERVISION_WORDS) &&
                               start_supervisor(path, words));
}

bool supervision_begin(const char *why, const struct policy *policy)
{
    static char words[SUPERVISION_WORDS];

    if (policy && has_guarded_connection(policy))
        return false;
    if (put_under_supervisor(words) && supervision_tell())
        return true;
    complain("%s%s here: %s. Nothing was started", why,
             *why ? " It cannot be supervised" : "cannot supervise a program", words);
    return false;
}

bool supervision_is_possible(char words[SUPERVISION_WORDS])
{
    int end[2];
    ssize_t got;
    pid_t child;

    snprintf(words, SUPERVISION_WORDS, "%s", strerror(ENOMEM));
    if (pipe(end) != 0)
        return false;
    child = fork();
    if (child == 0) {
        words[0] = '\0';
        if (put_under_supervisor(words))
            words[0] = '\0';
        if (write(end[1], words, strlen(words) + 1) < 0)
            _exit(EXIT_FAILURE);
        _exit(EXIT_SUCCESS);
    }
    close(end[1]);
    got = child > 0 ? read(end[0], words, SUPERVISION_WORDS - 1) : 0;
    if (got > 0)
        words[got] = '\0';
    close(end[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return words[0] == '\0';
}
