/*
 * The channel between the relay's two processes, each end against the other. While a connection's grant is
 * live, a worker that was taken over sends its monitor anything. It must get no file except those that the
 * policy of that connection names, nothing of its key, no signature except for a client's handshake, and no
 * descriptor may be left open. The worker must survive any answer.
 *
 * Input: a byte that says which side sends. For the worker, each question is a byte for its descriptors (bits
 * of enum along), the head, two bytes of length, and data; GRANT in them stands for the grant's number. For
 * the monitor: an answer as it is sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/grants.h"
#include "monitor/monitor.h"
#include "relay/sandbox/monitor_client.h"

#define MUST(condition) ((condition) ? (void)0 : abort())
#define GRANT "GRNT"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum along { A_FILE = 1, A_PAIR_END = 2, A_REQUEST = 4, QUESTIONS = 8 };

static char ca_file[64], client_file[64];
static uint32_t grant;
static ino_t named;
static EVP_PKEY *client_key;

static int next_descriptor(void)
{
    const int fd = dup(STDERR_FILENO);

    MUST(fd >= 0);
    close(fd);
    return fd;
}

static void write_file(char path[64], const char *name, EVP_PKEY *key)
{
    struct stat st;
    FILE *file;

    snprintf(path, 64, "/tmp/retrotls-fuzz-%s-%d", name, (int)getpid());
    file = fopen(path, "w");
    MUST(file != NULL);
    fputs("no certificate\n", file);
    if (key)
        MUST(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    else
        MUST(fstat(fileno(file), &st) == 0 && (named = st.st_ino) != 0);
    fclose(file);
}

static void remove_files(void)
{
    unlink(ca_file);
    unlink(client_file);
}

/*
 * Makes the live connection. Its policy names a ca-file and a client's certificate, whose file has the key.
 */
static void renew(void)
{
    const struct settings settings = {
        .level = LEVEL_SECURE, .ca_file = ca_file, .client_cert = client_file, .log = "none"};
    struct grant_facts facts;

    grant_end(grant);
    monitor_grant(&settings, &facts);
    grant = facts.grant;
    MUST(grant != 0);
}

static bool is_live(uint32_t number)
{
    struct grant *const g = grant_find(number);

    if (g)
        grant_put(g);
    return g != NULL;
}

static void begin(void)
{
    static const uint8_t token[WIRE_TOKEN_SIZE] = "the right token";

    monitor_set_token(token);
    monitor_set_relay_name("00112233445566778899aabbccddeeff");
    client_key = EVP_EC_gen("P-256");
    MUST(client_key != NULL);
    write_file(ca_file, "ca", NULL);
    write_file(client_file, "client", client_key);
    atexit(remove_files);
    renew();
}

/* A connection on which a program has sent these bytes of the input. */
static int request_of(const uint8_t *bytes, size_t length)
{
    int pair[2];

    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    if (length > 0)
        (void)!send(pair[0], bytes, length, MSG_DONTWAIT);
    close(pair[0]);
    return pair[1];
}

/* It must be what a client signs in a handshake of TLS 1.3 or 1.2, with a scheme that fits this key. */
static void is_of_a_handshake(const struct monitor_question *q, const struct monitor_answer *a)
{
    static const char *const digests[DIGEST_COUNT] = {
        [DIGEST_SHA224] = "SHA224",
        [DIGEST_SHA256] = "SHA256",
        [DIGEST_SHA384] = "SHA384",
        [DIGEST_SHA512] = "SHA512",
    };
    static const char spaces[65] = "                                                                ";
    struct monitor_signing how;
    const uint8_t *const what = q->data + sizeof how;
    const size_t length = q->head.length - sizeof how;
    EVP_MD_CTX *const context = EVP_MD_CTX_new();

    memcpy(&how, q->data, sizeof how);
    MUST(how.pss == 0 && how.digest > DIGEST_OF_KEY && how.digest < DIGEST_COUNT);
    if (memcmp(what, spaces, 64) == 0)
        MUST(how.digest == DIGEST_SHA256 && memcmp(what + 64, "TLS 1.3, client CertificateVerify", 34) == 0);
    else
        MUST(what[0] == 1 && what[4] == 3 && what[5] == 3);
    MUST(EVP_DigestVerifyInit_ex(context, NULL, digests[how.digest], NULL, NULL, client_key, NULL) == 1);
    MUST(EVP_DigestVerify(context, a->data, a->head.length, what, length) == 1);
    EVP_MD_CTX_free(context);
}

