#include "policy/services.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/language/readfile.h"
#include "policy/text.h"

enum { SERVICES_LIMIT = 1 << 20 }; /* bytes */

/* Names from IANA and from Debian's /etc/services, so that a policy means the same without that file. */
static const uint16_t service_ports[] = {25,  587, 587, 465, 465, 465, 24,  143,  143, 993,
                                         110, 110, 995, 995, 119, 119, 563, 4190, 4190};
const char *const service_names[] = {"smtp",     "submission", "msa",   "submissions", "smtps",
                                     "urd",      "lmtp",       "imap",  "imap2",       "imaps",
                                     "pop3",     "pop-3",      "pop3s", "pop-3s",      "nntp",
                                     "readnews", "nntps",      "sieve", "managesieve", NULL};

_Static_assert(sizeof service_ports / sizeof service_ports[0] ==
                   sizeof service_names / sizeof service_names[0] - 1,
               "a port for each name");

/* What separates the words of a line in /etc/services. (A '/' separates port and protocol.) */
static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip(const char *at, const char *end, bool spaces)
{
    while (at < end && is_space(*at) == spaces)
        at++;
    return at;
}

/* The line's next word; false at its end. */
static bool next_word(const char **at, const char *end, const char **word, size_t *length)
{
    *word = skip(*at, end, true);
    *at = skip(*word, end, false);
    *length = (size_t)(*at - *word);
    return *length > 0;
}

/* Whether a line such as "smtp  25/tcp  mail" has `name`; if so, sets its port. */
static bool line_has(const char *at, const char *end, const char *name, uint16_t *port)
{
    const char *word, *number;
    const size_t wanted = strlen(name);
    size_t length, digits;
    char text[16];
    uint32_t found;
    bool has;

    if (!next_word(&at, end, &word, &length))
        return false;
    has = length == wanted && memcmp(word, name, wanted) == 0;
    if (!next_word(&at, end, &number, &digits) || digits < 5 || digits >= sizeof text ||
        memcmp(number + digits - 4, "/tcp", 4) != 0)
        return false;
    memcpy(text, number, digits - 4);
    text[digits - 4] = '\0';
    while (!has && next_word(&at, end, &word, &length))
        has = length == wanted && memcmp(word, name, wanted) == 0;
    if (!has || !read_number(text, 65535, &found, NULL) || found == 0)
        return false;
    *port = (uint16_t)found;
    return true;
}

static bool file_has(const struct services *services, const char *name, uint16_t *port)
{
    const char *at = services->text, *last = services->text + services->length;

    while (at < last) {
        const char *line_end = memchr(at, '\n', (size_t)(last - at));
        const char *end = line_end == NULL ? last : line_end;
        const char *comment = memchr(at, '#', (size_t)(end - at));

        if (line_has(at, comment == NULL ? end : comment, name, port))
            return true;
        at = line_end == NULL ? last : line_end + 1;
    }
    return false;
}

static void read_services(struct services *services)
{
    struct file_facts facts;
    const int descriptor = file_open("/etc/services", &facts);

    services->asked = true;
    if (descriptor < 0)
        return;
    if (!S_ISREG(facts.mode) ||
        file_read(descriptor, SERVICES_LIMIT, &services->text, &services->length) != 0)
        services->text = NULL;
    file_close(descriptor);
}

bool service_port(struct services *services, const char *name, uint16_t *port)
{
    for (size_t i = 0; service_names[i] != NULL; i++)
        if (same_word(name, service_names[i])) {
            *port = service_ports[i];
            return true;
        }
    if (!services->asked)
        read_services(services);
    return services->text != NULL && file_has(services, name, port);
}

void services_forget(struct services *services)
{
    file_unmap(services->text, services->length);
    services->text = NULL;
}
