#include "relay/race/race.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int race_outcome(int tcp)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof(int);
    int error = 0;

    if (getsockopt(tcp, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return errno;
    length = sizeof peer;
    if (error == 0 && getpeername(tcp, (struct sockaddr *)&peer, &length) != 0)
        return ECONNABORTED; /* it was never connecting */
    return error;
}

void race_drop(struct race *race)
{
    if (race->alternative >= 0)
        close(race->alternative);
    race->alternative = -1;
}

void race_add_failure(struct failure *why, uint16_t port, int error)
{
    const size_t length = strlen(why->text);

    snprintf(why->text + length, sizeof why->text - length,
             "; nor does it answer on port %u, for TLS from the first byte: %s", port,
             strerror(error != 0 ? error : ETIMEDOUT));
}

static void begin(struct race *race)
{
    if (race->begun)
        return;
    race->begun = true;
    race->alternative_failed = files_connect_alternative(race->files, &race->alternative);
    if (race->alternative_failed != 0)
        race->alternative = -1;
}

/* The alternative has an outcome. True if it is up. */
static bool alternative_is_up(struct race *race)
{
    race->alternative_failed = race_outcome(race->alternative);
    if (race->alternative_failed == 0)
        return true;
    race_drop(race);
    return false;
}

/*
 * Waits until `until` for one of the two, or for the program to go. Returns what happened: 'f', 'a', 'g', or
 * 't' when time is up.
 */
static char wait_for_one(const struct race *race, bool with_first, const struct plain *program, int64_t until)
{
    /* Without a request for events, poll(2) reports only that the program has gone (plain_wait()). */
    struct pollfd ends[] = {{.fd = with_first ? race->first : -1, .events = POLLOUT},
                            {.fd = race->alternative, .events = POLLOUT},
                            {.fd = program->program}};

    for (;;) {
        const int64_t left = until - plain_now();
        int ready;

        if (left <= 0)
            return 't';
        ready = poll(ends, 3, left < INT_MAX ? (int)left : INT_MAX);
        if (ready < 0 && errno != EINTR)
            return 'g'; /* cannot wait */
        if (ready <= 0)
            continue;
        if (ends[2].revents) {
            if (plain_unsent(program) == 0 || plain_drops_unsent(race->first))
                return 'g';
            ends[2].fd = -1; /* what it has sent must still arrive, as over TCP */
        }
        if (ends[0].revents)
            return 'f';
        if (ends[1].revents)
            return 'a';
    }
}

enum race_end race_run(struct race *race, const struct plain *program)
{
    int64_t until = race->begun ? INT64_MAX : plain_now() + RACE_DELAY;

    if (race->failed != 0) {
        begin(race);
        until = plain_now() + RACE_PATIENCE;
    }
    while (race->failed == 0 || race->alternative >= 0) {
        switch (wait_for_one(race, race->failed == 0, program, until)) {
        case 'f':
            race->failed = race_outcome(race->first);
            if (race->failed == 0)
                return RACE_FIRST;
            begin(race);
            until = plain_now() + RACE_PATIENCE;
            break;
        case 'a':
            if (alternative_is_up(race))
                return RACE_ALTERNATIVE;
            break;
        case 'g':
            race_drop(race);
            return RACE_GONE;
        default:
            if (race->failed != 0)
                race_drop(race);
            begin(race);
            if (race->failed == 0)
                until = INT64_MAX;
        }
    }
    return RACE_FAILED;
}

bool race_await_alternative(struct race *race, const struct plain *program, int patience, bool *gone)
{
    const int64_t until = plain_now() + patience;
    char what;

    *gone = false;
    begin(race);
    if (race->alternative < 0)
        return false;
    what = wait_for_one(race, false, program, until);
    if (what == 'a')
        return alternative_is_up(race);
    *gone = what == 'g';
    race_drop(race);
    return false;
}
