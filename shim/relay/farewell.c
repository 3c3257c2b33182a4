#include "relay/farewell.h"

#include <string.h>

enum { LOOKED_AT = 80 }; /* bytes at the end of a long piece: a farewell with its tag */

static void note(struct farewell *f, char byte)
{
    static const char words[2][7] = {"QUIT", "LOGOUT"};

    if (byte == '\r')
        return;
    f->said = byte == '\n' && ((f->word == 4 && f->matched[0] == 4) || (f->word == 6 && f->matched[1] == 6));
    if (byte == '\n' || byte == ' ') {
        f->word = f->matched[0] = f->matched[1] = 0;
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (f->matched[i] == f->word && f->word < strlen(words[i]) && (byte & ~0x20) == words[i][f->word])
            f->matched[i]++;
    }
    f->word++;
}

void farewell_note(struct farewell *f, const char *bytes, size_t length)
{
    if (length > LOOKED_AT) {
        bytes += length - LOOKED_AT;
        length = LOOKED_AT;
        *f = (struct farewell){.word = LOOKED_AT}; /* in the middle of something else */
    }
    for (size_t i = 0; i < length; i++)
        note(f, bytes[i]);
}
