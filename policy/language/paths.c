#include "policy/language/paths.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/readfile.h"

enum { PEM_CHUNK = 2048, PEM_SEARCHED = 1 << 22, PEM_MARK = 64 };

static bool has(const char *text, size_t length, const char *mark)
{
    return memmem(text, length, mark, strlen(mark)) != NULL;
}

/* Whether the first 4 MiB of the file contain one of the two marks. */
static bool holds(int descriptor, const char *mark, const char *other)
{
    char chunk[PEM_MARK + PEM_CHUNK];
    size_t kept = 0;

    for (size_t searched = 0; searched < PEM_SEARCHED; searched += PEM_CHUNK) {
        const ssize_t got = file_read_some(descriptor, chunk + kept, PEM_CHUNK);
        size_t length;

        if (got <= 0)
            return false;
        length = kept + (size_t)got;
        if (has(chunk, length, mark) || has(chunk, length, other))
            return true;
        kept = length < PEM_MARK ? length : PEM_MARK;
        memmove(chunk, chunk + length - kept, kept);
    }
    return false;
}

/* RFC 7468. The first mark also covers the other kinds of private keys (RSA, EC, ENCRYPTED). */
static bool holds_key(int descriptor)
{
    return holds(descriptor, " PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----");
}

/*
 * Everything that may hang is in one function, which may run in another process. So its question and its
 * answer hold no pointers.
 */
struct question {
    enum policy_setting key;
    bool for_key; /* of a client-cert: whether it holds its key */
    char path[POLICY_PATH_LIMIT];
};

struct answer {
    int error; /* an errno: it cannot be opened, or, for a log, its folder cannot */
    uint32_t mode;
    bool holds;     /* it holds what it should */
    bool is_folder; /* of a log: the path itself is a folder */
};

static bool holds_what(int descriptor, const struct question *q)
{
    if (q->key == POLICY_CLIENT_KEY || q->for_key)
        return holds_key(descriptor);
    if (q->key == POLICY_CRL_FILE)
        return holds(descriptor, "-----BEGIN X509 CRL-----", "-----BEGIN CRL-----");
    return holds(descriptor, "-----BEGIN CERTIFICATE-----", "-----BEGIN TRUSTED CERTIFICATE-----");
}

/* The log's folder, without its final slash, unless it is the root. */
static void folder_of(char folder[POLICY_PATH_LIMIT], const char *path)
{
    const size_t length = (size_t)(strrchr(path, '/') + 1 - path);

    memcpy(folder, path, length);
    folder[length == 1 ? 1 : length - 1] = '\0';
}

static void look(const void *question, void *answer)
{
    const struct question *const q = question;
    struct answer *const a = answer;
    char folder[POLICY_PATH_LIMIT];
    struct file_facts facts;
    int descriptor;

    *a = (struct answer){0};
    if (q->key == POLICY_LOG) {
        folder_of(folder, q->path);
        a->is_folder = folder_error(q->path) == 0;
        a->error = folder_error(folder);
        return;
    }
    descriptor = file_open(q->path, &facts);
    if (descriptor < 0) {
        a->error = errno;
        return;
    }
    a->mode = facts.mode;
    a->holds = S_ISREG(facts.mode) && q->key != POLICY_CA_DIR && holds_what(descriptor, q);
    file_close(descriptor);
}

/* False if that hangs. */
static bool ask(const struct policy_way *way, enum policy_setting key, bool for_key, const char *path,
                struct answer *answer)
{
    struct question q = {.key = key, .for_key = for_key};

    memcpy(q.path, path, strlen(path) + 1);
    if (way->apart)
        return way->apart(look, &q, answer, sizeof *answer);
    look(&q, answer);
    return true;
}

static bool refuse(struct errors *errors, const struct place *place, enum message message, const char *path,
                   const char *b)
{
    errors_report(errors, place, message, path, b, NULL);
    return false;
}

/* Whether only its owner and group can read it, and only its owner can write to it. */
static bool is_private(struct errors *errors, const struct place *place, const char *path, uint32_t mode)
{
    const char octal[] = {'0', (char)('0' + (mode >> 6 & 7)), (char)('0' + (mode >> 3 & 7)),
                          (char)('0' + (mode & 7)), '\0'};

    return file_is_private(mode) || refuse(errors, place, MESSAGE_KEY_EXPOSED, path, octal);
}

static const char *what_of(enum policy_setting key)
{
    return key == POLICY_CRL_FILE     ? "revocation list"
           : key == POLICY_CLIENT_KEY ? "private key"
                                      : "certificate";
}

static bool file_check(struct errors *errors, const struct place *place, enum policy_setting key,
                       const char *path, const struct answer *a)
{
    if (!S_ISREG(a->mode))
        return refuse(errors, place, MESSAGE_PATH_NOT_FILE, path, NULL);
    if (!a->holds)
        return refuse(errors, place, MESSAGE_PEM_MISSING, path, what_of(key));
    return key != POLICY_CLIENT_KEY || is_private(errors, place, path, a->mode);
}

/* The log itself may not exist yet. */
static bool log_check(struct errors *errors, const struct place *place, const char *path,
                      const struct answer *a)
{
    char folder[POLICY_PATH_LIMIT];

    if (path[strlen(path) - 1] == '/' || a->is_folder)
        return refuse(errors, place, MESSAGE_PATH_NOT_FILE, path, NULL);
    folder_of(folder, path);
    if (a->error == ENOTDIR)
        return refuse(errors, place, MESSAGE_PATH_NOT_FOLDER, folder, NULL);
    return a->error == 0 || refuse(errors, place, MESSAGE_LOG_FOLDER, folder, errno_words(a->error));
}

bool path_check(struct errors *errors, const struct policy_way *way, const struct place *place,
                enum policy_setting key, const char *path)
{
    struct answer a;

    if (way->unopened)
        return true;
    if (!ask(way, key, false, path, &a))
        return way->may_hang ||
               refuse(errors, place, MESSAGE_PATH_UNREADABLE, path, "its file system does not answer");
    if (key == POLICY_LOG)
        return log_check(errors, place, path, &a);
    if (a.error != 0)
        return refuse(errors, place, MESSAGE_PATH_UNREADABLE, path, errno_words(a.error));
    if (key == POLICY_CA_DIR)
        return S_ISDIR(a.mode) || refuse(errors, place, MESSAGE_PATH_NOT_FOLDER, path, NULL);
    return file_check(errors, place, key, path, &a);
}

bool path_has_key(struct errors *errors, const struct policy_way *way, const struct place *place,
                  const char *path)
{
    struct answer a;

    if (way->unopened || !ask(way, POLICY_CLIENT_CERT, true, path, &a))
        return true;
    if (a.holds)
        (void)is_private(errors, place, path, a.mode);
    return a.holds;
}
