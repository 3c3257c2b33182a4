/*
 * The dialogue between the command and the supervisor before the program runs, over a pair of SOCK_SEQPACKET
 * sockets. The command sends the number of its filter's descriptor (an int), which the supervisor copies with
 * pidfd_getfd(2). The supervisor replies with a string. It is empty if the supervisor is ready; otherwise it
 * is a sentence that tells a person why not.
 *
 * If the supervisor is the program's parent (front.h), its argument is the program's PID.
 */
#ifndef RETROTLS_SUPERVISE_START_HANDOVER_H
#define RETROTLS_SUPERVISE_START_HANDOVER_H

enum {
    HANDOVER_NUMBER = 3,   /* the supervisor's end of the pair */
    HANDOVER_FRONT = 4,    /* its end of the pair with the front, if there is one */
    HANDOVER_WORDS = 1024, /* bytes of the string, with its NUL */
};

#endif
