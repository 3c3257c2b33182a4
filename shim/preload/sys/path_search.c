#include "preload/sys/path_search.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "preload/sys/strbuf.h"

void path_search_start(struct path_search *search, const char *file)
{
    search->file = file;
    search->next = getenv("PATH");
    if (strchr(file, '/'))
        search->next = "";
    else if (!search->next)
        search->next = "/bin:/usr/bin"; /* glibc's _CS_PATH */
}

bool path_search_next(struct path_search *search, char path[PATH_MAX])
{
    while (search->next) {
        const char *const folder = search->next;
        const size_t length = strcspn(folder, ":");
        struct strbuf w;

        search->next = folder[length] == ':' ? folder + length + 1 : NULL;
        if (length >= PATH_MAX)
            continue;
        strbuf_start(&w, path, PATH_MAX);
        memcpy(path, folder, length);
        w.used = length;
        path[length] = '\0';
        if (length > 0) /* an empty one is the working directory */
            strbuf_byte(&w, '/');
        strbuf_add(&w, search->file);
        if (!w.cut)
            return true;
    }
    return false;
}
