/* How `retrotls status` shows connections: as a table that fits the terminal, or as JSON. */
#ifndef RETROTLS_COMMAND_STATUS_TABLE_H
#define RETROTLS_COMMAND_STATUS_TABLE_H

#include "command/relays.h"

/*
 * Shows one line for each connection, at most `height` lines in all (0: no limit), none wider than `width`.
 * If there is not enough room, cuts values and leaves out columns.
 */
void status_table_show(const struct rows *rows, size_t width, size_t height);

void status_table_as_json(const struct rows *rows);

#endif
