/* Opens and checks policy files. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/language/loader.h"
#include "policy/readfile.h"

void report_file(struct loader *loader, const struct place *place, const struct place *from,
                 enum message message, const char *a, const char *b)
{
    errors_report(&loader->errors, place, message, a, b, NULL);
    if (from)
        errors_report_origin(&loader->errors, from);
    loader->policy->unreadable = true;
}

/* Checks for a regular file that belongs to the user or root, and that nobody else may write to. */
static bool is_trusted(struct loader *loader, const struct place *place, const struct place *from,
                       const struct file_facts *facts)
{
    char number[16];
    struct text text = text_in(number, sizeof number);

    if (!S_ISREG(facts->mode)) {
        report_file(loader, place, from, MESSAGE_FILE_NOT_REGULAR, NULL, NULL);
        return false;
    }
    if (facts->owner != 0 && facts->owner != geteuid()) {
        text_add_number(&text, facts->owner);
        report_file(loader, place, from, MESSAGE_FILE_STRANGER, number, NULL);
        return false;
    }
    if ((facts->mode & (S_IWGRP | S_IWOTH)) != 0) {
        text_add(&text, "0");
        for (int shift = 6; shift >= 0; shift -= 3)
            text_add_number(&text, facts->mode >> shift & 7);
        report_file(loader, place, from, MESSAGE_FILE_WRITABLE, number, place->file->path);
        return false;
    }
    return true;
}

/* Reads the text of an open file into `file`, without a byte order mark at the start. */
static bool take_text(struct loader *loader, struct file *file, const struct place *from, int descriptor)
{
    static const char mark[] = {(char)0xef, (char)0xbb, (char)0xbf};
    struct place place = {.file = file};
    size_t left = POLICY_TOTAL_LIMIT - loader->files_total;
    const char *nul;
    int error;

    error = file_read(descriptor, left < POLICY_FILE_LIMIT ? left : POLICY_FILE_LIMIT, &file->mapping,
                      &file->mapped);
    if (error == EFBIG && left < POLICY_FILE_LIMIT)
        report_file(loader, &place, from, MESSAGE_FILES_TOO_LARGE, "4194304", NULL);
    else if (error == EFBIG)
        report_file(loader, &place, from, MESSAGE_FILE_TOO_LARGE, "1048576", NULL);
    else if (error != 0)
        report_file(loader, &place, from, MESSAGE_FILE_UNREADABLE, errno_words(error), NULL);
    if (error != 0)
        return false;
    loader->files_total += file->mapped;
    file->text = file->mapping;
    file->length = file->mapped;
    if (file->length >= sizeof mark && memcmp(file->text, mark, sizeof mark) == 0) {
        file->text += sizeof mark;
        file->length -= sizeof mark;
    }
    nul = memchr(file->text, '\0', file->length);
    if (!nul)
        return true;
    place = (struct place){.file = file, .line = 1, .offset = (uint32_t)(nul - file->text), .width = 1};
    for (const char *c = file->text; c < nul; c++)
        if (*c == '\n')
            place.line++;
    report_file(loader, &place, from, MESSAGE_NUL_BYTE, NULL, NULL);
    return false;
}

/*
 * Whether `path` is in another user's home: the program has changed its user since it started, and HOME is
 * still that of the first (/root). That policy is not this user's own, and this user could not repair it.
 */
static bool is_in_home_of_another(const char *path)
{
    char home[POLICY_PATH_LIMIT];
    const size_t length = strlen(path), suffix = sizeof POLICY_OF_USER - 1;
    uint32_t owner;

    if (length <= suffix || length - suffix >= sizeof home ||
        strcmp(path + length - suffix, POLICY_OF_USER) != 0)
        return false;
    memcpy(home, path, length - suffix);
    home[length - suffix] = '\0';
    return file_owner(home, &owner) == 0 && owner != geteuid();
}

static bool open_and_read(struct loader *loader, struct file *file, const struct place *from, bool must_exist)
{
    const struct place place = {.file = file};
    struct file_facts facts;
    const int descriptor = file_open(file->path, &facts);
    bool good;

    if (descriptor < 0) {
        const int error = errno;
        const bool missing = error == ENOENT || error == ENOTDIR;

        if (file_look(file->path, true, &facts) == 0)
            file->state = file_state(&facts);
        if (!must_exist && (missing || (error == EACCES && is_in_home_of_another(file->path))))
            return false;
        if (missing && !from)
            report_file(loader, &place, from, MESSAGE_FILE_MISSING, NULL, NULL);
        else
            report_file(loader, &place, from, MESSAGE_FILE_UNREADABLE, errno_words(error), NULL);
        return false;
    }
    file->device = facts.device;
    file->inode = facts.inode;
    file->state = file_state(&facts);
    file->size = facts.size;
    good = is_trusted(loader, &place, from, &facts);
    for (uint32_t i = 0; good && i < loader->depth; i++)
        if (loader->open[i]->device == file->device && loader->open[i]->inode == file->inode) {
            report_file(loader, from, NULL, MESSAGE_INCLUDE_CYCLE, file->path, NULL);
            good = false;
        }
    good = good && take_text(loader, file, from, descriptor);
    file_close(descriptor);
    return good;
}

void read_policy_file(struct loader *loader, const char *path, const struct place *from, bool must_exist)
{
    struct place place = {.file = &(const struct file){.path = path}};
    struct file *file;

    file = loader_take(loader, from ? from : &place, sizeof *file);
    if (!file)
        return;
    file->path = path;
    place.file = file;
    if (loader->files_count++ == POLICY_FILES_LIMIT) {
        report_file(loader, from ? from : &place, NULL, MESSAGE_FILES_TOO_MANY, "256", NULL);
        loader->full = true;
        return;
    }
    file->next = loader->files;
    loader->files = file;
    if (!open_and_read(loader, file, from, must_exist))
        return;
    loader->open[loader->depth++] = file;
    read_lines(loader, file);
    loader->depth--;
}
