/*
 * Text from outside (a server, a certificate, DNS, a policy file, a program's path) is shown to people,
 * logged and sent to programs only after it was cleaned here: it then cannot start a line or a field of its
 * own, nor command a terminal.
 *
 * The monitor cleans each whole line once more (monitor/files/log_file.c). Text from a person's own files is
 * shown in UTF-8 (policy/language/errors.c, command/usage.c).
 */
#ifndef RETROTLS_WIRE_CLEAN_H
#define RETROTLS_WIRE_CLEAN_H

#include <stddef.h>

enum clean {
    CLEAN_PRINTABLE, /* every byte outside 0x20-0x7E becomes '?' */
    CLEAN_QUOTABLE,  /* '"' and '\' as well, so that the text can stand between quotes */
};

/*
 * Copies `length` bytes of any content, but at most `room`, and cleans them. Adds no NUL. Returns how many
 * were copied.
 */
size_t clean_copy(char *to, size_t room, const char *from, size_t length, enum clean how);

#endif
