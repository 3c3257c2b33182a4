/*
 * recvmmsg() on a stream: each message takes what it can, and the call ends when the data does.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[4][8] = {0};
    struct iovec parts[4];
    struct mmsghdr messages[4];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < 4; i++) {
        parts[i] = (struct iovec){buffer[i], sizeof buffer[i]};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    peer("send 20");
    wait_readable(fd, 20);
    SAY(recvmmsg(fd, messages, 4, MSG_DONTWAIT, NULL));
    say("%u %u %u", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
    SAY(recvmmsg(fd, messages, 4, MSG_DONTWAIT, NULL));
    peer("send 5");
    wait_readable(fd, 5);
    SAY(recvmmsg(fd, messages, 4, MSG_WAITFORONE, NULL));
    say("%u", messages[0].msg_len);
    return 0;
}
