/* Which options of a switched descriptor are its own, and not those of the TCP socket behind it. */
#ifndef RETROTLS_PRELOAD_INTERPOSE_SOCKOPT_H
#define RETROTLS_PRELOAD_INTERPOSE_SOCKOPT_H

#include <stdbool.h>

/* True if setsockopt(2) with this option means the descriptor itself, because its own calls obey it. */
bool option_is_descriptors_own(int level, int name);

#endif
