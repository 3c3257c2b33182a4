/*
 * How long a program takes from start to end, alternately with and without one variable in its environment.
 *
 *   spawn ROUNDS VARIABLE=VALUE PROGRAM ARGUMENTS...
 *
 * Prints microseconds: with it, without it, and the median difference.
 */
#include <err.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double run(char **command, char **environment)
{
    struct timespec start, end;
    pid_t pid;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (posix_spawn(&pid, command[0], NULL, NULL, command, environment) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0)
        errx(1, "%s failed", command[0]);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3;
}

static int ascending(const void *left, const void *right)
{
    double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, ascending);
    return values[count / 2];
}

int main(int count, char **arguments)
{
    size_t rounds = count > 3 ? strtoul(arguments[1], NULL, 10) : 0;
    if (rounds == 0)
        errx(2, "usage: spawn ROUNDS VARIABLE=VALUE PROGRAM ARGUMENTS...");
    size_t variables = 0;
    while (environ[variables])
        variables++;
    char **longer = calloc(variables + 2, sizeof *longer);
    double *with = calloc(rounds, sizeof *with), *without = calloc(rounds, sizeof *without);
    double *difference = calloc(rounds, sizeof *difference);
    if (!longer || !with || !without || !difference)
        err(1, "calloc");
    memcpy(longer, environ, variables * sizeof *longer);
    longer[variables] = arguments[2];
    for (size_t i = 0; i < rounds; i++) {
        if (i % 2)
            without[i] = run(arguments + 3, environ);
        with[i] = run(arguments + 3, longer);
        if (i % 2 == 0)
            without[i] = run(arguments + 3, environ);
        difference[i] = with[i] - without[i];
    }
    printf("%.2f %.2f %.2f\n", median(with, rounds), median(without, rounds), median(difference, rounds));
    free(longer);
    free(with);
    free(without);
    free(difference);
    return 0;
}
