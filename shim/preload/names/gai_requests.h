/*
 * Requests of getaddrinfo_a(3) that the program has not asked about since it made them. Once one is finished,
 * any connection may be for its name.
 */
#ifndef RETROTLS_PRELOAD_NAMES_GAI_REQUESTS_H
#define RETROTLS_PRELOAD_NAMES_GAI_REQUESTS_H

#include <netdb.h>
#include <stdbool.h>

#ifdef __GLIBC__ /* musl does not have it */
/* Call this before libc gets the requests. Skips those that are NULL. */
void gai_requests_note(struct gaicb *const list[], int entries);
void gai_request_forget(struct gaicb *request);
/* What libc's own gai_error(3) returns. */
int gai_request_error(struct gaicb *request);
#endif

/*
 * Whether a request is finished that the program has not asked about: any connection may then be for a name
 * that names_find() does not know.
 */
bool gai_requests_owe_answers(void);

#endif
