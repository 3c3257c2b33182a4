/*
 * Certificates and CRLs for a store, from files that the monitor opens: this process opens none itself.
 */
#ifndef RETROTLS_RELAY_TLS_ROOTS_H
#define RETROTLS_RELAY_TLS_ROOTS_H

#include <openssl/x509_vfy.h>
#include <stdbool.h>

#include "relay/sandbox/monitor_client.h"

/*
 * For whom the calling thread verifies from now on, by whose rights folders and bundles are read; NULL:
 * nobody. `files` stays the caller's.
 */
void roots_ask_for(const struct files *files);

/*
 * Adds what the PEM file `fd` holds, and closes it: certificates and CRLs, or CRLs alone. False with
 * OpenSSL's error where there is none in it.
 */
bool roots_add_file(X509_STORE *store, int fd);
bool roots_add_crls(X509_STORE *store, int fd);

/*
 * Has `store` look for what it lacks in the folder of the connection's settings, by hash: one file is read
 * for each root that is met (0.1 ms). What was found or missing once is not looked for again; a folder that
 * has changed makes another context. False without memory.
 */
bool roots_add_folder(X509_STORE *store);

/*
 * Adds the system's one file of roots, which some systems have instead, as the last place to look in. It is
 * read only when a root is not found elsewhere: that takes 25 ms, and where the folder has the same roots
 * (Debian) it is never needed. False without memory.
 */
bool roots_add_bundle(X509_STORE *store);

/* What the system's roots are worth, once a chain has ended at none of them. */
enum roots_worth {
    ROOTS_FIT,     /* or nobody can tell */
    ROOTS_MISSING, /* there are none at all */
    ROOTS_OLD,     /* none has come in years: `*newest` is the year of the newest */
};

/* Of the connection that the thread verifies for, whose trust is the system's. */
enum roots_worth roots_of_system(X509_STORE *store, int *newest);

#endif
