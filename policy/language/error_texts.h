/*
 * All errors of the policy language in one table: what is wrong, and what to do about it.
 *
 * %1, %2 and %3 stand for the words given to errors_report(). Advice that uses a word that was not given is
 * left out.
 */
#ifndef RETROTLS_POLICY_LANGUAGE_ERROR_TEXTS_H
#define RETROTLS_POLICY_LANGUAGE_ERROR_TEXTS_H

#define POLICY_MESSAGES(M)                                                                                 \
    /* the file */                                                                                         \
    M(FILE_MISSING, "no such file", "create it, or name another file in RETROTLS_POLICY")                  \
    M(FILE_UNREADABLE, "cannot be read: %1", "")                                                           \
    M(FILE_NOT_REGULAR, "is not a regular file", "")                                                       \
    M(FILE_STRANGER, "belongs to user %1, who is neither you nor root",                                    \
      "chown it to root or to you, or write one of your own")                                              \
    M(FILE_WRITABLE, "users other than its owner may write to it (mode %1)", "chmod go-w '%2'")            \
    M(FILE_TOO_LARGE, "larger than %1 bytes", "")                                                          \
    M(FILES_TOO_LARGE, "together, the files of this policy are larger than %1 bytes", "")                  \
    M(FILES_TOO_MANY, "the policy consists of more than %1 files", "")                                     \
    M(BLOCKS_TOO_MANY, "the policy has more than %1 blocks",                                               \
      "one 'match' line may name many hosts, addresses or ports")                                          \
    M(POLICY_TOO_LARGE, "the policy takes more than %1 bytes of memory", "")                               \
    /* its words */                                                                                        \
    M(NUL_BYTE, "a NUL byte: this is not plain text", "save the file as plain text (ASCII or UTF-8)")      \
    M(CONTROL_CHARACTER, "a control character", "use only blanks and tabs between words")                  \
    M(QUOTE_OPEN, "this quotation mark is never closed", "")                                               \
    M(QUOTE_ESCAPE, "'\\' before a character that needs none",                                             \
      "between quotation marks, write \\\" for a quotation mark and \\\\ for a backslash")                 \
    M(QUOTE_TAIL, "something follows the closing quotation mark", "put a blank between them")              \
    M(QUOTE_INSIDE, "a quotation mark within a word", "put the whole word in quotation marks")             \
    M(WORD_TOO_LONG, "a word longer than %1 bytes", "")                                                    \
    /* lines of settings */                                                                                \
    M(UNKNOWN_SETTING, "unknown setting '%1'", "")                                                         \
    M(SIGN, "unexpected '%1' after '%2'", "write: %2 VALUE")                                               \
    M(CRITERION_ALONE, "'%1' is a criterion", "put it in a 'match' line: match %1 VALUE")                  \
    M(SETTING_TWICE, "'%1' was already set in line %2", "remove one of them")                              \
    M(SETTING_NO_VALUE, "'%1' needs a value", "")                                                          \
    M(SETTING_ONE_VALUE, "'%1' takes only one value", "put a value with blanks in quotation marks")        \
    M(LIST_TOO_LONG, "'%1' takes %2 values at most", "")                                                   \
    M(SETTING_NOWHERE, "'%1' belongs to no block: it follows an 'include'",                                \
      "begin a block with a 'match' line, or move it up")                                                  \
    /* match lines */                                                                                      \
    M(MATCH_EMPTY, "'match' needs a criterion",                                                            \
      "to match every server, write: match address 0.0.0.0/0 ::/0")                                        \
    M(UNKNOWN_CRITERION, "unknown criterion '%1'", "")                                                     \
    M(CRITERION_QUOTED, "'%1' in quotation marks is a value, not a criterion", "write: %1 VALUE")          \
    M(CRITERION_TWICE, "'%1' appears twice", "write all its values after the first one")                   \
    M(CRITERION_NO_VALUE, "'%1' needs a value", "")                                                        \
    M(CRITERION_NEGATED, "'!' negates a value, not a criterion", "write: %1 !VALUE")                       \
    M(CRITERION_MISSPELT, "'%1' looks like the criterion '%2'",                                            \
      "if it is meant as a value, put it in quotation marks")                                              \
    M(SETTING_IN_MATCH, "'%1' is a setting",                                                               \
      "put it in a line of its own; if it is meant as a value, put it in quotation marks")                 \
    M(NEGATION_ALONE, "'!' without a value", "write it directly before the value: !VALUE")                 \
    /* values */                                                                                           \
    M(UNKNOWN_VALUE, "'%2' cannot be '%1'", "")                                                            \
    M(COMMA, "a comma in '%1'", "separate values with blanks only")                                        \
    M(HOST_BAD, "'%1' is not a host name", "")                                                             \
    M(HOST_NOT_ASCII, "a host name that is not ASCII", "write it as the DNS has it: xn--...")              \
    M(HOST_IS_ADDRESS, "'%1' is an address, not a host name", "write: address %1")                         \
    M(HOST_IS_NUMBER, "'%1' is a number, not a host name", "write: port %1")                               \
    M(NAME_PATTERN, "'%1' is a pattern", "write the exact name that the certificate must be for")          \
    M(SERVERNAME_ADDRESS, "'%1' is an address", "a server name is a host name (RFC 6066, 3)")              \
    M(ADDRESS_BAD, "'%1' is not an address", "write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32")             \
    M(ADDRESS_IS_NAME, "'%1' is not an address", "for a host name, write: host %1")                        \
    M(ADDRESS_ZONE, "a zone ('%%') cannot be in an address", "leave it out: it is not compared")           \
    M(ADDRESS_PREFIX, "the prefix of '%1' must be a number from 0 to %2", "")                              \
    M(ADDRESS_BITS, "'%1' has bits beyond its prefix", "did you mean '%2'?")                               \
    M(PORT_BAD, "'%1' is neither a port nor a known service", "did you mean '%2'?")                        \
    M(PORT_LIMIT, "'%1' is not a port", "ports are 1 to 65535")                                            \
    M(PORT_BACKWARDS, "'%1' ends before it begins", "write: %2")                                           \
    M(PROGRAM_RELATIVE, "'%1' is neither a name nor a whole path",                                         \
      "begin it with '/', or with '*' for any folder")                                                     \
    M(TILDE, "'~' is not expanded", "write the whole path, or one that starts from this file's folder")    \
    M(USER_LIMIT, "'%1' is not a user id", "")                                                             \
    M(TIME_BAD, "'%1' is not a time", "write seconds (30, 30s) or minutes (2m)")                           \
    M(TIME_LIMIT, "'%1' is not between 1s and 60m", "")                                                    \
    M(FINGERPRINT_BARE, "a fingerprint begins with its kind",                                              \
      "write sha256:%1 (of the certificate) or spki-sha256:%1 (of the public key)")                        \
    M(FINGERPRINT_DIGIT, "not a hexadecimal digit", "SHA-256 has 64 of them, with or without colons")      \
    M(FINGERPRINT_LENGTH, "a fingerprint of %1 hexadecimal digits", "SHA-256 has 64 of them")              \
    M(CONNECT_TO_BAD, "'%1' is not a place to connect to", "write PORT, HOST:PORT or [IPV6-ADDRESS]:PORT") \
    M(PORT_NOT_ONE, "'%1' is not a port", "write a number from 1 to 65535, or the name of a service")      \
    M(CIPHERS_CHARACTER, "'%1' cannot be in a list of %2",                                                 \
      "write the names as OpenSSL has them, with colons between them")                                     \
    /* paths */                                                                                            \
    M(PATH_TOO_LONG, "a path longer than %1 bytes", "")                                                    \
    M(PATH_UNREADABLE, "'%1' cannot be read: %2", "")                                                      \
    M(PATH_NOT_FILE, "'%1' is not a regular file", "")                                                     \
    M(PATH_NOT_FOLDER, "'%1' is not a folder", "")                                                         \
    M(PEM_MISSING, "'%1' holds no %2 in PEM form", "convert it with openssl(1)")                           \
    M(KEY_EXPOSED, "others may read the key in '%1' (mode %2)", "chmod o=,g-w '%1'")                       \
    M(LOG_FOLDER, "the log's folder '%1' cannot be used: %2", "")                                          \
    /* settings that do not go together */                                                                 \
    M(FINGERPRINT_MISSING, "level fingerprint without a fingerprint",                                      \
      "add 'fingerprint sha256:...'; 'retrotls check HOST' shows it")                                      \
    M(FINGERPRINT_UNUSED, "a fingerprint counts only with 'level fingerprint'; here the level is '%1'",    \
      "add 'level fingerprint'")                                                                           \
    M(VERSIONS_CROSSED, "tls-min %1 is above tls-max %2", "")                                              \
    M(SYSTEM_AND_FOLDER, "'ca-file system' and a ca-dir exclude each other",                               \
      "leave one of them out, or copy the certificates of both into one folder")                           \
    M(KEY_ALONE, "a client-key without a client-cert", "add 'client-cert FILE'")                           \
    M(CERT_ALONE, "a client-cert without a key", "add 'client-key FILE', or put the key into '%1' too")    \
    M(REACH_PLACE,                                                                                         \
      "'reach' is decided when a program starts, before it has a connection, and this block has '%1'",     \
      "put it before the first 'match', or into a block with only 'program' and 'user'")                   \
    M(UNUSABLE, "'%1' cannot be used: %2", "")                                                             \
    /* include */                                                                                          \
    M(INCLUDE_CYCLE, "'%1' includes itself", "")                                                           \
    M(INCLUDE_DEPTH, "includes within includes, more than %1 deep", "")                                    \
    M(INCLUDE_PATTERN, "only the last part of the path may have '*' and '?'", "")                          \
    M(INCLUDE_LOST, "'%1' has settings outside any block: here they apply to nothing",                     \
      "include it before the first 'match' line")

#define POLICY_MESSAGE_ID(id, text, advice) MESSAGE_##id,
enum message { POLICY_MESSAGES(POLICY_MESSAGE_ID) MESSAGES };
#undef POLICY_MESSAGE_ID

#endif
