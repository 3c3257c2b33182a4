/*
 * The command reads any file that it is asked to run, as an ELF file and as a script's first line. The
 * library reads the beginning of those that its program starts.
 */
#include <stdlib.h>
#include <string.h>

#include "program/elf.h"
#include "program/shebang.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void note(void *context, const char *name)
{
    *(size_t *)context += strlen(name); /* every byte is read, so that ASan sees it */
}

/* As the library, which has read no more than the beginning. */
static void add_pieces(struct elf *elf, const uint8_t *bytes, size_t length)
{
    struct elf_piece piece[ELF_PIECES];
    const size_t count = elf_pieces(elf, 2048, piece);

    if (count > ELF_PIECES)
        abort();
    for (size_t i = 0; i < count; i++) {
        if (piece[i].size == 0 || piece[i].size > 2048)
            abort();
        if (piece[i].offset <= length && piece[i].size <= length - piece[i].offset)
            elf_add_piece(elf, &piece[i], bytes + piece[i].offset, (size_t)piece[i].size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct elf elf;
    struct shebang line;
    size_t sum = 0;
    char name[64];

    if (elf_read(&elf, bytes, length)) {
        add_pieces(&elf, bytes, length);
        elf_each_needed(&elf, note, &sum);
        elf_each_import(&elf, note, &sum);
        elf_libc(&elf);
        elf_machine_name(&elf, name, sizeof name);
        if (elf.interpreter && !elf.interpreted)
            abort();
        if (elf.interpreter)
            note(&sum, elf.interpreter);
        if (elf.soname)
            note(&sum, elf.soname);
    }
    if (shebang_read(&line, bytes, length) == SHEBANG_READ &&
        (!*line.interpreter || strchr(line.interpreter, '\n')))
        abort();
    shebang_is_binary(bytes, length);
    return 0;
}
