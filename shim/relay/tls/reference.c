#include "relay/tls/reference.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <netinet/in.h>
#include <string.h>

/*
 * Reads an address as the resolver does: in inet_aton(3)'s notations, or IPv6 with a scope, which
 * certificates do not have.
 */
static bool numeric(struct reference *reference, const char *name)
{
    char bare[INET6_ADDRSTRLEN];
    const size_t length = strcspn(name, "%");
    struct in6_addr v6;
    struct in_addr v4;
    const char *made = NULL;

    if (length >= sizeof bare || strpbrk(name, " \t\r\n"))
        return false;
    memcpy(bare, name, length);
    bare[length] = '\0';
    if (inet_pton(AF_INET6, bare, &v6) == 1) {
        if (IN6_IS_ADDR_V4MAPPED(&v6))
            made = inet_ntop(AF_INET, v6.s6_addr + 12, reference->text, sizeof reference->text);
        else
            made = inet_ntop(AF_INET6, &v6, reference->text, sizeof reference->text);
    } else if (name[length] == '\0' && inet_aton(name, &v4)) {
        made = inet_ntop(AF_INET, &v4, reference->text, sizeof reference->text);
    }
    reference->is_address = made != NULL;
    return made != NULL;
}

static bool is_ascii(const char *name)
{
    for (; *name; name++) {
        if ((unsigned char)*name >= 0x80)
            return false;
    }
    return true;
}

/* Whether `name` has at most 253 characters (RFC 1035, 2.3.4), none of them blank or a control character. */
static bool is_host_name(const char *name)
{
    const size_t length = strlen(name);

    if (length == 0 || length > 253 || name[0] == '.')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (name[i] <= ' ' || name[i] == 0x7f || (name[i] == '.' && name[i + 1] == '.'))
            return false;
    }
    return true;
}

bool reference_from(struct reference *reference, const char *name)
{
    size_t length;

    *reference = (struct reference){.is_address = false};
    if (numeric(reference, name))
        return true;
    if (is_ascii(name)) {
        length = strlen(name);
        if (length >= sizeof reference->text)
            return false;
        memcpy(reference->text, name, length + 1);
    } else {
        char *ascii = NULL;

        if (idn2_to_ascii_8z(name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
            return false;
        length = strlen(ascii);
        if (length < sizeof reference->text)
            memcpy(reference->text, ascii, length + 1);
        idn2_free(ascii);
        if (length >= sizeof reference->text)
            return false;
    }
    if (length > 1 && reference->text[length - 1] == '.')
        reference->text[length - 1] = '\0';
    /* "192.0.2.1." was looked up as a name, but no name ends in a number (RFC 9525, 2; RFC 3696, 2). */
    return is_host_name(reference->text) &&
           !numeric(&(struct reference){.is_address = false}, reference->text);
}

static bool add(struct references *references, const char *name)
{
    struct reference made;

    if (!reference_from(&made, name))
        return false;
    for (uint32_t i = 0; i < references->count; i++) {
        if (strcasecmp(references->item[i].text, made.text) == 0)
            return true;
    }
    references->item[references->count++] = made;
    return true;
}

bool references_from(struct references *references, const struct settings *settings,
                     const struct text_list *asked)
{
    const struct text_list *from = settings->names.count > 0 ? &settings->names : asked;

    references->count = 0;
    references->any = settings->names.count > 0;
    if (settings->names.count == 0 && settings->connect_host)
        return add(references, settings->connect_host);
    for (uint32_t i = 0; i < from->count; i++) {
        if (!add(references, from->item[i]))
            return false;
    }
    return true;
}
