#include "relay/relay_log.h"

#include <string.h>

#include "monitor/files/log_file.h"
#include "wire/text_builder.h"

static bool goes_to_syslog(const char *where)
{
    return !where || strcmp(where, "syslog") == 0;
}

/*
 * A file and a terminal have the line before the program goes on. The system's logger reads it later in any
 * case, so nobody waits for that. If there is no logger, the line needs a file.
 */
static void pass(struct files *files, const char *where, unsigned how, const char *line, size_t length)
{
    if (!where || strcmp(where, "none") != 0)
        files_log(files, goes_to_syslog(where) && files->facts.log == 0 ? how | LINE_UNANSWERED : how, line,
                  length);
    else if (how & LINE_IS_LAST)
        files_end(files);
}

void relay_log_write(struct files *files, const char *where, bool last, const struct log_line *l)
{
    const bool warning = l->result != RESULT_TLS || l->error[0];
    char line[LOG_LINE_LIMIT];
    const size_t length = where && strcmp(where, "stderr") == 0 ? log_line_sentence(line, sizeof line, l)
                                                                : log_line_fields(line, sizeof line, l);

    pass(files, where, (warning ? LINE_WARNS : 0U) | (last ? LINE_IS_LAST : 0U), line, length);
}

void relay_log_warning(struct files *files, const char *where, const char *text)
{
    const bool for_person = where && strcmp(where, "stderr") == 0;
    char line[LOG_LINE_LIMIT];
    struct text t = text_in(line, sizeof line);

    text_add(&t, for_person ? "retrotls: " : "warning=\"");
    text_add(&t, text);
    text_add(&t, for_person ? "" : "\"");
    pass(files, where, LINE_WARNS, line, t.length);
}
