/* Prints one line for a host that is this machine, instead of checking each usual port. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check/check.h"
#include "check/tcp.h"
#include "command/usage.h"
#include "policy/text.h"

enum { ANSWERS_HERE = 300 }; /* ms for connecting to one port of this machine */

static bool stays_here(const struct check_question *question, struct wire_address address, uint16_t port)
{
    struct policy_explanation why;
    struct policy_query query;

    address.port = port;
    query = asked_query(question->asked, &address);
    policy_explain(question->policy, &query, &why);
    return why.reason == REASON_LOOPBACK;
}

bool check_stays_here(const struct check_question *question)
{
    const struct asked *const asked = question->asked;

    for (size_t a = 0; a < asked->addresses_count; a++)
        for (size_t p = 0; p < asked->ports_count; p++)
            if (!stays_here(question, asked->addresses[a], asked->ports[p]))
                return false;
    return true;
}

static bool answers(const struct asked *asked, uint16_t port)
{
    for (size_t a = 0; a < asked->addresses_count; a++) {
        struct wire_address address = asked->addresses[a];
        int fd;

        address.port = port;
        if (tcp_connect(&address, ANSWERS_HERE, &fd) == 0) {
            close(fd);
            return true;
        }
    }
    return false;
}

void show_stays_here(const struct check_question *question)
{
    const struct asked *const asked = question->asked;
    char list[128];
    struct text ports = text_in(list, sizeof list);
    uint16_t first = 0;

    for (size_t p = 0; p < asked->ports_count; p++) {
        if (!answers(asked, asked->ports[p]))
            continue;
        text_add(&ports, first ? ", " : "");
        text_add_number(&ports, asked->ports[p]);
        if (!first)
            first = asked->ports[p];
    }
    if (first)
        say(stdout, 4,
            "%s: not guarded: it is this machine (loopback), and no block names it. Of the usual ports, "
            "these "
            "answer: %s. 'retrotls check %s %u' tries one.",
            asked->host, list, asked->host, first);
    else
        say(stdout, 4,
            "%s: not guarded: it is this machine (loopback), and no block names it. None of the usual ports "
            "answers.",
            asked->host);
}
