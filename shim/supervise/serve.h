/* The supervisor's main loop. */
#ifndef RETROTLS_SUPERVISE_SERVE_H
#define RETROTLS_SUPERVISE_SERVE_H

/* Serves the notified calls until no process has the filter any more. */
void serve(int listener);

#endif
