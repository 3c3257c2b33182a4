/*
 * Loads certificates and CRLs into a store, from files that the monitor opens: this process opens none
 * itself.
 */
#ifndef RETROTLS_RELAY_TLS_ROOTS_H
#define RETROTLS_RELAY_TLS_ROOTS_H

#include <openssl/x509_vfy.h>
#include <stdbool.h>

#include "relay/sandbox/monitor_client.h"

/*
 * Sets the connection that the calling thread verifies for: its rights are used to read folders and bundles.
 * NULL: none. `files` stays the caller's.
 */
void roots_ask_for(const struct files *files);

/*
 * Adds the contents of the PEM file `fd`, and closes it: certificates and CRLs, or CRLs only. False with
 * OpenSSL's error if it holds none.
 */
bool roots_add_file(X509_STORE *store, int fd);
bool roots_add_crls(X509_STORE *store, int fd);

/*
 * Makes `store` look in the folder that the connection's settings name, by hash, for what it lacks: one file
 * is read for each root that a chain needs (0.1 ms). What was found or missing once is not looked for again;
 * a folder that has changed leads to another context. False without memory.
 */
bool roots_add_folder(X509_STORE *store);

/*
 * Adds the system's single file of roots, which some systems have instead of a folder, as the last place to
 * look. It is read only if a root is not found elsewhere: reading it takes 25 ms, and if the folder has the
 * same roots (Debian) it is never needed. False without memory.
 */
bool roots_add_bundle(X509_STORE *store);

/* True if some file did not open in time since roots_ask_for(), so that its contents counted as missing. */
bool roots_hang(void);

/* How useful the system's roots are, once a chain has failed to end at one of them. */
enum roots_worth {
    ROOTS_FIT,     /* or it cannot be determined */
    ROOTS_MISSING, /* there are none */
    ROOTS_OLD,     /* no new one for years: `*newest` is the year of the newest */
};

/* For the connection that the thread verifies for, which trusts the system's roots. */
enum roots_worth roots_of_system(X509_STORE *store, int *newest);

#endif
