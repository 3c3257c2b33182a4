/*
 * Whether we may run or load a file found relative to our own: nobody may be able to put it there or change
 * it who cannot already do so with our own file. We need not check the folders above the first one we are
 * asked about: whoever can write to those can replace our own file as well.
 */
#ifndef RETROTLS_POLICY_TRUST_H
#define RETROTLS_POLICY_TRUST_H

#include <stdint.h>

enum trust {
    TRUST_GIVEN,
    TRUST_ABSENT, /* there is no such file, or we cannot examine it */
    TRUST_NO_FILE,
    TRUST_STRANGER, /* it belongs to someone else */
    TRUST_WRITABLE, /* by the group or by all; also a sticky folder (/tmp), where anybody can put a file */
};

/*
 * Returns the user that we trust besides root: the owner of our own file `own`, if that is the effective
 * user. Otherwise, or if we cannot tell, root alone (0).
 */
uint32_t trust_user(const char *own);

/*
 * Checks for a regular file (not a symbolic link) that belongs to root or `user`, and that nobody else can
 * write to.
 */
enum trust trust_file(const char *path, uint32_t user);
/*
 * The same for a folder. It may be a symbolic link: the folder that holds the link has already been checked.
 */
enum trust trust_folder(const char *path, uint32_t user);

/* What to tell a person, after the name of the file or folder: "can be written to by ...". */
const char *trust_words(enum trust trust);

#endif
