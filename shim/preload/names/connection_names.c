#include "preload/names/connection_names.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/address.h"
#include "policy/machine.h"
#include "preload/sys/strbuf.h"

static uint8_t exchanger_of(const struct names_found *found, uint32_t i)
{
    for (uint32_t j = 0; found->exchanger[i] != 0 && j < found->count; j++) {
        if (found->exchanger[j] == 0 && name_hash(found->name[j]) == found->exchanger[i])
            return (uint8_t)(j + 1);
    }
    return 0;
}

void connection_names_ask(struct policy_query *query, const struct names_found *found)
{
    uint8_t bytes[16];
    const bool loopback = address_bytes(bytes, &query->address) && address_is_loopback(bytes);

    query->hosts.count = found->count == UINT32_MAX ? 0 : found->count;
    query->hosts_lost = found->lost;
    query->hosts_here = 0;
    query->resolves_itself = found->resolves;
    for (uint32_t i = 0; i < query->hosts.count; i++) {
        query->hosts.item[i] = found->name[i];
        query->hosts_exchanger[i] = exchanger_of(found, i);
        if (loopback && machine_has_name(found->name[i]))
            query->hosts_here |= UINT32_C(1) << i;
    }
}

bool connection_names_settle(const struct policy *policy, const struct policy_query *query,
                             const struct settings *settings, struct text_list *asked)
{
    const bool needed =
        settings->level == LEVEL_SECURE && settings->names.count == 0 && !settings->connect_host;

    asked->count = 0;
    if (needed && query->hosts_lost) /* when testing, the relay reports that it has no name */
        return settings->testing;
    for (uint32_t i = 0; i < query->hosts.count; i++) {
        if (!policy_vouches(policy, query, i))
            asked->item[asked->count++] = query->hosts.item[i];
    }
    return true;
}

static void add_address(struct strbuf *w, const struct wire_address *from)
{
    char address[INET6_ADDRSTRLEN];

    if (inet_ntop(from->family, from->bytes, address, sizeof address))
        strbuf_add(w, address);
}

void connection_names_explain(const struct policy_query *query, bool unseen, char *why, size_t size)
{
    struct strbuf w;

    strbuf_start(&w, why, size);
    if (unseen) {
        strbuf_add(&w, "the name that led to ");
        add_address(&w, &query->address);
        strbuf_add(&w, " cannot be seen from outside the program;");
    } else if (query->hosts_lost) {
        strbuf_add(&w, "the name that led to ");
        add_address(&w, &query->address);
        strbuf_add(&w,
                   " is lost (too many names, or too many addresses of one); start the program again, or");
    } else if (query->hosts.count == 0) {
        strbuf_add(&w, "no name was seen for ");
        add_address(&w, &query->address);
        strbuf_add(&w, ", and the policy has different rules for names that may be meant;");
    } else {
        strbuf_add(&w, "several names led to ");
        add_address(&w, &query->address);
        strbuf_add(&w, ", and the policy has different rules for them;");
    }
    strbuf_add(&w, " add to the policy, before its other blocks, 'match address ");
    add_address(&w, &query->address);
    strbuf_add(&w, " port ");
    strbuf_number(&w, query->address.port);
    strbuf_add(&w, "' with 'name HOST'");
    for (uint32_t i = 0; i < query->hosts.count; i++) {
        strbuf_add(&w, i == 0 ? "; the names are " : ", ");
        strbuf_add(&w, query->hosts.item[i]);
    }
}
