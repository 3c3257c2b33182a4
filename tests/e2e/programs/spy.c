/*
 * Preloaded, it writes the name of each lookup that a program makes to the file RETROTLS_TEST_SPY, and
 * `fdopen` when the program makes a stream of a socket. strace(1) cannot see these.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void tell(const char *name)
{
    const char *file = getenv("RETROTLS_TEST_SPY");
    int fd = file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (fd < 0)
        return;
    char line[64];
    int length = snprintf(line, sizeof line, "%s\n", name);
    if (write(fd, line, (size_t)length) != length)
        abort();
    close(fd);
}

EXPORT int getaddrinfo(const char *restrict name, const char *restrict service,
                       const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (name && !(hints && hints->ai_flags & AI_NUMERICHOST))
        tell("getaddrinfo");
    return real(name, service, hints, result);
}

EXPORT struct hostent *gethostbyname(const char *name)
{
    struct hostent *(*real)(const char *);
    *(void **)&real = dlsym(RTLD_NEXT, "gethostbyname");
    tell("gethostbyname");
    return real(name);
}

EXPORT FILE *fdopen(int fd, const char *mode)
{
    FILE *(*real)(int, const char *);
    *(void **)&real = dlsym(RTLD_NEXT, "fdopen");
    struct stat what;
    if (fstat(fd, &what) == 0 && S_ISSOCK(what.st_mode))
        tell("fdopen");
    return real(fd, mode);
}
