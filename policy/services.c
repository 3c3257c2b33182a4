#include "policy/services.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/readfile.h"
#include "policy/text.h"

enum { SERVICES_LIMIT = 1 << 20 }; /* bytes */

/* Names from IANA and from Debian's /etc/services, so that a policy means the same without that file. */
/* clang-format off */
#define SERVICES(X) \
    X("smtp", 25) X("submission", 587) X("msa", 587) X("submissions", 465) X("smtps", 465) X("urd", 465) \
    X("lmtp", 24) \
    X("imap", 143) X("imap2", 143) X("imaps", 993) \
    X("pop3", 110) X("pop-3", 110) X("pop3s", 995) X("pop-3s", 995) \
    X("nntp", 119) X("readnews", 119) X("nntps", 563) \
    X("sieve", 4190) X("managesieve", 4190)
/* clang-format on */

#define NAME(name, port) name,
#define PORT(name, port) port,
const char *const service_names[] = {SERVICES(NAME) NULL};
static const uint16_t service_ports[] = {SERVICES(PORT)};

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
        const char *end = line_end ? line_end : last;
        const char *comment = memchr(at, '#', (size_t)(end - at));

        if (line_has(at, comment ? comment : end, name, port))
            return true;
        at = line_end ? line_end + 1 : last;
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
    for (size_t i = 0; service_names[i]; i++)
        if (same_word(name, service_names[i])) {
            *port = service_ports[i];
            return true;
        }
    if (!services->asked)
        read_services(services);
    return services->text && file_has(services, name, port);
}

void services_forget(struct services *services)
{
    file_unmap(services->text, services->length);
    services->text = NULL;
}
