/*
 * Whether a file that is found relative to one's own may be run or loaded: nobody may have put it there, or
 * be able to change it, who cannot do so with one's own. Folders above the first that is asked about need no
 * look: whoever can write to those can exchange one's own file as well.
 */
#ifndef RETROTLS_POLICY_TRUST_H
#define RETROTLS_POLICY_TRUST_H

#include <stdint.h>

enum trust {
    TRUST_GIVEN,
    TRUST_ABSENT, /* there is no such file, or it cannot be looked at */
    TRUST_NO_FILE,
    TRUST_STRANGER, /* whose it is */
    TRUST_WRITABLE, /* by the group or by all; a sticky folder too (/tmp), where anybody can put a file */
};

/*
 * Who is trusted besides root, going by the own file `own`: its owner, if that is the effective user. Else,
 * and where that cannot be told, root alone (0).
 */
uint32_t trust_user(const char *own);

/* A regular file, and no symbolic link, of root's or `user`'s that nobody else can write to. */
enum trust trust_file(const char *path, uint32_t user);
/* Likewise a folder; a symbolic link is followed, for it is in a folder that was asked about before. */
enum trust trust_folder(const char *path, uint32_t user);

/* What a person is told, behind the name of the file or folder: "can be written to by ...". */
const char *trust_words(enum trust trust);

#endif
