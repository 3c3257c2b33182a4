/*
 * sendfile(2) and splice(2) to a switched descriptor: done in pieces, but the program sees the result of one
 * call.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/sendfile.h>

#include "preload/adopt/fd_permit.h"
#include "preload/guard/pair.h"
#include "preload/guard/program_end.h"
#include "preload/libc/io.h"
#include "tests/unit/cmocka_all.h"

/*
 * A fake kernel: it moves `room` bytes, then fails with `error`, or is at the end of the file if that is 0.
 */
static struct {
    size_t room;
    int error;
    int calls;
    unsigned last_flags;
} kernel;

static ssize_t move(int64_t *offset, size_t count)
{
    const size_t n = count < kernel.room ? count : kernel.room;

    kernel.calls++;
    kernel.room -= n;
    if (n == 0 && count > 0 && kernel.error != 0) {
        errno = kernel.error;
        return -1;
    }
    if (offset)
        *offset += (int64_t)n;
    return (ssize_t)n;
}

static ssize_t kernel_sendfile(int to, int from, int64_t *offset, size_t count)
{
    (void)to;
    (void)from;
    return move(offset, count);
}

static ssize_t kernel_splice(int from, int64_t *from_offset, int to, int64_t *to_offset, size_t count,
                             unsigned flags)
{
    (void)from;
    (void)to;
    (void)to_offset;
    kernel.last_flags = flags;
    return move(from_offset, count);
}

struct io io = {.dup = NULL, .sendfile64 = kernel_sendfile, .splice = kernel_splice};

bool fd_permits_read(int fd)
{
    (void)fd;
    return true;
}

bool fd_permits_write(int fd)
{
    (void)fd;
    return true;
}

bool fd_permits_write_to(int fd, bool *switched)
{
    (void)fd;
    *switched = true;
    return true;
}

ssize_t program_end_received(int fd, ssize_t result)
{
    (void)fd;
    return result;
}

static void kernel_has(size_t room, int error)
{
    kernel.room = room;
    kernel.error = error;
    kernel.calls = 0;
    errno = ENOTTY; /* left by an earlier call; it must be kept */
}

/* sendfile(2), NOTES: at most 0x7ffff000 bytes in one call. An int can then hold the result. */
static void one_call_has_the_kernels_limit(void **state)
{
    int64_t offset = 0;

    (void)state;
    kernel_has(UINT32_MAX, EIO);
    assert_int_equal(sendfile64(1, 0, &offset, UINT32_MAX), 0x7ffff000);
    assert_int_equal(offset, 0x7ffff000);
    kernel_has(UINT32_MAX, EIO);
    assert_int_equal(splice(0, NULL, 1, NULL, UINT32_MAX, 0), 0x7ffff000);
}

static void what_was_moved_counts_more_than_why_no_more_was(void **state)
{
    enum { PART = PAIR_PIECE + 1000 };
    int64_t offset = 5;

    (void)state;
    for (int error = 0; error <= EPIPE; error += EPIPE) {
        kernel_has(PART, error);
        assert_int_equal(sendfile64(1, 0, &offset, 1000000), PART);
        assert_int_equal(errno, ENOTTY);
        kernel_has(PAIR_PIECE, error);
        assert_int_equal(sendfile64(1, 0, &offset, 1000000), PAIR_PIECE);
        assert_int_equal(errno, ENOTTY);
    }
    assert_int_equal(offset, 5 + 2 * (PART + PAIR_PIECE));
    kernel_has(0, EAGAIN);
    assert_int_equal(sendfile64(1, 0, &offset, 1000000), -1);
    assert_int_equal(errno, EAGAIN);
    kernel_has(0, 0);
    assert_int_equal(sendfile64(1, 0, &offset, 1000000), 0);
    assert_int_equal(sendfile64(1, 0, &offset, 0), 0);
}

/* splice() must not wait for more from a pipe that has only one piece and whose writer stays open. */
static void splice_waits_for_the_first_bytes_alone(void **state)
{
    (void)state;
    kernel_has(PAIR_PIECE, EAGAIN);
    assert_int_equal(splice(0, NULL, 1, NULL, 1000000, SPLICE_F_MORE), PAIR_PIECE);
    assert_int_equal(kernel.calls, 2);
    assert_int_equal(kernel.last_flags, SPLICE_F_MORE | SPLICE_F_NONBLOCK);
    kernel_has(100, EAGAIN);
    assert_int_equal(splice(0, NULL, 1, NULL, 1000000, 0), 100);
    assert_int_equal(kernel.calls, 1);
    assert_int_equal(kernel.last_flags, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call_has_the_kernels_limit),
        cmocka_unit_test(what_was_moved_counts_more_than_why_no_more_was),
        cmocka_unit_test(splice_waits_for_the_first_bytes_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
