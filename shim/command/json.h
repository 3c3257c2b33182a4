/* JSON (RFC 8259) on standard output, for scripts. Text from outside is cleaned: printable ASCII is all there
 * is. */
#ifndef RETROTLS_COMMAND_JSON_H
#define RETROTLS_COMMAND_JSON_H

/* A string in quotes; what is no printable ASCII becomes '?'. NULL: null. */
void json_string(const char *text);

/* "name": with a comma before it unless `first`. */
void json_name(const char *name, int first);

#endif
