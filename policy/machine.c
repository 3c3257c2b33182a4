#include "policy/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "policy/address.h"
#include "policy/readfile.h"
#include "policy/text.h"

enum { FILE_LIMIT = 1 << 20, NAME_SIZE = 256 };

struct span {
    const char *from, *end;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Returns the next word of a line, up to a '#'; an empty one if there are no more. */
static struct span next_word(struct span *line)
{
    struct span word;

    while (line->from < line->end && is_blank(*line->from))
        line->from++;
    word.from = line->from;
    while (line->from < line->end && !is_blank(*line->from) && *line->from != '#')
        line->from++;
    word.end = line->from;
    if (line->from < line->end && *line->from == '#')
        line->end = line->from;
    return word;
}

static bool next_line(struct span *text, struct span *line)
{
    const char *end;

    if (text->from == text->end)
        return false;
    end = memchr(text->from, '\n', (size_t)(text->end - text->from));
    line->from = text->from;
    line->end = end ? end : text->end;
    text->from = end ? end + 1 : text->end;
    return true;
}

static bool is(struct span word, const char *name, size_t length)
{
    if ((size_t)(word.end - word.from) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (lower(word.from[i]) != lower(name[i]))
            return false;
    return true;
}

static bool is_loopback(struct span word)
{
    char text[NETWORK_TEXT];
    const size_t length = (size_t)(word.end - word.from);
    struct network network;

    if (length == 0 || length >= sizeof text)
        return false;
    memcpy(text, word.from, length);
    text[length] = '\0';
    return !strchr(text, '/') && network_read(&network, text) == NETWORK_GOOD &&
           address_is_loopback(network.bytes);
}

/* Whether /etc/hosts gives the name a loopback address. */
static bool hosts_have(struct span text, const char *name, size_t length)
{
    struct span line, word;

    while (next_line(&text, &line)) {
        if (!is_loopback(next_word(&line)))
            continue;
        for (word = next_word(&line); word.from < word.end; word = next_word(&line))
            if (is(word, name, length))
                return true;
    }
    return false;
}

static bool hostname_is(struct span text, const char *name, size_t length)
{
    struct span line, word;

    while (next_line(&text, &line)) {
        word = next_word(&line);
        if (word.from < word.end)
            return is(word, name, length);
    }
    return false;
}

static size_t without_last_dot(const char *name)
{
    const size_t length = strlen(name);

    return length > 1 && name[length - 1] == '.' ? length - 1 : length;
}

static bool begins_with_node(const char *node, const char *name)
{
    const size_t label = strcspn(node, "."), length = without_last_dot(name);

    return label > 0 && length >= label && is((struct span){name, name + label}, node, label) &&
           (length == label || name[label] == '.');
}

bool machine_has(const struct machine *machine, const char *name)
{
    const size_t node = strlen(machine->node), length = without_last_dot(name);
    const struct span hosts = {machine->hosts, machine->hosts + machine->hosts_length};
    const struct span hostname = {machine->hostname, machine->hostname + machine->hostname_length};

    if (!begins_with_node(machine->node, name))
        return false;
    if (machine->hosts && hosts_have(hosts, name, length))
        return true;
    return machine->hostname && is((struct span){name, name + length}, machine->node, node) &&
           hostname_is(hostname, name, length);
}

static void read_file(const char *path, char **text, size_t *length)
{
    struct file_facts facts;
    const int descriptor = file_open(path, &facts);

    *text = NULL;
    *length = 0;
    if (descriptor < 0)
        return;
    if (file_read(descriptor, FILE_LIMIT, text, length) != 0)
        *text = NULL;
    file_close(descriptor);
}

bool hosts_equate(const char *text, size_t length, const char *a, const char *b)
{
    const size_t a_length = without_last_dot(a), b_length = without_last_dot(b);
    struct span rest = {text, text + length}, line, word;

    while (next_line(&rest, &line)) {
        bool has_a = false, has_b = false;

        for (word = next_word(&line); word.from < word.end; word = next_word(&line)) {
            has_a = has_a || is(word, a, a_length);
            has_b = has_b || is(word, b, b_length);
        }
        if (has_a && has_b)
            return true;
    }
    return false;
}

bool machine_equates(const char *a, const char *b)
{
    const int saved = errno;
    size_t length;
    char *hosts;
    bool equates;

    read_file("/etc/hosts", &hosts, &length);
    equates = hosts && hosts_equate(hosts, length, a, b);
    if (hosts)
        file_unmap(hosts, length);
    errno = saved;
    return equates;
}

bool machine_has_name(const char *name)
{
    const int saved = errno;
    struct utsname system;
    struct machine machine = {.node = system.nodename};
    char *hosts, *hostname;
    bool has;

    if (uname(&system) != 0 || !begins_with_node(system.nodename, name)) /* most names: no file is read */
        return false;
    read_file("/etc/hosts", &hosts, &machine.hosts_length);
    read_file("/etc/hostname", &hostname, &machine.hostname_length);
    machine.hosts = hosts;
    machine.hostname = hostname;
    has = machine_has(&machine, name);
    if (hosts)
        file_unmap(hosts, machine.hosts_length);
    if (hostname)
        file_unmap(hostname, machine.hostname_length);
    errno = saved;
    return has;
}

bool machine_is_localhost(const char *name)
{
    static const char *const names[] = {
        "localhost",  "localhost.localdomain",   "localhost4",    "localhost4.localdomain4",
        "localhost6", "localhost6.localdomain6", "ip6-localhost", "ip6-loopback",
    };
    static const char domain[] = ".localhost";
    const size_t length = strlen(name), tail = sizeof domain - 1;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (same_word(name, names[i]))
            return true;
    return length >= tail && same_word(name + length - tail, domain);
}
