#include "relay/sandbox/monitor_client.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "monitor/monitor.h"
#include "relay/sandbox/exchange.h"
#include "relay/sandbox/openers.h"

static int channel = -1; /* set before there are threads */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void monitor_use(int fd)
{
    channel = fd;
}

/* Asks the monitor's main thread, which never hangs. */
static int ask(struct exchange *c)
{
    int error;

    if (c->head.length > MONITOR_DATA_LIMIT)
        return MONITOR_TOO_LARGE;
    pthread_mutex_lock(&lock);
    error = channel < 0 ? exchange_here(c) : exchange(channel, c, -1);
    pthread_mutex_unlock(&lock);
    return error;
}

static int start_opener(int *opener)
{
    struct exchange c = {.head = {.kind = MONITOR_OPENER}, .fd = opener, .fd_limit = 1};
    const int error = ask(&c);

    return error == 0 && c.fd_count != 1 ? EMFILE : error;
}

/*
 * Asks an opener, because the answer needs the file that `path` identifies. If no opener can be started, the
 * main thread answers.
 */
static int ask_opener(struct exchange *c, uint64_t path, int patience)
{
    int error = MONITOR_NO_OPENER;

    if (c->head.length > MONITOR_DATA_LIMIT)
        return MONITOR_TOO_LARGE;
    if (channel >= 0)
        error = openers_ask(c, path, patience, start_opener);
    return error == MONITOR_NO_OPENER ? ask(c) : error;
}

/* ---- questions ---- */

int files_take_guard(int connection, struct taken_guard *taken)
{
    int fd[3] = {-1, -1, -1};
    struct exchange c = {.head = {.kind = MONITOR_TAKE},
                         .sent = {connection},
                         .sent_count = 1,
                         .into = taken->bytes,
                         .size = sizeof taken->bytes,
                         .fd = fd,
                         .fd_limit = 3};
    const int error = ask(&c);

    taken->length = c.length;
    taken->tcp = fd[0];
    taken->program = fd[1];
    taken->programs_end = fd[2];
    taken->files.facts = c.facts;
    if (error != 0 && taken->files.facts.grant != 0)
        files_end(&taken->files);
    return error;
}

void files_of_settings(struct files *files, const struct settings *settings)
{
    memset(files, 0, sizeof *files);
    if (channel >= 0)
        return; /* the monitor does not trust settings from us */
    pthread_mutex_lock(&lock);
    monitor_grant(settings, &files->facts);
    pthread_mutex_unlock(&lock);
}

void files_end(struct files *files)
{
    struct exchange c = {.head = {.kind = MONITOR_END, .grant = files->facts.grant}, .silent = true};

    if (files->facts.grant != 0)
        ask(&c);
    files->facts.grant = 0;
}

int files_open(const struct files *files, enum named which, int *fd)
{
    struct exchange c = {
        .head = {.kind = MONITOR_FILE, .grant = files->facts.grant, .what = which}, .fd = fd, .fd_limit = 1};
    const int error = ask_opener(&c, files->facts.path[which], FILES_PATIENCE);

    return error == 0 && c.fd_count != 1 ? EMFILE : error;
}

int files_roots(const struct files *files, enum monitor_roots kind, uint32_t hash,
                int fd[MONITOR_DESCRIPTORS], size_t *count)
{
    struct exchange c = {
        .head = {.kind = MONITOR_ROOTS, .grant = files->facts.grant, .what = kind, .number = hash},
        .fd = fd,
        .fd_limit = MONITOR_DESCRIPTORS};
    const int error = ask_opener(&c, files->facts.path[NAMED_CA_DIR], FILES_PATIENCE);

    *count = c.fd_count;
    return error;
}

int files_learn(struct files *files, enum named which)
{
    struct file_state state;
    struct exchange c = {.head = {.kind = MONITOR_STATE, .grant = files->facts.grant, .what = which},
                         .into = (uint8_t *)&state,
                         .size = sizeof state};
    int error;

    if (!(files->facts.unseen & 1U << which))
        return 0;
    error = ask_opener(&c, files->facts.path[which], FILES_PATIENCE);
    if (error == 0 && c.length != sizeof state)
        error = EBADMSG;
    if (error != 0)
        return error;
    files->facts.state[which] = state;
    files->facts.unseen &= ~(1U << which);
    return 0;
}

