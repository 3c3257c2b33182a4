/* Writes JSON (RFC 8259) to standard output, for scripts. Cleans text to printable ASCII. */
#ifndef RETROTLS_COMMAND_JSON_H
#define RETROTLS_COMMAND_JSON_H

/* Writes a string in quotes, or null for NULL. Replaces each byte that is not printable ASCII with '?'. */
void json_string(const char *text);

/* Writes "name":, with a comma before it unless `first`. */
void json_name(const char *name, int first);

#endif
