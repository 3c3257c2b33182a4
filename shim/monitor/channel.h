/* The monitor's side of its channels to the worker (messages.h). */
#ifndef RETROTLS_MONITOR_CHANNEL_H
#define RETROTLS_MONITOR_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/monitor.h"

/*
 * Waits for the next question, and writes its data to `data`. Calls `idle`, if not NULL, each time the
 * socket's SO_RCVTIMEO expires. Returns false if the channel has ended, or the message is not one that the
 * worker sends.
 */
bool channel_receive(int channel, struct monitor_question *question, uint8_t data[MONITOR_DATA_LIMIT],
                     void (*idle)(int channel));
/*
 * Answers the question, and closes the descriptors of the question and of the answer. Returns false if the
 * channel has ended, or if `answers` is not NULL and refuses this kind of question.
 */
bool channel_answer(int channel, const struct monitor_question *question, struct monitor_answer *answer,
                    bool answers(uint32_t kind));

/*
 * Answers the worker over the first channel until the channel ends, then collects the worker. After that the
 * process should end, because its openers may hang.
 */
void monitor_run(int channel, pid_t worker);

#endif
