/*
 * Socket options by number, as lines of a transcript.
 */
#ifndef RETROTLS_TWIN_OPTIONS_H
#define RETROTLS_TWIN_OPTIONS_H

#include "twin.h"

enum { OPTION_SIZE = 600 };

/* True for an option whose value differs from run to run: only its length is shown. */
static inline bool value_varies(int level, int name)
{
    static const struct {
        int level, name;
    } varying[] = {
        {SOL_SOCKET, 7},    /* SO_SNDBUF: grows with use */
        {SOL_SOCKET, 8},    /* SO_RCVBUF: grows with use */
        {SOL_SOCKET, 49},   /* SO_INCOMING_CPU */
        {SOL_SOCKET, 55},   /* SO_MEMINFO */
        {SOL_SOCKET, 56},   /* SO_INCOMING_NAPI_ID */
        {SOL_SOCKET, 57},   /* SO_COOKIE */
        {IPPROTO_TCP, 2},   /* TCP_MAXSEG: what the server announced; has a test of its own */
        {IPPROTO_TCP, 10},  /* TCP_WINDOW_CLAMP: grows with use */
        {IPPROTO_TCP, 11},  /* TCP_INFO: has a test of its own */
        {IPPROTO_TCP, 12},  /* TCP_QUICKACK: comes and goes */
        {IPPROTO_TCP, 24},  /* TCP_TIMESTAMP: a clock */
        {IPPROTO_TCP, 26},  /* TCP_CC_INFO: measurements */
        {IPPROTO_IP, 9},    /* IP_PKTOPTIONS: the kernel does not write its padding */
        {IPPROTO_IP, 52},   /* IP_PROTOCOL: returns the local port */
        {IPPROTO_IPV6, 6},  /* IPV6_2292PKTOPTIONS: as IP_PKTOPTIONS */
        {IPPROTO_IPV6, 17}, /* IPV6_MULTICAST_IF: from the last packet */
        {IPPROTO_IPV6, 18}, /* IPV6_MULTICAST_HOPS: from the last packet */
    };
    for (size_t i = 0; i < COUNT(varying); i++)
        if (varying[i].level == level && varying[i].name == name)
            return true;
    return false;
}

/*
 * In a 32-bit program: an option whose value the kernel lays out differently for the 64-bit relay
 * (IP_PKTOPTIONS), or does not accept from a 32-bit process (IP_XFRM_POLICY, IPV6_XFRM_POLICY).
 */
static inline bool is_of_another_size(int level, int name)
{
    return sizeof(long) == 4 && ((level == IPPROTO_IP && (name == 9 || name == 17)) ||
                                 (level == IPPROTO_IPV6 && (name == 6 || name == 35)));
}

/*
 * An option whose answer depends on the moment or on the buffer's previous contents: the last packet's route
 * (IP_MTU, IPV6_MTU, IPV6_PATHMTU), or the question itself (IPV6_FLOWLABEL_MGR).
 */
static inline bool answer_varies(int level, int name)
{
    return (level == IPPROTO_IP && name == 14) ||
           (level == IPPROTO_IPV6 && (name == 24 || name == 32 || name == 61)) ||
           is_of_another_size(level, name);
}

static inline void say_option(int fd, int level, int name, socklen_t size)
{
    unsigned char value[OPTION_SIZE];
    char hex[2 * OPTION_SIZE + 1] = "";
    memset(value, 0xa5, sizeof value);
    socklen_t length = size;
    errno = 0;
    int result = getsockopt(fd, level, name, value, &length);
    if (result != 0) {
        say("get %d %d: %s, size %u", level, name, error_name(errno), length);
        return;
    }
    size_t shown = length < 64 ? length : 64;
    for (size_t i = 0; i < shown; i++)
        snprintf(hex + 2 * i, 3, "%02x", value[i]);
    say("get %d %d: size %u, %s", level, name, length, value_varies(level, name) ? "a value" : hex);
    for (size_t i = length; i < size; i++)
        if (value[i] != 0xa5) {
            say("  and wrote beyond it");
            break;
        }
}

static inline void say_options(int fd, int level, int first, int last)
{
    for (int name = first; name <= last; name++)
        if (!answer_varies(level, name))
            say_option(fd, level, name, OPTION_SIZE);
}

static inline void say_set_option(int fd, int level, int name, int value)
{
    errno = 0;
    int result = setsockopt(fd, level, name, &value, sizeof value);
    say("set %d %d to %d: %s", level, name, value, result ? error_name(errno) : "0");
}

/* An option of type int. */
static inline int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

#endif
