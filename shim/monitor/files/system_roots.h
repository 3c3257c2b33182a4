/*
 * Finds the certification authorities that this system trusts: each family of distributions keeps them in
 * places of its own, and a relay built elsewhere only knows those of the build machine.
 *
 * We ignore the environment (SSL_CERT_FILE, SSL_CERT_DIR): the user of a setuid program may not choose what
 * it trusts, and what a program trusts should not depend on the shell that started it.
 */
#ifndef RETROTLS_MONITOR_FILES_SYSTEM_ROOTS_H
#define RETROTLS_MONITOR_FILES_SYSTEM_ROOTS_H

/* The first usable path of each kind, or NULL. They are never freed. */
struct system_roots {
    const char *folder; /* has at least one certificate under its hash (openssl-rehash(1ssl)) */
    const char *bundle; /* a regular PEM file that is not empty */
};

/* Looks with the rights in effect. Tries OpenSSL's own places first, then those of distributions. */
void system_roots_find(struct system_roots *roots);

/* The same among the given places. Each list ends with NULL. */
void system_roots_among(const char *const *folders, const char *const *bundles, struct system_roots *roots);

#endif
