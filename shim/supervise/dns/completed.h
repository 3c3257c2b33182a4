/*
 * Names that a resolver completes from its search list (resolv.conf(5)). Whoever runs the network may have
 * supplied the list, and also the answer that the original name does not exist. So if the program asked for
 * `imap.bank.example`, and then for `imap.bank.example.evil.example`, the certificate must be valid for the
 * first name too.
 */
#ifndef RETROTLS_SUPERVISE_DNS_COMPLETED_H
#define RETROTLS_SUPERVISE_DNS_COMPLETED_H

/*
 * Notes that somebody asks for `name`. If it begins with a name of at least two labels that was asked for
 * before, it counts as derived from that name (names_derive()). We never forget a name that was asked for,
 * but may mistake another name for one.
 */
void completed_note(const char *name);

#endif
