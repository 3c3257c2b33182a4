/* retrotls lint. */
#ifndef RETROTLS_CHECK_LINT_H
#define RETROTLS_CHECK_LINT_H

/* Shows every error of a policy; returns the exit status. */
int lint(int argc, char **argv);

#endif
