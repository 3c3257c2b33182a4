#include "policy/services.h"

#include <stddef.h>
#include <string.h>

#include "policy/readfile.h"
#include "policy/text.h"

/* IANA's names and those of Debian's /etc/services, so that a policy means the same without that file. */
static const uint16_t service_ports[] = {25,  587, 587, 465, 465, 465, 24,  143,  143, 993,
                                         110, 110, 995, 995, 119, 119, 563, 4190, 4190};
const char *const service_names[] = {"smtp",     "submission", "msa",   "submissions", "smtps",
                                     "urd",      "lmtp",       "imap",  "imap2",       "imaps",
                                     "pop3",     "pop-3",      "pop3s", "pop-3s",      "nntp",
                                     "readnews", "nntps",      "sieve", "managesieve", NULL};

_Static_assert(sizeof service_ports / sizeof service_ports[0] ==
                   sizeof service_names / sizeof service_names[0] - 1,
               "a port for each name");

const uint16_t usual_ports[] = {25, 587, 24, 143, 110, 119, 4190, 0};

enum protocol_kind port_protocol(uint16_t port)
{
    switch (port) {
    case 25:
    case 587:
        return PROTOCOL_SMTP;
    case 24:
        return PROTOCOL_LMTP;
    case 143:
        return PROTOCOL_IMAP;
    case 110:
        return PROTOCOL_POP3;
    case 119:
        return PROTOCOL_NNTP;
    case 4190:
        return PROTOCOL_SIEVE;
    default:
        return PROTOCOL_AUTO;
    }
}

bool service_port(const char *name, uint16_t *port)
{
    for (size_t i = 0; service_names[i] != NULL; i++)
        if (same_word(name, service_names[i])) {
            *port = service_ports[i];
            return true;
        }
    return false;
}
