#include "policy/language/paths.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/language/readfile.h"

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

static bool holds_what(int descriptor, enum policy_setting key, const char **what)
{
    switch (key) {
    case POLICY_CRL_FILE:
        *what = "revocation list";
        return holds(descriptor, "-----BEGIN X509 CRL-----", "-----BEGIN CRL-----");
    case POLICY_CLIENT_KEY:
        *what = "private key";
        return holds_key(descriptor);
    default:
        *what = "certificate";
        return holds(descriptor, "-----BEGIN CERTIFICATE-----", "-----BEGIN TRUSTED CERTIFICATE-----");
    }
}

static bool refuse(struct errors *errors, const struct place *place, enum message message, const char *path,
                   const char *b)
{
    errors_tell(errors, place, message, path, b, NULL);
    return false;
}

/* Whether only its owner and group can read it, and only its owner can write to it. */
static bool is_private(struct errors *errors, const struct place *place, const char *path, uint32_t mode)
{
    const char octal[] = {'0', (char)('0' + (mode >> 6 & 7)), (char)('0' + (mode >> 3 & 7)),
                          (char)('0' + (mode & 7)), '\0'};

    return (mode & (S_IRWXO | S_IWGRP)) == 0 || refuse(errors, place, MESSAGE_KEY_EXPOSED, path, octal);
}

static bool file_check(struct errors *errors, const struct place *place, enum policy_setting key,
                       const char *path, int descriptor, uint32_t mode)
{
    const char *what;

    if (!S_ISREG(mode))
        return refuse(errors, place, MESSAGE_PATH_NOT_FILE, path, NULL);
    if (!holds_what(descriptor, key, &what))
        return refuse(errors, place, MESSAGE_PEM_MISSING, path, what);
    return key != POLICY_CLIENT_KEY || is_private(errors, place, path, mode);
}

/* The log itself may not exist yet. */
static bool log_check(struct errors *errors, const struct place *place, const char *path)
{
    char folder[POLICY_PATH_LIMIT];
    const size_t length = (size_t)(strrchr(path, '/') + 1 - path);
    int error;

    if (path[length] == '\0' || folder_error(path) == 0)
        return refuse(errors, place, MESSAGE_PATH_NOT_FILE, path, NULL);
    memcpy(folder, path, length);
    folder[length == 1 ? 1 : length - 1] = '\0'; /* without its final slash, unless it is the root */
    error = folder_error(folder);
    if (error == ENOTDIR)
        return refuse(errors, place, MESSAGE_PATH_NOT_FOLDER, folder, NULL);
    return error == 0 || refuse(errors, place, MESSAGE_LOG_FOLDER, folder, errno_words(error));
}

bool path_check(struct errors *errors, const struct place *place, enum policy_setting key, const char *path)
{
    struct file_facts facts;
    bool good;
    int descriptor;

    if (key == POLICY_LOG)
        return log_check(errors, place, path);
    descriptor = file_open(path, &facts);
    if (descriptor < 0)
        return refuse(errors, place, MESSAGE_PATH_UNREADABLE, path, errno_words(errno));
    if (key == POLICY_CA_DIR)
        good = S_ISDIR(facts.mode) || refuse(errors, place, MESSAGE_PATH_NOT_FOLDER, path, NULL);
    else
        good = file_check(errors, place, key, path, descriptor, facts.mode);
    file_close(descriptor);
    return good;
}

bool path_has_key(struct errors *errors, const struct place *place, const char *path)
{
    struct file_facts facts;
    const int descriptor = file_open(path, &facts);
    const bool found = descriptor >= 0 && S_ISREG(facts.mode) && holds_key(descriptor);

    if (descriptor >= 0)
        file_close(descriptor);
    if (found)
        (void)is_private(errors, place, path, facts.mode);
    return found;
}
