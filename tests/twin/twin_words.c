/* How the transcript names errors and events: see twin.h. */
#include "twin.h"

const char *error_name(int error)
{
    static _Thread_local char other[16];
#define NAME(e) \
    case e:     \
        return #e
    switch (error) {
    case 0:
        return "0";
        NAME(E2BIG);
        NAME(EACCES);
        NAME(EADDRINUSE);
        NAME(EADDRNOTAVAIL);
        NAME(EAFNOSUPPORT);
        NAME(EAGAIN);
        NAME(EALREADY);
        NAME(EBADF);
        NAME(EBADMSG);
        NAME(EBUSY);
        NAME(ECHILD);
        NAME(ECONNABORTED);
        NAME(ECONNREFUSED);
        NAME(ECONNRESET);
        NAME(EDESTADDRREQ);
        NAME(EDOM);
        NAME(EEXIST);
        NAME(EFAULT);
        NAME(EHOSTUNREACH);
        NAME(EINPROGRESS);
        NAME(EINTR);
        NAME(EINVAL);
        NAME(EIO);
        NAME(EISCONN);
        NAME(EISDIR);
        NAME(ELOOP);
        NAME(EMFILE);
        NAME(EMSGSIZE);
        NAME(ENETUNREACH);
        NAME(ENFILE);
        NAME(ENOBUFS);
        NAME(ENODATA);
        NAME(ENODEV);
        NAME(ENOENT);
        NAME(ENOMEM);
        NAME(ENOPROTOOPT);
        NAME(ENOSPC);
        NAME(ENOSYS);
        NAME(ENOTCONN);
        NAME(ENOTDIR);
        NAME(ENOTSOCK);
        NAME(ENOTTY);
        NAME(ENXIO);
        NAME(EOPNOTSUPP);
        NAME(EPERM);
        NAME(EPIPE);
        NAME(EPROTONOSUPPORT);
        NAME(EPROTOTYPE);
        NAME(ERANGE);
        NAME(ESOCKTNOSUPPORT);
        NAME(ESPIPE);
        NAME(ESRCH);
        NAME(ETIMEDOUT);
        NAME(ETOOMANYREFS);
        NAME(EXDEV);
    }
#undef NAME
    snprintf(other, sizeof other, "E%d", error);
    return other;
}

const char *event_names(unsigned events)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        {POLLIN, " IN"},         {POLLPRI, " PRI"},       {POLLOUT, " OUT"},       {POLLERR, " ERR"},
        {POLLHUP, " HUP"},       {POLLRDHUP, " RDHUP"},   {POLLNVAL, " NVAL"},     {POLLRDNORM, " RDNORM"},
        {POLLRDBAND, " RDBAND"}, {POLLWRNORM, " WRNORM"}, {POLLWRBAND, " WRBAND"},
    };
    static _Thread_local char text[128];
    text[0] = text[1] = 0;
    size_t used = 0;
    for (size_t i = 0; i < COUNT(names); i++)
        if (events & names[i].bit) {
            size_t length = strlen(names[i].name);
            memcpy(text + used, names[i].name, length + 1);
            used += length;
        }
    return used ? text + 1 : "none";
}
