#include "supervise/start/notify_filter.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "monitor/walls/calls.h"
#include "wire/call_mark.h"

#ifndef SYS_io_uring_setup
#    define SYS_io_uring_setup 425 /* one number everywhere (include/uapi/asm-generic/unistd.h) */
#endif
#ifndef MSG_FASTOPEN
#    define MSG_FASTOPEN 0x20000000
#endif

/* Where libc uses socketcall(2), the arguments are in memory, and no rule can see them. */
#if defined SYS_socketcall && !defined __powerpc__
enum { SOCKETCALL = SYS_socketcall };
#else
enum { SOCKETCALL = FILTER_NO_CALL };
#endif

void notify_filter_write(struct filter *filter)
{
    static const int notified[] = {SYS_connect,    SYS_getsockname, SYS_getpeername, SYS_getsockopt,
                                   SYS_setsockopt, SYS_shutdown,    SYS_recvmsg,     SYS_recvmmsg};
#ifdef CALL_MARK
    const struct filter_condition ours = filter_has_upper_half(0, CALL_MARK);
#else
    const struct filter_condition ours = filter_equals(5, (uint64_t)CALL_SIXTH);
#endif
    const struct filter_condition fast_open = filter_has_bits(3, MSG_FASTOPEN, MSG_FASTOPEN);

    filter_start_notifying(filter);
    for (size_t i = 0; i < sizeof notified / sizeof *notified; i++) {
        filter_allow_if(filter, notified[i], ours);
        filter_notify(filter, notified[i]);
    }
    filter_refuse_if(filter, SYS_sendto, EOPNOTSUPP, fast_open);
    filter_refuse_if(filter, SYS_sendmmsg, EOPNOTSUPP, fast_open);
    filter_refuse_if(filter, SYS_sendmsg, EOPNOTSUPP, filter_has_bits(2, MSG_FASTOPEN, MSG_FASTOPEN));
    filter_allow_if(filter, SYS_sendto, filter_equals(4, 0)); /* no address */
    filter_notify(filter, SYS_sendto);
    filter_allow_if(filter, SYS_sendmsg, ours);
    filter_notify(filter, SYS_sendmsg);
    filter_allow_if(filter, SYS_sendmmsg, ours);
    filter_notify(filter, SYS_sendmmsg);
    filter_notify_if(filter, SYS_recvfrom, filter_has_bits(3, MSG_ERRQUEUE, MSG_ERRQUEUE));
    filter_allow_if(filter, SYS_recvfrom, filter_equals(4, 0)); /* does not ask for the source address */
    filter_notify(filter, SYS_recvfrom);
    filter_allow_if(filter, SYS_ioctl, ours);
    filter_notify_if(filter, SYS_ioctl, filter_has_bits(1, UINT32_MAX, SIOCOUTQ));
    filter_notify_if(filter, SYS_ioctl, filter_has_bits(1, UINT32_MAX, SIOCOUTQNSD));
    filter_refuse(filter, SYS_io_uring_setup, ENOSYS);
    filter_refuse(filter, SOCKETCALL, ENOSYS);
}
