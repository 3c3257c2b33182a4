#include "preload/relay/relay_path.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/sys/proc.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

static const char relay_name[] = "/retrotls-relay";

/*
 * Reads a line of /proc/self/maps (proc(5)): "START-END PERMS OFFSET DEV INODE   PATH". Returns the path if
 * the line's range holds `address`, and otherwise NULL. Unlike the dynamic linker's, this path is never
 * relative.
 */
static const char *path_at(const char *line, const char *end, uintptr_t address)
{
    uint64_t first, last;
    const char *at = strbuf_read_hex(line, end, &first);

    if (!at || *at != '-')
        return NULL;
    at = strbuf_read_hex(at + 1, end, &last);
    if (!at || address < first || address >= last)
        return NULL;
    return memchr(at, '/', (size_t)(end - at));
}

static bool copy_path(const char *from, const char *end, char path[RELAY_PATH_LIMIT])
{
    if ((size_t)(end - from) >= RELAY_PATH_LIMIT)
        return false;
    memcpy(path, from, (size_t)(end - from));
    path[end - from] = '\0';
    return true;
}

/* The path of the file that holds this function; `thread`: see proc.h. */
static bool own_path(bool thread, char path[RELAY_PATH_LIMIT])
{
    const uintptr_t address = (uintptr_t)&own_path;
    static char buffer[2 * RELAY_PATH_LIMIT];
    size_t used = 0;
    bool found = false;
    ssize_t got = 1;
    const int maps = proc_open_of(thread, "maps", O_RDONLY);

    if (maps < 0)
        return false;
    while (!found && used < sizeof buffer &&
           (got = sys_read(maps, buffer + used, sizeof buffer - used)) > 0) {
        char *line = buffer, *end;

        used += (size_t)got;
        while (!found && (end = memchr(line, '\n', (size_t)(buffer + used - line)))) {
            const char *const from = path_at(line, end, address);

            found = from && copy_path(from, end, path);
            line = end + 1;
        }
        used -= (size_t)(line - buffer);
        memmove(buffer, line, used);
    }
    sys_close(maps);
    return found;
}

/* If the file was replaced after it was loaded, we use the one that is there now (proc(5)). */
static void cut_deleted(char *path)
{
    static const char mark[] = " (deleted)";
    const size_t length = strlen(path);

    if (length >= sizeof mark && strcmp(path + length - (sizeof mark - 1), mark) == 0)
        path[length - (sizeof mark - 1)] = '\0';
}

/* Cuts off the last part of a path; false if there is none. */
static bool cut_last(char *path)
{
    char *const slash = strrchr(path, '/');

    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

static void pass(struct relay_passed_over *passed, const char *relay, const char *cause, enum trust trust)
{
    if (passed->relay[0])
        return;
    strcpy(passed->relay, relay);
    strcpy(passed->cause, cause);
    passed->trust = trust;
}

void relay_path_find(char path[RELAY_PATH_LIMIT], struct relay_passed_over *passed)
{
    static char folder[RELAY_PATH_LIMIT]; /* the first that we do not trust */
    bool found = own_path(false, path) || own_path(true, path);
    enum trust of_folders = TRUST_GIVEN;
    uint32_t user = 0;

    passed->relay[0] = '\0';
    if (found) {
        cut_deleted(path);
        user = trust_user(path);
        found = cut_last(path);
    }
    for (int up = 0; found && up < 2; up++) {
        const size_t length = strlen(path);
        enum trust trust;

        if (of_folders == TRUST_GIVEN) {
            of_folders = trust_folder(length > 0 ? path : "/", user);
            strcpy(folder, length > 0 ? path : "/");
        }
        if (length + sizeof relay_name <= RELAY_PATH_LIMIT) {
            memcpy(path + length, relay_name, sizeof relay_name);
            trust = trust_file(path, user);
            if (trust == TRUST_GIVEN && of_folders == TRUST_GIVEN)
                return;
            if (trust != TRUST_ABSENT && trust != TRUST_GIVEN)
                pass(passed, path, path, trust);
            else if (trust != TRUST_ABSENT)
                pass(passed, path, folder, of_folders);
            path[length] = '\0';
        }
        found = cut_last(path);
    }
    memcpy(path, RETROTLS_RELAY_PATH, sizeof RETROTLS_RELAY_PATH);
}
