#include "supervise/dns/hosts_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/address.h"
#include "policy/machine.h"
#include "policy/readfile.h"

enum {
    FILE_LIMIT = 16 << 20, /* bytes; lists that block advertisers are long */
    LINE_LIMIT = 4096,     /* bytes; we do not read a longer line, however many names it has */
};

static const char blanks[] = " \t\r\v\f";

static bool has_address(const char *word, const struct wire_address *address)
{
    struct wire_address its;
    uint8_t a[16], b[16];

    return address_of_literal(word, &its) && address_bytes(a, &its) && address_bytes(b, address) &&
           memcmp(a, b, sizeof a) == 0;
}

static bool is_known(const struct names_found *found, const char *name)
{
    for (uint32_t i = 0; found->count != UINT32_MAX && i < found->count; i++) {
        if (name_hash(found->name[i]) == name_hash(name))
            return true;
    }
    return false;
}

static void add(struct names_found *found, const char *name)
{
    if (found->count >= SETTINGS_LIST_LIMIT || strlen(name) >= NAME_LIMIT) {
        found->lost = true;
        return;
    }
    strcpy(found->name[found->count], name);
    found->exchanger[found->count++] = 0;
}

/* The comment has been cut off `line`. `unnamed`: nobody has asked DNS for a name. */
static void read_line(struct names_found *found, bool unnamed, char *line, const struct wire_address *address)
{
    uint8_t bytes[16];
    const bool loopback = address_bytes(bytes, address) && address_is_loopback(bytes);
    const char *first = NULL;
    char *rest, *word = strtok_r(line, blanks, &rest);

    if (!word || !has_address(word, address))
        return;
    while ((word = strtok_r(NULL, blanks, &rest))) {
        if (is_known(found, word))
            return;
        if (loopback && (machine_is_localhost(word) || machine_has_name(word))) {
            found->lost = found->lost || unnamed;
            return;
        }
        if (!first)
            first = word;
    }
    if (first)
        add(found, first);
}

void hosts_file_add(struct names_found *found, const char *text, size_t length,
                    const struct wire_address *address)
{
    const char *const end = text + length;
    const bool unnamed = found->count == 0;

    while (text < end && !found->lost) {
        const char *const newline = memchr(text, '\n', (size_t)(end - text));
        const size_t whole = (size_t)((newline ? newline : end) - text);
        const char *const comment = memchr(text, '#', whole);
        const size_t used = comment ? (size_t)(comment - text) : whole;
        char line[LINE_LIMIT];

        if (used >= sizeof line || memchr(text, '\0', used)) {
            found->lost = true;
        } else {
            memcpy(line, text, used);
            line[used] = '\0';
            read_line(found, unnamed, line, address);
        }
        text = newline ? newline + 1 : end;
    }
}

void hosts_file_read(struct names_found *found, const char *path, const struct wire_address *address)
{
    const bool unnamed = found->count == 0;
    struct file_facts facts;
    int descriptor;
    size_t length;
    char *text;

    if (found->lost)
        return;
    descriptor = file_open(path, &facts);
    if (descriptor < 0) {
        found->lost = found->lost || errno != ENOENT;
        return;
    }
    if (file_read(descriptor, FILE_LIMIT, &text, &length) == 0) {
        hosts_file_add(found, text, length, address);
        file_unmap(text, length);
    } else {
        found->lost = true;
    }
    file_close(descriptor);
    if (unnamed && (facts.owner != 0 || (facts.mode & (S_IWGRP | S_IWOTH))))
        found->lost = true;
}