/* Only these may come back: the ca-file, or what the input's own request sent. */
static void look_at(const struct monitor_question *q, struct monitor_answer *a)
{
    for (size_t i = 0; i < a->count; i++) {
        struct stat st;

        MUST(fstat(a->descriptor[i], &st) == 0);
        if (q->head.kind == MONITOR_FILE)
            MUST(q->head.what == NAMED_CA_FILE && st.st_ino == named);
        else
            MUST(q->head.kind == MONITOR_TAKE);
        close(a->descriptor[i]);
    }
    MUST(a->head.length <= sizeof a->data);
    if (q->head.kind == MONITOR_SIGN && a->head.error == 0)
        is_of_a_handshake(q, a);
    else if (q->head.kind == MONITOR_SIGN)
        MUST(a->head.length == 0);
    MUST(!memmem(a->data, a->head.length, "PRIVATE", 7));
    /*
     * A forged grant number could reach the settings of this new grant, which may name the log. End it, so
     * that there is none to reach.
     */
    if (q->head.kind == MONITOR_TAKE && a->head.error == 0)
        grant_end(a->head.facts.grant);
}

static void replace(uint8_t *bytes, size_t length)
{
    uint8_t *at = bytes;

    while ((at = memmem(at, length - (size_t)(at - bytes), GRANT, sizeof grant)) != NULL)
        memcpy(at, &grant, sizeof grant);
}

/* A program's request may name its user's files, but the fuzzer's must not. */
static bool reaches_out(const uint8_t *message, size_t length)
{
    struct guard_request r;
    const struct settings *const s = &r.settings;

    return wire_read_guard(&r, message, length) &&
           (s->ca_file || s->ca_dir || s->crl_file || s->client_cert || s->client_key || !s->log ||
            strcmp(s->log, "none") != 0);
}

static size_t question(const uint8_t *input, size_t size)
{
    static struct monitor_answer answer;
    static _Alignas(8) uint8_t bytes[MONITOR_DATA_LIMIT];
    struct monitor_question q = {.data = bytes};
    size_t at = 1 + sizeof q.head + 2, length;
    int pair[2];

    if (size < at)
        return size;
    memcpy(&q.head, input + 1, sizeof q.head);
    replace((uint8_t *)&q.head, sizeof q.head);
    q.head.kind %= MONITOR_OPENER; /* an opener is a thread that would stay */
    length = (size_t)input[at - 2] << 8 | input[at - 1];
    if (length > size - at)
        length = size - at;
    memcpy(bytes, input + at, length);
    q.head.length = (uint32_t)length;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    if (input[0] & A_REQUEST)
        q.descriptor[q.count++] = request_of(bytes, reaches_out(bytes, length) ? 0 : length);
    if (input[0] & A_PAIR_END)
        q.descriptor[q.count++] = dup(pair[0]);
    if (input[0] & A_FILE)
        q.descriptor[q.count++] = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (monitor_answer(&q, &answer))
        look_at(&q, &answer);
    while (q.count > 0)
        close(q.descriptor[--q.count]);
    close(pair[0]);
    close(pair[1]);
    return at + length;
}

static void questions(const uint8_t *data, size_t size)
{
    for (int i = 0; i < QUESTIONS && size > 0; i++) {
        const size_t used = question(data, size);

        data += used;
        size -= used;
        if (!is_live(grant))
            renew();
    }
}

/* The worker's side, in its own process, because it exits if an answer makes no sense. */
static void take_answer(int channel, const uint8_t *answer, size_t size)
{
    static const struct monitor_answer_head no_opener = {.error = EAGAIN};
    struct files files = {.facts = {.grant = 1}};
    uint8_t text[256];
    int fd, roots[MONITOR_DESCRIPTORS];
    size_t length;

    (void)!send(channel, &no_opener, sizeof no_opener, MSG_DONTWAIT);
    (void)!send(channel, answer + 1, size - 1, MSG_DONTWAIT);
    switch (answer[0] % 4) {
    case 0:
        if (files_open(&files, NAMED_CA_FILE, &fd) == 0)
            _exit(2); /* no descriptor was sent */
        break;
    case 1:
        MUST(files_roots(&files, ROOTS_CERTIFICATES, 1, roots, &length) != 0 || length == 0);
        break;
    case 2:
        MUST(files_certificate(&files, text, sizeof text, &length) != 0 || length <= sizeof text);
        break;
    default:
        MUST(files_public_key(&files, text, sizeof text, &length) != 0 || length <= sizeof text);
    }
}

static void answers(const uint8_t *data, size_t size)
{
    int pair[2], status;
    pid_t child;

    if (size < 2)
        return;
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    child = fork();
    if (child == 0) {
        monitor_use(pair[1]);
        take_answer(pair[0], data, size);
        _exit(0);
    }
    close(pair[0]);
    close(pair[1]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    /* 1: it gave up, as it should. */
    MUST(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int before;

    if (grant == 0)
        begin();
    if (size == 0)
        return 0;
    before = next_descriptor();
    if (data[0] & 1)
        answers(data + 1, size - 1);
    else
        questions(data + 1, size - 1);
    MUST(next_descriptor() == before); /* none is left open */
    return 0;
}
