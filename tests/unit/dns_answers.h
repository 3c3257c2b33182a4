/* A DNS server for test_resolver.c. */
#ifndef RETROTLS_TESTS_UNIT_DNS_ANSWERS_H
#define RETROTLS_TESTS_UNIT_DNS_ANSWERS_H

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Answers queries over UDP: type A with 192.0.2.20 and .21, AAAA with 2001:db8::20, MX with mx.example.net,
 * CNAME with something malformed.
 */
static void *answer_queries(void *argument)
{
    const int fd = *(const int *)argument;
    static const uint8_t v4[] =
        "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc0\0\2\x14\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc0\0\2\x15";
    static const uint8_t v6[] = "\xc0\x0c\0\x1c\0\1\0\0\0\1\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x20";
    static const uint8_t exchanger[] = "\xc0\x0c\0\x0f\0\1\0\0\0\1\0\x12\0\1\2mx\7example\3net";
    static const uint8_t malformed[] = "\xc0\x0c\0\5\0\1\0\0\0\1\0\2\xff\xff";
    uint8_t message[1024];
    struct sockaddr_in from;

    for (;;) {
        socklen_t size = sizeof from;
        ssize_t length = recvfrom(fd, message, 512, 0, (struct sockaddr *)&from, &size);
        size_t at = 12;
        if (length < 17)
            return NULL; /* the test asks us to end */
        while (message[at])
            at += 1u + message[at];
        const uint8_t type = message[at + 2];
        const uint8_t *const record = type == 28 ? v6 : type == 15 ? exchanger : type == 5 ? malformed : v4;
        const size_t size_of = type == 28   ? sizeof v6 - 1
                               : type == 15 ? sizeof exchanger /* including the root's label */
                               : type == 5  ? sizeof malformed - 1
                                            : sizeof v4 - 1;
        at += 5;
        message[2] = 0x81;
        message[3] = 0x80;
        memset(message + 6, 0, 6);
        message[7] = type == 1 ? 2 : 1;
        memcpy(message + at, record, size_of);
        length = (ssize_t)(at + size_of);
        sendto(fd, message, (size_t)length, 0, (struct sockaddr *)&from, size);
    }
}

#endif