static int ask_for_bytes(enum monitor_kind kind, const struct files *files, enum named which, uint8_t *bytes,
                         size_t size, size_t *length)
{
    struct exchange c = {.head = {.kind = kind, .grant = files->facts.grant}, .into = bytes, .size = size};
    const int error = ask_opener(&c, files->facts.path[which], FILES_PATIENCE);

    *length = error == 0 ? c.length : 0;
    return error;
}

int files_certificate(const struct files *files, uint8_t *text, size_t size, size_t *length)
{
    return ask_for_bytes(MONITOR_CERTIFICATE, files, NAMED_CLIENT_CERT, text, size, length);
}

int files_public_key(const struct files *files, uint8_t *der, size_t size, size_t *length)
{
    return ask_for_bytes(MONITOR_KEY, files, NAMED_CLIENT_KEY, der, size, length);
}

int files_sign(uint32_t grant, const struct monitor_signing *how, const uint8_t *what, size_t length,
               uint8_t *signature, size_t size, size_t *used)
{
    struct exchange c = {.head = {.kind = MONITOR_SIGN, .grant = grant},
                         .data = how,
                         .more = what,
                         .more_length = length,
                         .into = signature,
                         .size = size};
    int error;

    if (length > MONITOR_DATA_LIMIT - sizeof *how)
        return MONITOR_TOO_LARGE;
    c.head.length = (uint32_t)(sizeof *how + length);
    error = ask(&c);
    *used = error == 0 ? c.length : 0;
    return error;
}

const char *files_error(int error)
{
    switch (error) {
    case MONITOR_NOT_REGULAR:
        return "it is not a regular file";
    case MONITOR_TOO_LARGE:
        return "it is too large (64 MiB, 48 KiB for a client-cert)";
    case MONITOR_HAS_PASSPHRASE:
        return "it has a passphrase, and there is nobody to ask for it";
    case MONITOR_NO_CERTIFICATE:
        return "it holds no certificate (PEM)";
    case MONITOR_NO_KEY:
        return "it holds no private key (PEM)";
    case MONITOR_NO_BUNDLED:
        return "there is no ca-certificates.pem beside the relay (make bundle)";
    case MONITOR_NOT_TRUSTED:
        return "somebody else can write to it, or to its folder";
    case MONITOR_EXPOSED:
        return "others may read the key in it (chmod o=,g-w)";
    case MONITOR_HANGS:
        return "its file system does not answer";
    default:
        return error > 0 ? strerror(error) : "cannot be used";
    }
}

int files_connect_alternative(const struct files *files, int *tcp)
{
    struct exchange c = {
        .head = {.kind = MONITOR_ALTERNATIVE, .grant = files->facts.grant}, .fd = tcp, .fd_limit = 1};
    const int error = ask(&c);

    return error == 0 && c.fd_count != 1 ? EMFILE : error;
}

bool files_bind_outcome(const struct files *files, int end, int outcome)
{
    struct exchange c = {
        .head = {.kind = MONITOR_BIND, .grant = files->facts.grant, .number = (uint32_t)outcome},
        .sent = {end},
        .sent_count = 1};

    return ask(&c) == 0;
}

void files_log(struct files *files, unsigned how, const char *line, size_t length)
{
    struct exchange c = {
        .head = {.kind = MONITOR_LOG, .grant = files->facts.grant, .what = how, .length = (uint32_t)length},
        .data = line,
        .silent = how & LINE_UNANSWERED};
    int error = 0;

    if (files->facts.grant != 0)
        error = files->facts.log != 0 ? ask_opener(&c, files->facts.log, LOG_PATIENCE) : ask(&c);
    if (error == MONITOR_HANGS) {
        c.head.what |= LINE_TO_SYSLOG;
        ask(&c);
    }
    if (how & LINE_IS_LAST)
        files->facts.grant = 0;
}

int monitor_option(int connection, int tcp, uint8_t *value, size_t size, size_t *length)
{
    struct exchange c = {.head = {.kind = MONITOR_OPTION},
                         .sent = {connection, tcp},
                         .sent_count = 2,
                         .into = value,
                         .size = size};
    const int error = ask(&c);

    *length = error == 0 ? c.length : 0;
    return error;
}

pid_t monitor_parent(void)
{
    struct exchange c = {.head = {.kind = MONITOR_PARENT}};

    ask(&c);
    return (pid_t)c.facts.grant;
}
