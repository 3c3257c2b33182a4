/*
 * What a program and a DNS server say to each other, in any order and with any bytes. In the input, one byte
 * says which side sent a message, and two give its length. No byte beyond a message is read, and no answer
 * arrives to a question that was not asked.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "preload/names/names.h"
#include "supervise/dns/questions.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct questions q;
    bool asked = false;

    names_start();
    q = (struct questions){.asker = names_now(), .begun = names_now()};
    while (length >= 3) {
        const bool from_server = bytes[0] & 1;
        const size_t said = (size_t)bytes[1] << 8 | bytes[2];
        const size_t size = said < length - 3 ? said : length - 3;
        uint8_t *const message = malloc(size ? size : 1); /* for ASan: none is read beyond */

        if (!message)
            return 0;
        memcpy(message, bytes + 3, size);
        if (!from_server)
            asked = questions_note(&q, message, size) || asked;
        else if (questions_answer(&q, message, size) && !asked)
            abort();
        free(message);
        bytes += 3 + size;
        length -= 3 + size;
    }
    return 0;
}
