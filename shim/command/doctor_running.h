/* `retrotls doctor` of processes that run. */
#ifndef RETROTLS_COMMAND_DOCTOR_RUNNING_H
#define RETROTLS_COMMAND_DOCTOR_RUNNING_H

/*
 * Shows the process with this number, or those of a service of systemd's. Returns the exit status: that of
 * doctor.c, where 1 also stands for a connection that is in the clear although the policy guards it.
 */
int doctor_process(const char *number);
int doctor_service(const char *name);

#endif
