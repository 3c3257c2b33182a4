/* The command reads any file that it is told to run: as an ELF file, and as a script's first line. */
#include <stdlib.h>
#include <string.h>

#include "command/reach/elf.h"
#include "command/reach/shebang.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void note(void *context, const char *name)
{
    *(size_t *)context += strlen(name); /* every byte is read, so that ASan sees it */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct elf elf;
    struct shebang line;
    size_t sum = 0;
    char name[64];

    if (elf_read(&elf, bytes, length)) {
        elf_each_needed(&elf, note, &sum);
        elf_each_import(&elf, note, &sum);
        elf_libc(&elf);
        elf_machine_name(&elf, name, sizeof name);
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
