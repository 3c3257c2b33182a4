/*
 * Where this system keeps the certification authorities that it trusts: each family of distributions has
 * places of its own, and a relay that was linked elsewhere knows those of that machine alone.
 *
 * The environment has no say (SSL_CERT_FILE, SSL_CERT_DIR): what a setuid program trusts is not its user's to
 * choose, and what a program trusts should not depend on the shell that it was started from.
 */
#ifndef RETROTLS_MONITOR_ROOTS_SYSTEM_ROOTS_H
#define RETROTLS_MONITOR_ROOTS_SYSTEM_ROOTS_H

/* Paths, the first of each that is of use; NULL where there is none. They are never freed. */
struct system_roots {
    const char *folder; /* with a certificate or more under its hash (openssl-rehash(1ssl)) */
    const char *bundle; /* a regular file that is not empty, PEM */
};

/* By the rights in effect. OpenSSL's own places come first, then those of distributions. */
void system_roots_find(struct system_roots *roots);

/* The same among the given places, each list ended by NULL. */
void system_roots_among(const char *const *folders, const char *const *bundles, struct system_roots *roots);

#endif
