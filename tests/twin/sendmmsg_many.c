/*
 * sendmmsg() sends each message and counts each.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char text[] = "one two three";
    struct iovec parts[] = {{text, 4}, {text + 4, 4}, {text + 8, 5}};
    struct mmsghdr messages[3];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < 3; i++) {
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    SAY(sendmmsg(fd, messages, 3, 0));
    say("%u %u %u", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
    SAY_PEER("expect 13");
    return 0;
}
