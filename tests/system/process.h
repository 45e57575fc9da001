/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes of a system test: started, listened to, waited for, and gone when the test is, whatever happens.
 * Their output is kept, to be waited for and to be shown when a wait fails.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "system/pump.h"

struct stream {
        struct pump_source source;
        char *text; /* NUL-terminated, from the start of the process */
        size_t size;
        size_t cursor; /* what process_wait_log() has already looked past */
};

struct process {
        const char *name; /* for messages: "sconced" */
        pid_t pid;        /* 0 once it has ended */
        int pidfd;
        int status; /* as from waitpid(2), once it has ended */
        struct pump_source end;
        struct stream out, err;
        struct process *next;
};

struct process_options {
        const char *name;
        const char *const *env;               /* "NAME=value", NULL-terminated, added to ours; NULL: none */
        unsigned (*give_fds)(void *userdata); /* in the child: puts fds at 3, 4 … and gives how many; NULL: none */
        int (*prepare)(void *userdata);       /* in the child before exec; not 0: the child ends with status 127 */
        void *userdata;
};

/* Puts words and the NULL after them at the end of an argv that has the room; gives how many. */
size_t put_words(const char *argv[], const char *const words[]);

/* argv[0] is looked up in PATH. `options` may be NULL. Fails the test when the process cannot be made. */
struct process *process_start(const char *const argv[], const struct process_options *options);
void process_free(struct process *process); /* kills it if it still runs; NULL is fine */
void process_free_all(void);                /* for teardowns: everything that was not freed */

bool process_running(const struct process *process);
void process_signal(struct process *process, int signal);
/* Waits for the end: the exit status, or 128 + the signal; fails the test after the time. */
int process_wait(struct process *process, unsigned within_ms);

/* Waits for a line on stderr that contains `text`, after those that earlier calls found; fails the test otherwise.
 * Returns the line, valid until the next call. */
const char *process_wait_log(struct process *process, const char *text, unsigned within_ms);
bool process_logged(struct process *process, const char *text); /* anywhere in what it has printed so far */

/* Runs a program to its end (15 s at most) and keeps its output: process_free() it afterwards. */
struct process *process_run(const char *const argv[], const struct process_options *options, int *ret_status);

/* Fails the test with this message and the last lines of every process. */
_Noreturn void give_up(const char *format, ...) PRINTF_LIKE(1, 2);
